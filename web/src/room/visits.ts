/** Counts a visit by Matomo, once the visitor has agreed; before, nothing of it is loaded and nothing is sent. */

type Matomo = unknown[][];

/** What the visitor has said is kept for the whole site. */
const NAME = "bluecast.visits";

function said(): string | null {
  try {
    return localStorage.getItem(NAME);
  } catch {
    // Who keeps nothing is asked each time.
    return null;
  }
}

function say(answer: string): void {
  try {
    localStorage.setItem(NAME, answer);
  } catch {
    // As above.
  }
}

export function askForVisits(): void {
  const place = document.getElementById("visits");
  const { url, site } = place?.dataset ?? {};
  if (!place || !url || !site) return;
  // Browsers can say no for those who asked them to.
  const refuses = navigator.doNotTrack === "1" || (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl === true;
  const answer = said() ?? (refuses ? "no" : null);
  if (answer === "yes") count(url, site);
  if (answer !== null) return;
  place.hidden = false;
  for (const button of place.querySelectorAll<HTMLButtonElement>("[data-agree]")) {
    button.addEventListener("click", () => {
      const agree = button.dataset["agree"] ?? "no";
      say(agree);
      place.hidden = true;
      if (agree === "yes") count(url, site);
    });
  }
}

function count(url: string, site: string): void {
  const queue: Matomo = [["disableCookies"], ["setTrackerUrl", `${url}matomo.php`], ["setSiteId", site], ["trackPageView"], ["enableHeartBeatTimer"]];
  (globalThis as { _paq?: Matomo })._paq = queue;
  const script = document.createElement("script");
  script.async = true;
  script.src = `${url}matomo.js`;
  document.head.append(script);
}
