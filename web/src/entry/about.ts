import { startCountdown } from "../room/countdown";
import { showLocalTimes } from "../room/local-time";
import { askForVisits } from "../room/visits";

showLocalTimes();
startCountdown();
askForVisits();
