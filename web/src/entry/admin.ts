import "../style/admin.css";
import App from "../admin/App.svelte";
import { island } from "../island";

void island(App);
