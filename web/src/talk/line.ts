/**
 * The life of a room's socket: when it is opened, when it counts as lost, when it is tried again, and when the page goes without it. Pure:
 * `step` says what follows from what happened at `nowMs`, and the shell does it.
 */

/** From the first try to the longest wait between two. */
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 20_000;
/** A server that restarts is given this long, spread over its whole crowd. */
const RESTART_MS = 3000;
/** So long may it take from the first try to the welcome before the page hears the news by other means. */
export const PATIENCE_MS = 4000;
/** A line that has stood this long was a good one. */
const GOOD_MS = 10_000;
/** After this much silence the server is asked whether it is there, and so long it has to answer. */
export const QUIET_MS = 40_000;
export const ANSWER_MS = 10_000;

const RESTARTS = 1012;
const TURNED_OUT = 4401;

export type Phase = "closed" | "opening" | "greeting" | "open" | "waiting" | "turned_out";

export interface Line {
  phase: Phase;
  sinceMs: number;
  /** When something was last heard on it. */
  heardMs: number;
  asked: boolean;
  /** Tries that failed since the last good line. */
  failures: number;
  /** When the next one comes. */
  againMs: number | null;
  /** Whether it has ever worked. */
  worked: boolean;
}

export type Happening = { type: "start" } | { type: "opened" } | { type: "welcomed" } | { type: "heard" } | { type: "closed"; code: number; random: number } | { type: "tick" } | { type: "wake" } | { type: "stop" };

export type Deed = "open" | "hello" | "ping" | "close" | "ask_page";

export const begin = (nowMs: number): Line => ({ phase: "closed", sinceMs: nowMs, heardMs: nowMs, asked: false, failures: 0, againMs: null, worked: false });

/** Half to one and a half of what it has grown to, so that nobody comes in step. */
export function backOffMs(failures: number, restarts: boolean, random: number): number {
  const grown = Math.min(FIRST_DELAY_MS * 2 ** Math.min(Math.max(0, failures - 1), 10), LONGEST_DELAY_MS);
  return restarts ? Math.max(grown * (0.5 + random), RESTART_MS * random) : grown * (0.5 + random);
}

/** Whether the page hears the room's news by the event stream: as long as the socket does not bring them. */
export function needsStream(line: Line, nowMs: number): boolean {
  if (line.phase === "open" || line.phase === "turned_out") return false;
  if (line.failures >= (line.worked ? 2 : 1)) return true;
  return !line.worked && line.phase !== "closed" && nowMs - line.sinceMs >= PATIENCE_MS;
}

export function step(line: Line, what: Happening, nowMs: number): [Line, Deed[]] {
  const to = (phase: Phase, more: Partial<Line> = {}): Line => ({ ...line, phase, sinceMs: nowMs, heardMs: nowMs, asked: false, againMs: null, ...more });
  if (what.type === "stop") return [to("closed"), ["close"]];
  if (line.phase === "turned_out") return [line, []];
  switch (what.type) {
    case "start":
      return line.phase === "closed" ? [to("opening"), ["open"]] : [line, []];
    case "opened":
      return line.phase === "opening" ? [to("greeting"), ["hello"]] : [line, []];
    case "welcomed":
      return line.phase === "greeting" || line.phase === "open" ? [to("open", { worked: true, sinceMs: line.phase === "open" ? line.sinceMs : nowMs }), []] : [line, []];
    case "heard":
      return [{ ...line, heardMs: nowMs, asked: false }, []];
    case "closed": {
      if (line.phase === "closed" || line.phase === "waiting") return [line, []];
      if (what.code === TURNED_OUT) return [to("turned_out"), ["ask_page"]];
      const good = line.phase === "open" && nowMs - line.sinceMs >= GOOD_MS;
      const failures = good ? 1 : line.failures + 1;
      // A door that was closed, or an address that was banned, is refused before there is a socket: only the page can say so.
      const refused = line.phase === "opening" && failures === 2;
      return [to("waiting", { failures: good ? 0 : failures, againMs: nowMs + backOffMs(failures, what.code === RESTARTS, what.random) }), refused ? ["ask_page"] : []];
    }
    case "wake":
      // The device slept or was offline: what stands may be dead, and what waits need not.
      if (line.phase === "waiting") return [to("opening"), ["open"]];
      if (line.phase === "open" && !line.asked) return [{ ...line, asked: true, heardMs: nowMs - QUIET_MS }, ["ping"]];
      return [line, []];
    case "tick": {
      if (line.phase === "waiting" && line.againMs !== null && nowMs >= line.againMs) return [to("opening"), ["open"]];
      if ((line.phase === "opening" || line.phase === "greeting") && nowMs - line.sinceMs >= ANSWER_MS) return [line, ["close"]];
      if (line.phase !== "open") return [line, []];
      const quietMs = nowMs - line.heardMs;
      if (line.asked && quietMs >= QUIET_MS + ANSWER_MS) return [line, ["close"]];
      if (!line.asked && quietMs >= QUIET_MS) return [{ ...line, asked: true }, ["ping"]];
      return [line, []];
    }
  }
}
