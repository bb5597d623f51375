/**
 * The player's mind, without a browser in it: what to do next is a function of what was, what happened and the
 * time. The shell around it (`driver.ts`) holds the lines and the timers.
 */
import type { RoomState } from "../api/types";
import { climbed, fail, holds, ladder, notClimbed, probation, way, type Ladder } from "./ladder";
import type { Playback, Source } from "./playback";
import type { Reading } from "./reading";
import { backOffMs, NOT_THERE_MS, spreadMs } from "./timing";
import type { Trouble } from "./trouble";
import { beginWatch, expectPicture, look, SLEPT_MS, type Watchdog } from "./watchdog";

export type { Trouble } from "./trouble";

export type PlayerPhase =
  /** Nothing to play: the room says so, or has not said anything yet. */
  | "waiting"
  /** Asks where to play from. */
  | "asking"
  | "connecting"
  | "playing"
  /** Connected, but no picture for a while. */
  | "stalled"
  /** Waits for its next try. */
  | "retrying";

export interface Model {
  room: RoomState | null;
  /** What the room says it plays from, and whether pictures are there; null where it does not say. */
  stream: string | null;
  there: boolean | null;
  viewers: number;
  phase: PlayerPhase;
  /** Tries since the last picture; the back-off grows with it. */
  attempt: number;
  /** When the present phase gives up or goes on by itself. */
  dueMs: number | null;
  trouble: Trouble | null;
  /** When a picture was lost last: who just watched is impatient. */
  lostMs: number | null;
  playback: Playback | null;
  askedMs: number;
  ladder: Ladder;
  /** What the ladder was learnt with: the ways and their hosts. */
  learnt: string | null;
  /** The stream that was gone to last because the room named it. */
  moved: string | null;
  /** Whether the way was open already while the picture was waited for. */
  linked: boolean;
  dog: Watchdog;
  /** What was tried once against a black picture and silence, for this stream. */
  tried: { stream: string | null; black: boolean; silent: boolean };
  /** The higher way that is being tried on the side. */
  probing: number | null;
}

export type Happening =
  | { type: "room"; state: RoomState; stream?: string | null; there?: boolean | null }
  | { type: "viewers"; viewers: number }
  /** Where to play from. */
  | { type: "playback"; playback: Playback }
  /** No answer to that, or one that says no. */
  | { type: "unanswered"; trouble: Trouble; retryAfterS?: number | undefined }
  | { type: "locked" }
  /** The server has answered the line: now the media must find their way. */
  | { type: "signalled" }
  | { type: "failed"; trouble: Trouble; retryAfterS?: number | undefined }
  | { type: "tick"; reading: Reading | null; hidden: boolean; halted?: boolean; black?: boolean | null }
  | { type: "wake" }
  | { type: "left" }
  | { type: "probed"; good: boolean };

export type Effect =
  | { do: "ask" }
  /** The same question, while a line plays. */
  | { do: "renew" }
  | { do: "connect"; source: Source }
  | { do: "close" }
  | { do: "probe"; source: Source }
  | { do: "adopt" }
  | { do: "drop_probe" }
  /** The room has a door now: the page knows how to show it. */
  | { do: "reload" };

/** Without word from the room for this long, try anyway: the event stream may be blocked on the way. */
export const SILENT_ROOM_MS = 3000;
const ASK_MS = 15_000;
/** An answer about where to play from is used again for this long, for the next way down the ladder. */
export const FRESH_MS = 10_000;
const RENEW_MS = 60_000;
/** From the beginning to the server's answer, from there to an open way, and from there to the first picture. */
export const SIGNAL_MS = 10_000;
export const LINK_MS = { whep: 8000, webrtc: 4000, webrtc_tcp: 8000, llhls: 12_000 };
export const PICTURE_MS = 6000;

export interface Step {
  model: Model;
  effects: Effect[];
}

