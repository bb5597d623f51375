import type { Hooks, Line, Qualities } from "./line";
import { open } from "./open";
import type { Source } from "./playback";
import { lossPercent } from "./reading";

const LOOK_MS = 500;
/** Pictures must come within this time, and then flow for that. */
const PATIENCE_MS = 12_000;
const FLOW_MS = 3000;
const FLOW_FRAMES = 15;
const MOST_LOSS_PERCENT = 3;

/** A line that is tried out of sight, while another one plays. */
export class Probe {
  private line: Line | null = null;
  private hooks: Hooks | null = null;
  private qualities: Qualities | null = null;
  private readonly looking: ReturnType<typeof setInterval>;
  private readonly startedMs = performance.now();
  private first: { atMs: number; frames: number } | null = null;
  private over = false;

  constructor(
    source: Source,
    iceServers: RTCIceServer[],
    private readonly onDone: (good: boolean) => void,
  ) {
    const hooks: Hooks = {
      onSignalled: () => undefined,
      onFailed: (trouble, retryAfterS) => (this.hooks ? this.hooks.onFailed(trouble, retryAfterS) : this.done(false)),
      onQualities: (qualities) => {
        this.qualities = qualities;
        this.hooks?.onQualities(qualities);
      },
    };
    // Only ways over WebRTC are climbed to, and those need no element.
    open(source, iceServers, document.createElement("div"), hooks).then(
      (line) => (this.over ? line.close() : (this.line = line)),
      () => this.done(false),
    );
    this.looking = setInterval(() => void this.look(), LOOK_MS);
  }

  private async look(): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - this.startedMs > PATIENCE_MS) return this.done(false);
    const reading = await this.line?.read().catch(() => null);
    if (!reading || this.over || reading.frames === 0) return;
    this.first ??= { atMs: nowMs, frames: reading.frames };
    if (nowMs - this.first.atMs < FLOW_MS) return;
    this.done(reading.frames - this.first.frames >= FLOW_FRAMES && (lossPercent(reading) ?? 0) <= MOST_LOSS_PERCENT);
  }

  private done(good: boolean): void {
    if (this.over) return;
    this.over = true;
    clearInterval(this.looking);
    this.onDone(good);
  }

  /** Gives the line away, with the means to hear of it from now on. */
  take(): { line: Line; hand: (hooks: Hooks) => void } | null {
    const line = this.line;
    this.line = null;
    const hand = (hooks: Hooks) => {
      this.hooks = hooks;
      if (this.qualities) hooks.onQualities(this.qualities);
    };
    return line ? { line, hand } : null;
  }

  close(): void {
    this.over = true;
    clearInterval(this.looking);
    this.line?.close();
    this.line = null;
  }
}
