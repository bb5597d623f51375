import { left } from "./left";

/** Counts down to the beginning of a room. Screen readers get the time itself and are not told every second. */
export function startCountdown(): void {
  const place = document.querySelector<HTMLElement>("[data-countdown]");
  const shown = place?.querySelector<HTMLElement>("[data-left]");
  const startsAt = Date.parse(place?.dataset["countdown"] ?? "");
  if (!place || !shown || Number.isNaN(startsAt)) return;
  shown.ariaHidden = "true";
  const tick = () => {
    const words = left(startsAt - Date.now(), document.documentElement.lang);
    shown.textContent = words;
    shown.hidden = words === "";
    if (words === "") clearInterval(timer);
  };
  const timer = setInterval(tick, 1000);
  tick();
}
