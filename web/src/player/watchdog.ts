/**
 * Says of a line that plays whether it really does: pictures come, they are more than black, sound comes, and not too
 * much is lost on the way. Pure: a verdict is a function of the readings and their times.
 */
import type { Reading } from "./reading";
import type { Transport } from "./playback";

export type Verdict =
  | "fine"
  /** No picture for a moment: worth a word to the viewer, not a new line. */
  | "stalled"
  | "frozen"
  /** Too much is lost on the way: another way may be better. */
  | "lossy"
  | "black"
  | "silent";

export interface Watchdog {
  startedMs: number;
  frames: number;
  frameMs: number;
  tickMs: number;
  sound: number | null;
  soundMs: number;
  /** When the picture turned black; null while it is not. */
  blackMs: number | null;
  /** By when a picture must come, once the page has slept. */
  awaitMs: number | null;
  past: Past[];
}

interface Past {
  atMs: number;
  lost: number;
  received: number;
  frozenS: number;
}

/** The program sends ten pictures a second even when nothing moves, so that these are many missing ones. */
const PATIENCE = {
  packets: { stallMs: 2000, freezeMs: 4000 },
  segments: { stallMs: 3500, freezeMs: 10_000 },
};
/** A hidden page may be slowed down by the browser, so its silence means less. */
export const HIDDEN_FREEZE_MS = 60_000;
/** Ticks this far apart say that the page slept, not that the picture stood. */
export const SLEPT_MS = 4000;
/** After waking up a line must show a picture within this time, or is taken for dead. */
export const WAKE_MS = 1500;
export const BLACK_MS = 8000;
export const SILENT_MS = 8000;
/** Loss is judged over the last six seconds, and not before that. */
export const LOSS_WINDOW_MS = 6000;
const LOSS_SHARE = 0.08;
const LOSS_PACKETS = 100;
const LOSS_FROZEN_S = 2.5;

export interface Look {
  reading: Reading;
  hidden: boolean;
  /** Whether the picture is black; null when nobody looked. */
  black: boolean | null;
}

export function patience(transport: Transport): { stallMs: number; freezeMs: number } {
  return transport === "llhls" ? PATIENCE.segments : PATIENCE.packets;
}

export function beginWatch(nowMs: number): Watchdog {
  return { startedMs: nowMs, frames: 0, frameMs: nowMs, tickMs: nowMs, sound: null, soundMs: nowMs, blackMs: null, awaitMs: null, past: [] };
}

/** The page is back from sleep: what lives shows a picture soon. */
export function expectPicture(dog: Watchdog, nowMs: number): Watchdog {
  return { ...dog, awaitMs: nowMs + WAKE_MS, frameMs: nowMs, soundMs: nowMs, tickMs: nowMs, past: [] };
}

export function look(dog: Watchdog, { reading, hidden, black }: Look, transport: Transport, nowMs: number): { dog: Watchdog; verdict: Verdict } {
  const slept = nowMs - dog.tickMs > SLEPT_MS;
  const next: Watchdog = slept ? expectPicture(dog, nowMs) : { ...dog, tickMs: nowMs };
  if (reading.frames > dog.frames) Object.assign(next, { frames: reading.frames, frameMs: nowMs, awaitMs: null });
  if (reading.sound === null || reading.sound !== dog.sound || hidden) Object.assign(next, { sound: reading.sound, soundMs: nowMs });
  if (black !== null) next.blackMs = black && !hidden ? (dog.blackMs ?? nowMs) : null;
  next.past = slept ? [] : remember(next.past, reading, hidden, nowMs);
  return { dog: next, verdict: judge(next, hidden, transport, nowMs) };
}

function remember(past: Past[], reading: Reading, hidden: boolean, nowMs: number): Past[] {
  if (hidden || reading.received === null) return [];
  const now = { atMs: nowMs, lost: reading.lost ?? 0, received: reading.received, frozenS: reading.frozenS ?? 0 };
  // One reading from before the window is kept to measure from.
  const first = past.findLastIndex((one) => nowMs - one.atMs >= LOSS_WINDOW_MS);
  return [...past.slice(Math.max(0, first)), now].slice(-64);
}

function judge(dog: Watchdog, hidden: boolean, transport: Transport, nowMs: number): Verdict {
  const { stallMs, freezeMs } = patience(transport);
  const still = nowMs - dog.frameMs;
  if (dog.awaitMs !== null && nowMs >= dog.awaitMs && !hidden) return "frozen";
  if (still >= (hidden ? HIDDEN_FREEZE_MS : freezeMs)) return "frozen";
  if (isLossy(dog.past, nowMs)) return "lossy";
  if (still >= stallMs && !hidden) return "stalled";
  if (dog.blackMs !== null && nowMs - dog.blackMs >= BLACK_MS) return "black";
  if (nowMs - dog.soundMs >= SILENT_MS) return "silent";
  return "fine";
}

function isLossy(past: Past[], nowMs: number): boolean {
  const [first, last] = [past[0], past.at(-1)];
  if (!first || !last || nowMs - first.atMs < LOSS_WINDOW_MS) return false;
  const lost = Math.max(0, last.lost - first.lost);
  const all = lost + last.received - first.received;
  return (all >= LOSS_PACKETS && lost / all >= LOSS_SHARE) || last.frozenS - first.frozenS >= LOSS_FROZEN_S;
}
