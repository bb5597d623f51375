import Login from "../login/Login.svelte";
import { island } from "../island";

void island(Login);
