/** How long to wait before the next try. Pure; `random` is from 0 to 1. */

export const FIRST_DELAY_MS = 250;
export const LONGEST_DELAY_MS = 15_000;
/** Who has just lost a picture is tried for soon, this long. */
export const IMPATIENT_MS = 20_000;
const IMPATIENT_DELAY_MS = 600;
/** The server knows that there is nothing, and will say when there is: this is for when its word is lost. */
export const NOT_THERE_MS = 20_000;
/** So many more viewers make everybody wait a second longer where a whole room tries at once. */
const VIEWERS_A_SECOND = 2000;
const LONGEST_SPREAD_MS = 2000;

/** Viewers who all hear the same word do not all come in the same moment; a few may. */
export function spreadMs(viewers: number, random: number): number {
  return Math.min((Math.max(0, viewers) / VIEWERS_A_SECOND) * 1000, LONGEST_SPREAD_MS) * random;
}

/**
 * Grows from a quarter of a second to fifteen, each half to one and a half of itself, so that viewers do not come in step. Shortly
 * after a loss (`sinceLossMs`) it stays short, as far as the size of the crowd lets it.
 */
export function backOffMs(attempt: number, random: number, sinceLossMs: number | null = null, viewers = 0): number {
  const grown = Math.min(FIRST_DELAY_MS * 2 ** Math.min(attempt, 10), LONGEST_DELAY_MS);
  const impatient = sinceLossMs !== null && sinceLossMs < IMPATIENT_MS;
  const most = impatient ? Math.max(IMPATIENT_DELAY_MS, (viewers / VIEWERS_A_SECOND) * 2000) : LONGEST_DELAY_MS;
  return Math.min(grown, most) * (0.5 + random);
}
