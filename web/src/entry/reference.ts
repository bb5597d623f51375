import "../style/admin.css";
import { island } from "../island";
import Reference from "../reference/Reference.svelte";

void island(Reference);
