/** What a screen reader is told of the comments: sums, and not more often than every few seconds. Pure. */
import type { Comment } from "./wire";

export const SAID_EVERY_MS = 10_000;

export interface Chatter {
  /** How many had come in when something was said last, and when that was. */
  told: number;
  atMs: number;
}

export type Saying = { many: number; last: Comment } | null;

/** What is to be said now, if anything. */
export function listen(chatter: Chatter, arrived: number, last: Comment | null, nowMs: number): [Chatter, Saying] {
  const many = arrived - chatter.told;
  if (many <= 0 || !last || nowMs - chatter.atMs < SAID_EVERY_MS) return [chatter, null];
  return [{ told: arrived, atMs: nowMs }, { many, last }];
}
