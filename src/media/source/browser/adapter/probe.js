// Runs in the meeting's page twice a second; looks, changes nothing. Its answer is `Observation`.
(() => {
  const NAMED = "[data-test],[data-testid]";
  const shown = (element) => {
    if (element.getClientRects().length === 0) return false;
    const style = getComputedStyle(element);
    return style.visibility !== "hidden" && style.display !== "none";
  };
  const words = (element) => (element.innerText || "").replace(/\s+/g, " ").trim().slice(0, 300);
  const names = (element) => [element.dataset.test, element.dataset.testid].filter((name) => name && name.length < 64);
  const telling = new Set(TELLING);
  const seen = new Set();
  const texts = {};
  for (const element of document.querySelectorAll(NAMED)) {
    if (seen.size >= 400) break;
    const fresh = names(element).filter((name) => !seen.has(name));
    if (fresh.length === 0 || !shown(element)) continue;
    for (const name of fresh) {
      seen.add(name);
      if (telling.has(name)) texts[name] = words(element);
    }
  }
  const first = (selector) => [...document.querySelectorAll(selector)].find(shown);
  const error = first("#error-message, p.error-message");
  const play = [...document.querySelectorAll("button")].find((button) => /^play audio$/i.test(words(button)) && shown(button));
  // bbb-web sends a join that it refuses to the logout address, with the reason.
  const refusal = (new URLSearchParams(location.search).get("errors") || "").slice(0, 300);
  const dialogs = [...document.querySelectorAll('#simpleModal, [role="dialog"], .ReactModal__Content')].filter(shown);
  return {
    scheme: location.protocol,
    path: location.pathname,
    loaded: document.readyState !== "loading" && document.body !== null,
    width: innerWidth,
    height: innerHeight,
    seen: [...seen],
    texts,
    layout: first("#layout") !== undefined,
    queue: first("#positionInWaitingQueue") !== undefined,
    refusal,
    error: error ? words(error) : null,
    play: play !== undefined,
    dialog: dialogs.map((dialog) => words(dialog) || "?").join(" ").slice(0, 600),
    text: document.body ? words(document.body).slice(0, 200) : "",
  };
})()
