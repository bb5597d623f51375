/** What a line measures of itself, for the watchdog and for those who ask. Sums count from the line's beginning. */
export interface Reading {
  /** Whether the way to the server is open. */
  connected: boolean;
  /** Pictures decoded. */
  frames: number;
  /** Pieces of sound received; null where nobody counts them. */
  sound: number | null;
  /** Packets of picture lost and received; null where there are no packets. */
  lost: number | null;
  received: number | null;
  /** Seconds in which the picture stood; null where nobody counts them. */
  frozenS: number | null;
  fps: number | null;
  kbps: number | null;
  width: number | null;
  height: number | null;
  rttMs: number | null;
  jitterBufferMs: number | null;
  /** From the server to the eye, estimated. */
  delayMs: number | null;
}

export const NOTHING_READ: Reading = {
  connected: false,
  frames: 0,
  sound: null,
  lost: null,
  received: null,
  frozenS: null,
  fps: null,
  kbps: null,
  width: null,
  height: null,
  rttMs: null,
  jitterBufferMs: null,
  delayMs: null,
};

/** The share of packets that were lost, in percent; null before there were any. */
export function lossPercent(reading: Reading): number | null {
  if (reading.lost === null || reading.received === null) return null;
  const all = Math.max(0, reading.lost) + reading.received;
  return all > 0 ? (Math.max(0, reading.lost) / all) * 100 : null;
}
