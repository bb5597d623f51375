/**
 * Does what the supervisor says: holds the line that plays, the one that is tried on the side, and the timers. It
 * decides nothing itself.
 */
import { asProblem } from "../api/client";
import type { RoomState } from "../api/types";
import { isBlack } from "./black";
import type { Hooks, Line, Qualities } from "./line";
import { open } from "./open";
import { isLocked, type Playback, type Source } from "./playback";
import { Probe } from "./probe";
import type { Reading } from "./reading";
import { begin, step, type Effect, type Happening, type Model } from "./supervisor";
import { troubleOf } from "./whep";

const TICK_MS = 500;
/** How often the picture is looked at, in ticks. */
const LOOK_TICKS = 4;

export interface Parts {
  ask: (signal: AbortSignal) => Promise<Playback>;
  iceServers: RTCIceServer[];
  video: HTMLVideoElement;
  /** Holds `video`, and nothing else that plays. */
  screen: HTMLElement;
  isHalted: () => boolean;
  /** The picture may be started: a new one has come. */
  play: () => void;
  onModel: (model: Model) => void;
  onReading: (reading: Reading | null) => void;
  onQualities: (qualities: Qualities | null) => void;
  /** A picture is there to be kept, for the moment when none is. */
  onLook: () => void;
  /** The room asks for something at its door. */
  onLocked: () => void;
}

export class Driver {
  private model: Model = begin(performance.now());
  private line: Line | null = null;
  private probe: Probe | null = null;
  /** Ends what is under way: a question, or the opening of a line. */
  private attempt = new AbortController();
  private due: ReturnType<typeof setTimeout> | undefined;
  private readonly ticking: ReturnType<typeof setInterval>;
  private ticks = 0;
  private reading = false;

  constructor(private readonly parts: Parts) {
    this.ticking = setInterval(() => void this.tick(), TICK_MS);
    parts.onModel(this.model);
  }

  room(state: RoomState, stream: string | null | undefined, there: boolean | null | undefined): void {
    this.tell({ type: "room", state, ...(stream === undefined ? {} : { stream }), ...(there === undefined ? {} : { there }) });
  }

  tell(happening: Happening): void {
    const now = { nowMs: performance.now(), wallMs: Date.now(), random: Math.random() };
    const next = step(this.model, happening, now);
    this.model = next.model;
    this.parts.onModel(next.model);
    for (const effect of next.effects) this.act(effect);
    this.watchClock();
  }

  choose(index: number | null): void {
    this.line?.choose(index);
  }

  close(): void {
    clearInterval(this.ticking);
    clearTimeout(this.due);
    this.drop();
  }

  /** The next try begins when it is due, not at the next tick after. */
  private watchClock(): void {
    clearTimeout(this.due);
    const { dueMs, phase } = this.model;
    if (dueMs === null || (phase !== "retrying" && phase !== "waiting")) return;
    const waitMs = Math.max(0, dueMs - performance.now());
    this.due = setTimeout(() => this.tell({ type: "tick", reading: null, hidden: document.hidden }), Math.ceil(waitMs));
  }

  private act(effect: Effect): void {
    switch (effect.do) {
      case "ask":
        return void this.ask();
      case "renew":
        return void this.renew();
      case "connect":
        return void this.connect(effect.source);
      case "close":
        return this.drop();
      case "probe":
        this.probe?.close();
        this.probe = new Probe(effect.source, this.parts.iceServers, (good) => this.tell({ type: "probed", good }));
        return;
      case "adopt":
        return this.adopt();
      case "drop_probe":
        return this.dropProbe();
      case "reload":
        return this.parts.onLocked();
    }
  }

  private fresh(): AbortSignal {
    this.attempt.abort();
    this.attempt = new AbortController();
    return this.attempt.signal;
  }

  private async ask(): Promise<void> {
    const signal = this.fresh();
    try {
      const playback = await this.parts.ask(signal);
      if (!signal.aborted) this.tell({ type: "playback", playback });
    } catch (error) {
      if (signal.aborted) return;
      const problem = asProblem(error);
      if (isLocked(problem)) this.tell({ type: "locked" });
      else this.tell({ type: "unanswered", trouble: troubleOf(problem), retryAfterS: problem.retryAfterS });
    }
  }

  /** What plays goes on playing, whatever the answer. */
  private async renew(): Promise<void> {
    const { signal } = this.attempt;
    try {
      const playback = await this.parts.ask(signal);
      if (!signal.aborted) this.tell({ type: "playback", playback });
    } catch {
      // It will be asked again, when the line breaks at the latest.
    }
  }

  private async connect(source: Source): Promise<void> {
    this.drop();
    const signal = this.fresh();
    const hooks: Hooks = {
      onSignalled: () => signal.aborted || this.tell({ type: "signalled" }),
      onFailed: (trouble, retryAfterS) => signal.aborted || this.tell({ type: "failed", trouble, retryAfterS }),
      onQualities: (qualities) => signal.aborted || this.parts.onQualities(qualities),
    };
    let line: Line;
    try {
      line = await open(source, this.parts.iceServers, this.parts.screen, hooks);
    } catch {
      // The player's own files could not be had, or the address is none.
      return hooks.onFailed("unreachable");
    }
    if (signal.aborted) return line.close();
    this.line = line;
    line.show(this.parts.video);
    this.parts.play();
  }

  private drop(): void {
    this.fresh();
    this.dropProbe();
    this.line?.close();
    this.line = null;
    this.parts.onReading(null);
    this.parts.onQualities(null);
  }

  private dropProbe(): void {
    this.probe?.close();
    this.probe = null;
  }

  /** The line on the side becomes the one that plays, without a gap: it has pictures already. */
  private adopt(): void {
    const next = this.probe?.take();
    this.probe = null;
    if (!next) return this.tell({ type: "failed", trouble: "lost" });
    const signal = this.fresh();
    next.hand({
      onSignalled: () => undefined,
      onFailed: (trouble, retryAfterS) => signal.aborted || this.tell({ type: "failed", trouble, retryAfterS }),
      onQualities: (qualities) => signal.aborted || this.parts.onQualities(qualities),
    });
    this.line?.close();
    this.line = next.line;
    next.line.show(this.parts.video);
    this.parts.play();
  }

  private async tick(): Promise<void> {
    // A browser that is busy answers late; its answers must not pile up.
    if (this.reading) return;
    this.reading = true;
    const line = this.line;
    let reading: Reading | null = null;
    try {
      reading = line ? await line.read() : null;
    } catch {
      // A connection that is just being closed tells nothing more.
    } finally {
      this.reading = false;
    }
    if (line !== this.line) return;
    this.ticks += 1;
    const { video, isHalted } = this.parts;
    const [hidden, halted] = [document.visibilityState === "hidden", isHalted()];
    const looks = reading !== null && reading.frames > 0 && !hidden && !halted && this.ticks % LOOK_TICKS === 0;
    const black = looks ? isBlack(video) : null;
    if (looks && !black) this.parts.onLook();
    this.parts.onReading(reading);
    this.tell({ type: "tick", reading, hidden, halted, black });
  }
}
