/** A reason that has not gone away with a new page does not bring another one for this long. */
const AGAIN_MS = 60_000;

/** Loads the page anew, once for the same reason. */
export function reloadOnce(reason: string): void {
  const name = `bluecast.reload ${location.pathname} ${reason}`;
  try {
    if (Date.now() - Number(sessionStorage.getItem(name) ?? 0) < AGAIN_MS) return;
    sessionStorage.setItem(name, String(Date.now()));
  } catch {
    // Without a memory it would go round and round.
    return;
  }
  location.reload();
}
