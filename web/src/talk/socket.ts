/** The shell of {@link Line}: a WebSocket, clocks, and what the browser tells of its network. */
import { begin, step, type Happening, type Line } from "./line";
import { readFrame, type Ask, type Said } from "./wire";

const TICK_MS = 1000;

interface Ears {
  onLine(line: Line): void;
  /** In the order in which it came. */
  onSaid(said: Said[]): void;
  /** The first word on a new line. */
  hello(): Ask;
  /** A closed door, perhaps. */
  onAskPage(): void;
  onTick(nowMs: number): void;
}

export class Socket {
  line: Line = begin(Date.now());
  private socket: WebSocket | null = null;
  private again: ReturnType<typeof setTimeout> | undefined;
  private readonly ticking: ReturnType<typeof setInterval>;

  constructor(
    private readonly url: string,
    private readonly ears: Ears,
  ) {
    this.ticking = setInterval(() => {
      this.happens({ type: "tick" });
      this.ears.onTick(Date.now());
    }, TICK_MS);
    addEventListener("online", this.wake);
    addEventListener("pageshow", this.wake);
    document.addEventListener("visibilitychange", this.wake);
    this.happens({ type: "start" });
  }

  private readonly wake = () => {
    if (document.visibilityState !== "hidden") this.happens({ type: "wake" });
  };

  /** Says something where there is a line to say it on. */
  say(ask: Ask): boolean {
    if (this.line.phase !== "open" || this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(ask));
    return true;
  }

  /** The page has been asked, and we may stay: the line begins anew. */
  restart(): void {
    this.happens({ type: "stop" });
    this.happens({ type: "start" });
  }

  /** What we have is not to be trusted: a new line brings it anew. */
  reopen(): void {
    this.hangUp(1000);
  }

  close(): void {
    clearInterval(this.ticking);
    clearTimeout(this.again);
    removeEventListener("online", this.wake);
    removeEventListener("pageshow", this.wake);
    document.removeEventListener("visibilitychange", this.wake);
    this.happens({ type: "stop" });
  }

  private happens(what: Happening): void {
    const [line, deeds] = step(this.line, what, Date.now());
    if (line !== this.line) {
      const before = this.line;
      this.line = line;
      clearTimeout(this.again);
      if (line.againMs !== null) this.again = setTimeout(() => this.happens({ type: "tick" }), Math.max(0, line.againMs - Date.now()));
      if (line.phase !== before.phase || line.failures !== before.failures) this.ears.onLine(line);
    }
    for (const deed of deeds) {
      if (deed === "open") this.open();
      else if (deed === "close") this.hangUp(1000);
      else if (deed === "hello") this.socket?.send(JSON.stringify(this.ears.hello()));
      else if (deed === "ping") this.socket?.send(JSON.stringify({ t: "ping" }));
      else this.ears.onAskPage();
    }
  }

  private open(): void {
    let socket: WebSocket;
    try {
      socket = new WebSocket(this.url);
    } catch {
      // The browser forbids it; the event stream will do.
      this.happens({ type: "closed", code: 1006, random: Math.random() });
      return;
    }
    this.socket = socket;
    const isOurs = () => this.socket === socket;
    socket.addEventListener("open", () => isOurs() && this.happens({ type: "opened" }));
    socket.addEventListener("close", ({ code }) => isOurs() && this.lost(code));
    socket.addEventListener("message", ({ data }) => {
      if (!isOurs() || typeof data !== "string") return;
      const said = readFrame(data);
      this.happens({ type: "heard" });
      const welcome = said.findIndex((one) => one.t === "welcome");
      this.ears.onSaid(said);
      if (welcome >= 0) this.happens({ type: "welcomed" });
    });
  }

  private lost(code: number): void {
    this.socket = null;
    this.happens({ type: "closed", code, random: Math.random() });
  }

  /** A socket that does not answer may take minutes to close: it is forgotten at once. */
  private hangUp(code: number): void {
    const { socket } = this;
    if (!socket) return;
    this.socket = null;
    socket.close(code);
    this.happens({ type: "closed", code, random: Math.random() });
  }
}
