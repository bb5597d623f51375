import { call } from "../api/client";
import type { Change, EventName } from "../api/merge";

interface Listener {
  onChange: (name: EventName, change: Change) => void;
  /** What came before may be missing: fetch anew. */
  onStale: () => void;
  onConnected: (connected: boolean) => void;
}

/** A blink of the connection is nobody's business; one that lasts this long is said. */
const SAID_AFTER_MS = 2500;
const AGAIN_MS = 3000;

/** Follows the event stream, for ever, until the answer is called. */
export function follow(listener: Listener): () => void {
  let source: EventSource | undefined;
  let said: ReturnType<typeof setTimeout> | undefined;
  let again: ReturnType<typeof setTimeout> | undefined;
  let first = true;

  const open = () => {
    source = new EventSource("/api/v1/events");
    source.addEventListener("open", () => {
      clearTimeout(said);
      said = undefined;
      listener.onConnected(true);
      if (!first) listener.onStale();
      first = false;
    });
    source.addEventListener("error", () => {
      first = false;
      said ??= setTimeout(() => listener.onConnected(false), SAID_AFTER_MS);
      if (source?.readyState !== EventSource.CLOSED) return;
      // The browser gave up, for instance because the session is over: ask, which leads to the login if so.
      again = setTimeout(() => {
        void call("GET", "/broadcasts?limit=1").catch(() => undefined);
        open();
      }, AGAIN_MS);
    });
    source.addEventListener("resync", () => listener.onStale());
    for (const name of ["broadcast", "target", "room", "node"] as const) {
      source.addEventListener(name, (event) => {
        try {
          listener.onChange(name, JSON.parse((event as MessageEvent<string>).data) as Change);
        } catch {
          listener.onStale();
        }
      });
    }
  };
  open();
  return () => {
    clearTimeout(said);
    clearTimeout(again);
    source?.close();
  };
}