export function begin(nowMs: number): Model {
  return {
    room: null,
    stream: null,
    there: null,
    viewers: 0,
    phase: "waiting",
    attempt: 0,
    dueMs: nowMs + SILENT_ROOM_MS,
    trouble: null,
    lostMs: null,
    playback: null,
    askedMs: 0,
    ladder: ladder([], nowMs),
    learnt: null,
    moved: null,
    linked: false,
    dog: beginWatch(nowMs),
    tried: { stream: null, black: false, silent: false },
    probing: null,
  };
}

/** Whether pictures go out in this state; interrupted and paused send the slate. */
export function onAir(room: RoomState | null): boolean {
  return room === "live" || room === "interrupted" || room === "paused";
}

/** `wallMs` is `Date.now()`, which addresses expire by; `nowMs` only grows. */
export interface Now {
  nowMs: number;
  wallMs: number;
  random: number;
}

export function step(model: Model, happening: Happening, now: Now): Step {
  switch (happening.type) {
    case "room":
      return roomSays(model, happening, now);
    case "viewers":
      return same({ ...model, viewers: happening.viewers });
    case "playback":
      return model.phase === "asking" ? answered(model, happening.playback, now) : renewed(model, happening.playback, now);
    case "unanswered":
      return model.phase === "asking" ? retry(model, happening.trouble, now, happening.retryAfterS) : same(model);
    case "locked":
      return { model: { ...quiet(model), dueMs: null }, effects: [...closing(model), { do: "reload" }] };
    case "signalled":
      return model.phase === "connecting" ? same({ ...model, dueMs: now.nowMs + LINK_MS[way(model.ladder)] }) : same(model);
    case "failed":
      return hasLine(model) ? failed(model, happening.trouble, now, happening.retryAfterS) : same(model);
    case "tick":
      return tick(model, happening, now);
    case "wake":
      return wake(model, now);
    case "left":
      return hasLine(model) || model.phase === "asking" ? { model: { ...model, phase: "retrying", dueMs: null, probing: null }, effects: [{ do: "close" }] } : same(model);
    case "probed":
      return probed(model, happening.good, now);
  }
}

function same(model: Model): Step {
  return { model, effects: [] };
}

function hasLine(model: Model): boolean {
  return model.phase === "connecting" || model.phase === "playing" || model.phase === "stalled";
}

function isPlaying(model: Model): boolean {
  return model.phase === "playing" || model.phase === "stalled";
}

function closing(model: Model): Effect[] {
  return hasLine(model) || model.phase === "asking" ? [{ do: "close" }] : [];
}

function quiet(model: Model): Model {
  return { ...model, phase: "waiting", attempt: 0, dueMs: null, trouble: null, lostMs: null, probing: null };
}

function roomSays(model: Model, said: Extract<Happening, { type: "room" }>, now: Now): Step {
  const stream = said.stream ?? model.stream;
  const there = said.there === undefined ? model.there : said.there;
  const next = { ...model, room: said.state, stream, there };
  if (!onAir(said.state)) return { model: quiet(next), effects: closing(model) };
  if (model.phase === "waiting") return start(next, now);
  const other = stream !== null && model.playback !== null && stream !== model.playback.stream && stream !== model.moved;
  if (model.phase !== "retrying") {
    // Something else is played now. What plays may go on until that is there; it is gone to once, whatever the server then answers.
    if (!other || there === false) return same(next);
    return start({ ...next, playback: null, moved: stream, attempt: 0, lostMs: isPlaying(model) ? now.nowMs : model.lostMs }, now, closing(model));
  }
  // It will say when there is something again; until then nobody needs to knock.
  if (there === false) return same({ ...next, trouble: "not_there", dueMs: now.nowMs + NOT_THERE_MS * (0.5 + now.random) });
  const waitMs = spreadMs(next.viewers, now.random);
  const soon: Model = { ...next, attempt: 0, playback: other ? null : next.playback, lostMs: next.lostMs ?? now.nowMs };
  return waitMs < 20 ? start(soon, now) : same({ ...soon, dueMs: Math.min(now.nowMs + waitMs, next.dueMs ?? Infinity) });
}

