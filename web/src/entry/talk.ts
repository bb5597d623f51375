import "../style/talk.css";
import { island } from "../island";
import Alone from "../talk/Alone.svelte";

void island(Alone, "viewers");
