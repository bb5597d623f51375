/**
 * Which of several ways to the picture to take: down a rung when one does not work, up again on probation when it may.
 * Pure: the ladder is a value, and what happened makes another.
 */
import type { Trouble } from "./trouble";
import type { Transport } from "./playback";

export interface Ladder {
  /** Rungs, the quickest way first. */
  ways: Transport[];
  at: number;
  /** Since when this rung has been stood on. */
  sinceMs: number;
  /** When this rung failed lately; three times in a minute are enough. */
  strikesMs: number[];
  /** Failures of this rung to reach anything, in a row. */
  unreached: number;
  /** How long this rung must hold before a higher one is tried, and how often that was. */
  climbMs: number;
  climbs: number;
  /** When a higher rung was last climbed to; its failure soon after makes the next try later. */
  climbedMs: number | null;
}

export const FIRST_CLIMB_MS = 30_000;
export const LONGEST_CLIMB_MS = 600_000;
/** A rung that was climbed to and fails within this time was no good. */
export const PROBATION_MS = 60_000;
const STRIKES = 3;
const STRIKES_MS = 60_000;

export function ladder(ways: Transport[], nowMs: number): Ladder {
  return { ways, at: 0, sinceMs: nowMs, strikesMs: [], unreached: 0, climbMs: FIRST_CLIMB_MS, climbs: 0, climbedMs: null };
}

export function way(ladder: Ladder): Transport {
  return ladder.ways[ladder.at] ?? "whep";
}

/**
 * The ladder after a failure. `at` has changed when another way is to be taken; a way that was only lost is tried
 * again first, and what no other way would mend (nothing there, server full) changes nothing.
 */
export function fail(ladder: Ladder, trouble: Trouble, nowMs: number): Ladder {
  switch (trouble) {
    case "blocked":
    case "timeout":
    case "lossy":
      return down(ladder, ladder.at + 1, nowMs);
    case "unreachable": {
      const unreached = ladder.unreached + 1;
      if (unreached < 2) return { ...ladder, unreached };
      // Both WebRTC ways begin with the same socket: where it cannot be opened, neither can be gone.
      return down(ladder, nextOtherHost(ladder), nowMs);
    }
    case "lost":
    case "frozen": {
      const strikesMs = [...ladder.strikesMs.filter((atMs) => nowMs - atMs < STRIKES_MS), nowMs];
      return strikesMs.length >= STRIKES ? down(ladder, ladder.at + 1, nowMs) : { ...ladder, strikesMs };
    }
    default:
      return ladder;
  }
}

function nextOtherHost(ladder: Ladder): number {
  const family = way(ladder) === "llhls" ? "llhls" : "webrtc";
  const other = ladder.ways.findIndex((one, rung) => rung > ladder.at && (one === "llhls") !== (family === "llhls"));
  return other === -1 ? ladder.at + 1 : other;
}

/** From the lowest rung it goes back to the first: what was blocked a while ago may be open now. */
function down(ladder: Ladder, to: number, nowMs: number): Ladder {
  const hasty = ladder.climbedMs !== null && nowMs - ladder.climbedMs < PROBATION_MS;
  const climbMs = hasty ? later(ladder.climbMs) : ladder.climbMs;
  return { ...ladder, at: to < ladder.ways.length ? to : 0, sinceMs: nowMs, strikesMs: [], unreached: 0, climbMs, climbedMs: null };
}

function later(climbMs: number): number {
  return Math.min(climbMs * 2, LONGEST_CLIMB_MS);
}

/** The higher rung to try now, in turn from the top; null when it is not time yet. */
export function probation(ladder: Ladder, nowMs: number): number | null {
  if (ladder.at === 0 || nowMs - ladder.sinceMs < ladder.climbMs) return null;
  return ladder.climbs % ladder.at;
}

export function climbed(ladder: Ladder, to: number, nowMs: number): Ladder {
  return { ...ladder, at: to, sinceMs: nowMs, strikesMs: [], unreached: 0, climbs: ladder.climbs + 1, climbedMs: nowMs };
}

export function notClimbed(ladder: Ladder, nowMs: number): Ladder {
  return { ...ladder, sinceMs: nowMs, climbs: ladder.climbs + 1, climbMs: later(ladder.climbMs) };
}

/** A rung that holds after its probation has earned trust again. */
export function holds(ladder: Ladder, nowMs: number): Ladder {
  const unreached = 0;
  if (ladder.climbedMs === null || nowMs - ladder.climbedMs < PROBATION_MS) return ladder.unreached === 0 ? ladder : { ...ladder, unreached };
  return { ...ladder, unreached, climbedMs: null, climbMs: FIRST_CLIMB_MS };
}
