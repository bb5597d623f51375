import { call } from "../api/client";
import type { Change, EventName } from "../api/merge";
import { listen } from "../api/stream";

interface Listener {
  onChange: (name: EventName, change: Change) => void;
  /** What came before may be missing: fetch anew. */
  onStale: () => void;
  onConnected: (connected: boolean) => void;
}

/** A blink of the connection is nobody's business; one that lasts this long is said. */
const SAID_AFTER_MS = 2500;

/** Follows the house's event stream, for ever, until the answer is called. */
export function follow({ onChange, onStale, onConnected }: Listener): () => void {
  let said: ReturnType<typeof setTimeout> | undefined;
  // What changed between the first fetch and the stream's beginning was told to nobody.
  let broken = true;
  const change = (name: EventName) => (data: unknown) => onChange(name, data as Change);
  const end = listen("/api/v1/events", {
    events: { broadcast: change("broadcast"), target: change("target"), room: change("room"), node: change("node"), resync: onStale },
    onOpen: () => {
      clearTimeout(said);
      said = undefined;
      onConnected(true);
      if (broken) onStale();
      broken = false;
    },
    onBroken: (gaveUp) => {
      broken = true;
      said ??= setTimeout(() => onConnected(false), SAID_AFTER_MS);
      // Perhaps the session is over: asking leads to the login if so.
      if (gaveUp) void call("GET", "/broadcasts?limit=1").catch(() => undefined);
    },
  });
  return () => {
    clearTimeout(said);
    end();
  };
}
