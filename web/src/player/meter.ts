import { NOTHING_READ, type Reading } from "./reading";

interface Held {
  atMs: number;
  bytes: number;
  delayS: number;
  emitted: number;
  decodeS: number;
  decoded: number;
}

/** Reads a connection's figures; what is a rate or an average is one since the reading before. */
export class Meter {
  private held: Held | null = null;

  async read(connection: RTCPeerConnection): Promise<Reading> {
    const reading: Reading = { ...NOTHING_READ, connected: connection.connectionState === "connected" };
    for (const entry of (await connection.getStats()).values() as Iterable<Record<string, unknown>>) {
      const figure = (name: string) => (typeof entry[name] === "number" ? (entry[name] as number) : null);
      if (entry["type"] === "inbound-rtp" && entry["kind"] === "video") this.picture(reading, figure);
      if (entry["type"] === "inbound-rtp" && entry["kind"] === "audio") reading.sound = figure("packetsReceived");
      if (entry["type"] === "candidate-pair" && entry["nominated"] === true) {
        const rttS = figure("currentRoundTripTime");
        if (rttS !== null) reading.rttMs = rttS * 1000;
      }
    }
    // Half the way there and back, and what the picture waits here before it is shown.
    if (reading.jitterBufferMs !== null) reading.delayMs = (reading.rttMs ?? 0) / 2 + reading.jitterBufferMs + (reading.delayMs ?? 0);
    else reading.delayMs = null;
    return reading;
  }

  private picture(reading: Reading, figure: (name: string) => number | null): void {
    reading.frames = figure("framesDecoded") ?? 0;
    reading.fps = figure("framesPerSecond");
    reading.width = figure("frameWidth");
    reading.height = figure("frameHeight");
    reading.lost = figure("packetsLost");
    reading.received = figure("packetsReceived");
    reading.frozenS = figure("totalFreezesDuration");
    const now: Held = {
      atMs: performance.now(),
      bytes: figure("bytesReceived") ?? 0,
      delayS: figure("jitterBufferDelay") ?? 0,
      emitted: figure("jitterBufferEmittedCount") ?? 0,
      decodeS: figure("totalDecodeTime") ?? 0,
      decoded: reading.frames,
    };
    const before = this.held;
    this.held = now;
    if (!before) return;
    const [emitted, decoded, ms] = [now.emitted - before.emitted, now.decoded - before.decoded, now.atMs - before.atMs];
    if (emitted > 0) reading.jitterBufferMs = ((now.delayS - before.delayS) / emitted) * 1000;
    if (decoded > 0) reading.delayMs = ((now.decodeS - before.decodeS) / decoded) * 1000;
    if (ms > 0) reading.kbps = ((now.bytes - before.bytes) * 8) / ms;
  }
}
