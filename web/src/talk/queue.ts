/** What waits for a moderator: the oldest first, from pages and from what comes in, without doubles. Pure. */
import { find, set } from "./thread";
import type { Changed, Comment } from "./wire";

export interface Queue {
  items: Comment[];
  /** Decided meanwhile: a page that was on its way must not bring them back. */
  done: ReadonlySet<string>;
  /** Asks for the next page; undefined until the first one has come, null after the last. */
  before: string | null | undefined;
}

export const empty: Queue = { items: [], done: new Set(), before: undefined };
/** More than these are not shown at once, nor remembered as decided. */
export const MOST_QUEUED = 500;

export function take(queue: Queue, comment: Comment): Queue {
  if (comment.state !== "held") return drop(queue, comment.id);
  if (queue.done.has(comment.id) || queue.items.length >= MOST_QUEUED) return queue;
  return { ...queue, items: set(queue.items, comment) };
}

export function drop(queue: Queue, id: string): Queue {
  const done = new Set([...queue.done, id].slice(-MOST_QUEUED));
  return { ...queue, done, items: queue.items.filter((one) => one.id !== id) };
}

export function change(queue: Queue, { id, state, name }: Changed): Queue {
  const known = find(queue.items, id);
  if (state && state !== "held") return drop(queue, id);
  return known && name !== undefined ? { ...queue, items: queue.items.map((one) => (one.id === id ? { ...one, name } : one)) } : queue;
}

export function page(queue: Queue, items: readonly Comment[], before: string | null): Queue {
  const next = items.reduce(take, queue);
  return { ...next, before };
}
