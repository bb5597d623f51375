/** Which part of a long thread stands in the page. Pure. */

/** Nodes while one follows the newest, the most there ever are, and how many come at once on the way up or down. */
export const FOLLOWED = 150;
export const MOST_NODES = 300;
export const STRIDE = 50;

/** The id at which the part begins; null while the newest are followed. */
export type Start = string | null;

interface Named {
  id: string;
}

/** The part of `items` (sorted by id) that is shown, as two indexes. */
export function part(items: readonly Named[], start: Start): [from: number, to: number] {
  if (start === null) return [Math.max(0, items.length - FOLLOWED), items.length];
  const from = at(items, start);
  return [from, Math.min(items.length, from + MOST_NODES)];
}

function at(items: readonly Named[], id: string): number {
  const found = items.findIndex((item) => item.id >= id);
  return found < 0 ? Math.max(0, items.length - FOLLOWED) : found;
}

/** The reader has left the end: what is shown stays where it is. */
export function stay(items: readonly Named[], start: Start): Start {
  if (start !== null || items.length === 0) return start;
  return items[part(items, null)[0]]?.id ?? null;
}

export function up(items: readonly Named[], start: Start): Start {
  const [from] = part(items, start);
  return items[Math.max(0, from - STRIDE)]?.id ?? null;
}

/** Null once the newest are in sight. */
export function down(items: readonly Named[], start: Start): Start {
  if (start === null) return null;
  const [from, to] = part(items, start);
  return to >= items.length ? start : (items[Math.min(from + STRIDE, items.length - 1)]?.id ?? null);
}