/** Tries now: with the addresses at hand where they are fresh, else it asks for new ones. */
function start(model: Model, now: Now, before: Effect[] = []): Step {
  const { playback } = model;
  if (!playback || now.nowMs - model.askedMs >= FRESH_MS || !opens(playback, now)) {
    return { model: { ...model, phase: "asking", dueMs: now.nowMs + ASK_MS, probing: null }, effects: [...before, { do: "ask" }] };
  }
  return connect(model, playback, now, before);
}

/** The ways and where they lead, without what is one viewer's or one push's own. */
function waysOf(playback: Playback): string {
  return playback.sources.map(({ type, url }) => `${type} ${new URL(url, "http://here.invalid").host}`).join();
}

/** Whether its addresses still let somebody in. */
function opens(playback: Playback, now: Now): boolean {
  return playback.expiresMs === null || now.wallMs < playback.expiresMs - 1000;
}

function connect(model: Model, playback: Playback, now: Now, before: Effect[] = []): Step {
  const source = playback.sources[model.ladder.at] ?? playback.sources[0];
  if (!source) return retry(model, "refused", now);
  const dueMs = now.nowMs + SIGNAL_MS;
  return { model: { ...model, phase: "connecting", dueMs, linked: false, dog: beginWatch(now.nowMs), probing: null }, effects: [...before, { do: "connect", source }] };
}

function answered(model: Model, playback: Playback, now: Now): Step {
  const learnt = waysOf(playback);
  const keep = model.learnt === learnt;
  const told = { ...model, playback, askedMs: now.nowMs, stream: model.stream ?? playback.stream };
  const begun: Model = keep ? told : { ...told, ladder: ladder(playback.sources.map((source) => source.type), now.nowMs), learnt };
  const next: Model = playback.stream === model.tried.stream ? begun : { ...begun, tried: { stream: playback.stream, black: false, silent: false } };
  // Nothing to be had yet: the room's word wakes us, and the clock only in case that never comes.
  if (playback.live === false && next.there !== true) return retry({ ...next, there: false }, "not_there", now);
  return connect(next, playback, now);
}

function renewed(model: Model, playback: Playback, now: Now): Step {
  return same(isPlaying(model) && model.learnt === waysOf(playback) ? { ...model, playback, askedMs: now.nowMs } : model);
}

function failed(model: Model, trouble: Trouble, now: Now, retryAfterS?: number): Step {
  const lost = isPlaying(model) ? { ...model, lostMs: now.nowMs } : model;
  const next = { ...lost, ladder: fail(model.ladder, trouble, now.nowMs) };
  const other = next.ladder.at !== model.ladder.at;
  // Down the ladder at once; from its foot to its head only after a while.
  if (other && next.ladder.at > model.ladder.at) return start({ ...next, trouble }, now, [{ do: "close" }]);
  return retry(next, trouble, now, retryAfterS);
}

function retry(model: Model, trouble: Trouble, now: Now, retryAfterS?: number): Step {
  // A server that names a time is believed, within reason; the jitter still spreads the crowd.
  const asked = Math.min(retryAfterS ?? 0, 60) * 1000 * (1 + now.random * 0.25);
  const told = trouble === "not_there" && model.there === false ? NOT_THERE_MS * (0.5 + now.random) : 0;
  const waitMs = Math.max(backOffMs(model.attempt, now.random, model.lostMs === null ? null : now.nowMs - model.lostMs, model.viewers), asked, told);
  // The same address twice in vain: perhaps it is the address.
  const playback = model.attempt % 2 === 1 ? null : model.playback;
  const next: Model = { ...model, phase: "retrying", attempt: model.attempt + 1, dueMs: now.nowMs + waitMs, trouble, playback, probing: null };
  return { model: next, effects: hasLine(model) || model.phase === "asking" ? [{ do: "close" }] : [] };
}

