import "../style/room.css";
import Room from "../room/Room.svelte";
import { island } from "../island";

void island(Room, "viewers");
