import "../style/moderate.css";
import { island } from "../island";
import Moderate from "../moderate/Moderate.svelte";

void island(Moderate);