function tick(model: Model, { reading, hidden, halted = false, black = null }: Extract<Happening, { type: "tick" }>, now: Now): Step {
  const due = model.dueMs !== null && now.nowMs >= model.dueMs;
  switch (model.phase) {
    case "waiting":
    case "retrying":
      return due ? start(model, now) : same(model);
    case "asking":
      return due ? retry(model, "unreachable", now) : same(model);
    case "connecting":
      return connecting(model, reading, hidden, due, now);
    case "playing":
    case "stalled":
      return reading ? watched(model, reading, hidden || halted, halted ? null : black, now) : same(model);
  }
}

function connecting(model: Model, reading: Reading | null, hidden: boolean, due: boolean, now: Now): Step {
  if (reading && reading.frames > 0) {
    const dog = look(beginWatch(now.nowMs), { reading, hidden, black: null }, way(model.ladder), now.nowMs).dog;
    return same({ ...model, phase: "playing", attempt: 0, dueMs: null, trouble: null, dog, there: model.there === false ? null : model.there });
  }
  if (now.nowMs - model.dog.tickMs > SLEPT_MS) return same({ ...model, dog: beginWatch(now.nowMs), dueMs: now.nowMs + SIGNAL_MS });
  const next = { ...model, dog: { ...model.dog, tickMs: now.nowMs } };
  // The way is open: from here on the picture has time of its own.
  if (reading?.connected && !next.linked) return same({ ...next, linked: true, dueMs: now.nowMs + PICTURE_MS });
  if (!due) return same(next);
  return failed(next, reading?.connected ? "timeout" : reading ? "blocked" : "unreachable", now);
}

function watched(model: Model, reading: Reading, hidden: boolean, black: boolean | null, now: Now): Step {
  const { dog, verdict } = look(model.dog, { reading, hidden, black: model.room === "live" ? black : null }, way(model.ladder), now.nowMs);
  const next = { ...model, dog };
  switch (verdict) {
    case "frozen":
      return failed(next, "frozen", now);
    case "lossy":
      // Without another way there is nothing better than to go on.
      return model.ladder.at + 1 < model.ladder.ways.length ? failed(next, "lossy", now) : same({ ...next, phase: "playing" });
    case "stalled":
      return same({ ...next, phase: "stalled" });
    case "black":
      return model.tried.black ? same(next) : failed({ ...next, tried: { ...model.tried, black: true } }, "black", now);
    case "silent":
      return model.tried.silent ? same(next) : failed({ ...next, tried: { ...model.tried, silent: true } }, "silent", now);
    case "fine":
      return fine({ ...next, phase: "playing", ladder: holds(model.ladder, now.nowMs) }, hidden, now);
  }
}

function fine(model: Model, hidden: boolean, now: Now): Step {
  const higher = model.probing === null && !hidden ? probation(model.ladder, now.nowMs) : null;
  if (higher === null) return same(model);
  const { playback } = model;
  if (!playback || !opens(playback, now)) {
    // The addresses have run out while one of them played: new ones first, and not too often where there are none.
    if (now.nowMs - model.askedMs < RENEW_MS) return same(model);
    return { model: { ...model, askedMs: now.nowMs }, effects: [{ do: "renew" }] };
  }
  const source = playback.sources[higher];
  return source ? { model: { ...model, probing: higher }, effects: [{ do: "probe", source }] } : same(model);
}

function probed(model: Model, good: boolean, now: Now): Step {
  if (model.probing === null || !isPlaying(model)) return { model: { ...model, probing: null }, effects: [{ do: "drop_probe" }] };
  if (!good) return { model: { ...model, probing: null, ladder: notClimbed(model.ladder, now.nowMs) }, effects: [{ do: "drop_probe" }] };
  const next: Model = { ...model, probing: null, ladder: climbed(model.ladder, model.probing, now.nowMs), dog: beginWatch(now.nowMs) };
  return { model: next, effects: [{ do: "adopt" }] };
}

function wake(model: Model, now: Now): Step {
  if (model.phase === "retrying") return start({ ...model, attempt: 0, playback: null }, now);
  if (isPlaying(model)) return same({ ...model, dog: expectPicture(model.dog, now.nowMs) });
  return same(model);
}
