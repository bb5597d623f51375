/** Server-sent events that come back by themselves, whatever ended them. */

/** After the browser gave up (an answer that was no stream: a proxy's error page, a restart), with jitter against crowds. */
const AGAIN_MS = 2000;
const JITTER_MS = 3000;

interface Listener {
  events: Record<string, (data: unknown) => void>;
  /** The stream is there, for the first time or again. */
  onOpen?: () => void;
  /** The stream broke; `gaveUp` says that the browser will not try again by itself, but we do. */
  onBroken?: (gaveUp: boolean) => void;
}

/** Follows a stream until the answer is called. */
export function listen(url: string, { events, onOpen, onBroken }: Listener): () => void {
  let source: EventSource;
  let again: ReturnType<typeof setTimeout> | undefined;

  const open = () => {
    source = new EventSource(url);
    source.addEventListener("open", () => onOpen?.());
    source.addEventListener("error", () => {
      const gaveUp = source.readyState === EventSource.CLOSED;
      onBroken?.(gaveUp);
      if (gaveUp) again = setTimeout(open, AGAIN_MS + Math.random() * JITTER_MS);
    });
    for (const [name, take] of Object.entries(events)) {
      source.addEventListener(name, (event) => {
        let data: unknown;
        try {
          data = JSON.parse((event as MessageEvent<string>).data);
        } catch {
          // A broken line says nothing; the next one will.
          return;
        }
        take(data);
      });
    }
  };
  open();
  return () => {
    clearTimeout(again);
    source.close();
  };
}
