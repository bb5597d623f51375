/** The comments as one browser has them: in order, without doubles, whatever comes in whichever order and however often. Pure. */
import type { Changed, Comment, Welcome } from "./wire";

/** More than these are not kept in memory; older ones can be asked for again. */
export const MOST_KEPT = 2000;

export interface Thread {
  /** The oldest first, by id, which sorts by time. */
  items: Comment[];
  /** The same, for those that are pinned, wherever they are in the thread. */
  pinned: Comment[];
  /** The highest number that was taken in. */
  seq: number;
  /** What comes before the oldest is asked for with this; null at the beginning of everything. */
  before: string | null;
  /** How many came in by themselves since the page was opened, and the last of them. */
  arrived: number;
  last: Comment | null;
}

export const empty: Thread = { items: [], pinned: [], seq: 0, before: null, arrived: 0, last: null };

const byId = (one: Comment, other: Comment) => (one.id < other.id ? -1 : one.id > other.id ? 1 : 0);

/** Where an id stands, or would. */
export function place(items: readonly Comment[], id: string): number {
  let [from, to] = [0, items.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((items[middle]?.id ?? "") < id) from = middle + 1;
    else to = middle;
  }
  return from;
}

export function find(items: readonly Comment[], id: string): Comment | undefined {
  const found = items[place(items, id)];
  return found?.id === id ? found : undefined;
}

/** Puts one in its place, instead of the one with its id where there is one. */
export function set(items: readonly Comment[], comment: Comment): Comment[] {
  const at = place(items, comment.id);
  return [...items.slice(0, at), comment, ...items.slice(items[at]?.id === comment.id ? at + 1 : at)];
}

/** The same; of two with the same id the newer word counts. */
function put(items: Comment[], comment: Comment): Comment[] {
  const there = find(items, comment.id);
  if (!there) return set(items, comment);
  if (there.seq > comment.seq) return items;
  return set(items, { ...comment, own: comment.own || there.own, mine: comment.mine.length > 0 ? comment.mine : there.mine });
}

const without = (items: Comment[], id: string) => (find(items, id) ? items.filter((one) => one.id !== id) : items);

/** Several at once, in any order and with doubles. */
function merged(items: Comment[], more: readonly Comment[]): Comment[] {
  const known = new Map(items.map((one) => [one.id, one]));
  for (const comment of more) if ((known.get(comment.id)?.seq ?? -1) <= comment.seq) known.set(comment.id, comment);
  return [...known.values()].sort(byId);
}

const isOpen = (comment: Comment) => comment.state === "shown";

/** With `items` it begins anew; without them, what is missing follows by itself, and only that counts as taken in. */
export function welcomed(thread: Thread, welcome: Welcome): Thread {
  const pinned = welcome.pinned ? merged([], welcome.pinned.filter((one) => one.pinned)) : thread.pinned;
  if (!welcome.items) return { ...thread, pinned };
  return { ...thread, items: merged([], welcome.items), pinned, seq: welcome.seq, before: welcome.before };
}

export function commented(thread: Thread, comment: Comment): Thread {
  const seq = Math.max(thread.seq, comment.seq);
  const known = find(thread.items, comment.id);
  // Something older than everything here is read when it is scrolled to.
  const oldest = thread.items[0];
  const isOlder = oldest !== undefined && comment.id < oldest.id && thread.before !== null;
  let items = isOlder ? thread.items : put(thread.items, comment);
  let { before } = thread;
  if (items.length > MOST_KEPT) {
    items = items.slice(-MOST_KEPT);
    before = items[0]?.id ?? null;
  }
  const pinned = comment.pinned ? put(thread.pinned, comment) : without(thread.pinned, comment.id);
  const isNews = (!known || (!isOpen(known) && isOpen(comment))) && !comment.own && comment.state !== "rejected";
  return { ...thread, items, pinned, seq, before, arrived: thread.arrived + (isNews ? 1 : 0), last: isNews ? comment : thread.last };
}

export function changed(thread: Thread, change: Changed): Thread {
  const { t: _, id, seq, ...what } = change;
  const next = Math.max(thread.seq, seq);
  const known = find(thread.items, id) ?? find(thread.pinned, id);
  if (!known || (seq > 0 && known.seq > seq)) return { ...thread, seq: next };
  const comment = { ...known, ...what, seq: Math.max(known.seq, seq) };
  return {
    ...thread,
    seq: next,
    items: find(thread.items, id) ? put(thread.items, comment) : thread.items,
    pinned: comment.pinned ? put(thread.pinned, comment) : without(thread.pinned, id),
  };
}

export function gone(thread: Thread, id: string, seq: number): Thread {
  return { ...thread, seq: Math.max(thread.seq, seq), items: without(thread.items, id), pinned: without(thread.pinned, id) };
}

/** Older ones that were asked for. */
export function paged(thread: Thread, items: readonly Comment[], before: string | null): Thread {
  return { ...thread, items: merged(thread.items, items), before };
}

/** Our own reaction, shown before the server has said how many there are. */
export function reacted(thread: Thread, id: string, emoji: string, on: boolean): Thread {
  const change = (comment: Comment): Comment => {
    if (comment.id !== id || comment.mine.includes(emoji) === on) return comment;
    const count = Math.max(0, (comment.reactions[emoji] ?? 0) + (on ? 1 : -1));
    const { [emoji]: _, ...rest } = comment.reactions;
    return { ...comment, mine: on ? [...comment.mine, emoji] : comment.mine.filter((one) => one !== emoji), reactions: count > 0 ? { ...comment.reactions, [emoji]: count } : rest };
  };
  return { ...thread, items: thread.items.map(change), pinned: thread.pinned.map(change) };
}
