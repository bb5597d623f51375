/** Loads pictures one after another, a few at a time: a wall of many must not become a storm of requests. */

const AT_ONCE = 3;
/** Between two pictures of one broadcast: three seconds, and more where many are in sight. */
const AGAIN_MS = 3000;
const EACH_MS = 400;

let loading = 0;
let inSight = 0;
const waiting: (() => void)[] = [];

/** Runs a load when there is a place for it. */
export async function inTurn<T>(load: () => Promise<T>): Promise<T> {
  // A place is handed on, so that nobody slips in between.
  if (loading >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  else loading += 1;
  try {
    return await load();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else loading -= 1;
  }
}

/** Counts a picture that has come into sight, or has gone out of it. */
export function sight(visible: boolean): void {
  inSight += visible ? 1 : -1;
}

export function pause(): number {
  return Math.max(AGAIN_MS, inSight * EACH_MS);
}
