/**
 * The player's mind, without a browser in it: what to do next is a function of what was, what happened and the
 * time. The shell around it holds the connection and the timer.
 */
import type { RoomState } from "../api/types";

export type PlayerPhase =
  /** Nothing to play: the room says so, or has not said anything yet. */
  | "waiting"
  | "connecting"
  | "playing"
  /** Connected, but no picture for a while. */
  | "stalled"
  /** Waits for its next try. */
  | "retrying";

export type Trouble = "nothing_on_air" | "busy" | "refused" | "unreachable" | "timeout" | "lost" | "frozen";

export interface Model {
  room: RoomState | null;
  phase: PlayerPhase;
  /** Tries since the last picture; the back-off grows with it. */
  attempt: number;
  /** When the present phase gives up or goes on by itself. */
  dueMs: number | null;
  /** Pictures decoded on this connection, and when the last new one was noticed. */
  frames: number;
  frameMs: number;
  tickMs: number;
  trouble: Trouble | null;
}

export type Happening =
  | { type: "room"; state: RoomState }
  | { type: "tick"; frames: number | null; hidden: boolean }
  | { type: "failed"; trouble: Trouble; retryAfterS?: number | undefined }
  | { type: "lost" }
  | { type: "wake" };

export type Effect = "connect" | "close";

/** Without word from the room for this long, try anyway: the event stream may be blocked on the way. */
export const SILENT_ROOM_MS = 3000;
/** From the offer to the first picture. */
export const CONNECT_MS = 12_000;
export const STALL_MS = 3000;
export const FREEZE_MS = 7000;
/** A hidden page may be slowed down by the browser, so its silence means less. */
export const HIDDEN_FREEZE_MS = 60_000;
/** Ticks this far apart say that the page slept, not that the picture stood. */
const SLEPT_MS = 4000;
export const FIRST_DELAY_MS = 500;
export const LONGEST_DELAY_MS = 15_000;

export function begin(nowMs: number): Model {
  return { room: null, phase: "waiting", attempt: 0, dueMs: nowMs + SILENT_ROOM_MS, frames: 0, frameMs: nowMs, tickMs: nowMs, trouble: null };
}

/** Whether pictures go out in this state; interrupted and paused send the slate. */
export function onAir(room: RoomState | null): boolean {
  return room === "live" || room === "interrupted" || room === "paused";
}

/** Grows from half a second to fifteen, each half to one and a half of itself, so that viewers do not come in step. */
export function backOffMs(attempt: number, random: number): number {
  return Math.min(FIRST_DELAY_MS * 2 ** Math.min(attempt, 10), LONGEST_DELAY_MS) * (0.5 + random);
}

interface Step {
  model: Model;
  effects: Effect[];
}

export function step(model: Model, happening: Happening, nowMs: number, random: number): Step {
  switch (happening.type) {
    case "room":
      return roomSays(model, happening.state, nowMs);
    case "wake":
      return model.phase === "retrying" ? connect(model, nowMs) : same(model);
    case "lost":
      return connected(model) ? retry(model, "lost", nowMs, random) : same(model);
    case "failed":
      if (model.phase !== "connecting") return same(model);
      return retry(model, happening.trouble, nowMs, random, happening.retryAfterS);
    case "tick":
      return tick(model, happening.frames, happening.hidden, nowMs, random);
  }
}

function same(model: Model): Step {
  return { model, effects: [] };
}

function connected(model: Model): boolean {
  return model.phase === "connecting" || model.phase === "playing" || model.phase === "stalled";
}

function roomSays(model: Model, room: RoomState, nowMs: number): Step {
  const next = { ...model, room };
  if (!onAir(room)) {
    const quiet: Model = { ...next, phase: "waiting", attempt: 0, dueMs: null, trouble: null };
    return { model: quiet, effects: connected(model) ? ["close"] : [] };
  }
  return model.phase === "waiting" || model.phase === "retrying" ? connect(next, nowMs) : same(next);
}

function connect(model: Model, nowMs: number): Step {
  return { model: { ...model, phase: "connecting", dueMs: nowMs + CONNECT_MS, frames: 0, frameMs: nowMs, tickMs: nowMs }, effects: ["connect"] };
}

function retry(model: Model, trouble: Trouble, nowMs: number, random: number, retryAfterS?: number): Step {
  // A server that names a time is believed, within reason; the jitter still spreads the crowd.
  const asked = Math.min(retryAfterS ?? 0, 60) * 1000 * (1 + random * 0.25);
  const dueMs = nowMs + Math.max(backOffMs(model.attempt, random), asked);
  return { model: { ...model, phase: "retrying", attempt: model.attempt + 1, dueMs, trouble }, effects: ["close"] };
}

function tick(model: Model, frames: number | null, hidden: boolean, nowMs: number, random: number): Step {
  const slept = nowMs - model.tickMs > SLEPT_MS;
  const now = { ...model, tickMs: nowMs };
  if (model.phase === "waiting" || model.phase === "retrying") {
    return model.dueMs !== null && nowMs >= model.dueMs ? connect(now, nowMs) : same(now);
  }
  if (frames !== null && frames > model.frames) {
    return same({ ...now, phase: "playing", attempt: 0, dueMs: null, frames, frameMs: nowMs, trouble: null });
  }
  if (slept) return same({ ...now, frameMs: nowMs, dueMs: model.phase === "connecting" ? nowMs + CONNECT_MS : null });
  if (model.phase === "connecting") return model.dueMs !== null && nowMs >= model.dueMs ? retry(now, "timeout", nowMs, random) : same(now);
  const still = nowMs - model.frameMs;
  if (still >= (hidden ? HIDDEN_FREEZE_MS : FREEZE_MS)) return retry(now, "frozen", nowMs, random);
  return same({ ...now, phase: still >= STALL_MS && !hidden ? "stalled" : now.phase });
}
