import { Problem, problemOf } from "../api/client";
import { withStereo } from "./sdp";

/** Candidates are sent with the offer; a slow one is not worth waiting for. */
const GATHER_MS = 700;
const ANSWER_MS = 10_000;

export interface Watch {
  stream: MediaStream;
  connection: RTCPeerConnection;
  close: () => void;
}

/**
 * Plays a WHEP address. `onLost` is called once when the connection breaks later; throws a {@link Problem}, or an
 * abort when `signal` said so.
 */
export async function watch(url: string, iceServers: RTCIceServer[], onLost: () => void, signal: AbortSignal): Promise<Watch> {
  const connection = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
  let resource: string | null = null;
  let closed = false;
  const close = () => {
    if (closed) return;
    closed = true;
    connection.close();
    // `keepalive`: this is also said when the page goes away.
    if (resource) void fetch(resource, { method: "DELETE", keepalive: true }).catch(() => undefined);
  };
  try {
    const stream = new MediaStream();
    connection.addEventListener("track", (event) => stream.addTrack(event.track));
    connection.addEventListener("connectionstatechange", () => {
      if (!closed && (connection.connectionState === "failed" || connection.connectionState === "closed")) onLost();
    });
    connection.addTransceiver("video", { direction: "recvonly" });
    connection.addTransceiver("audio", { direction: "recvonly" });
    const offer = await connection.createOffer();
    await connection.setLocalDescription({ type: "offer", sdp: withStereo(offer.sdp ?? "") });
    await gathered(connection);
    const patience = AbortSignal.any ? AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]) : signal;
    const answer = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/sdp" },
      body: connection.localDescription?.sdp ?? "",
      signal: patience,
    });
    if (!answer.ok) throw await problemOf(answer);
    const location = answer.headers.get("Location");
    resource = location ? new URL(location, answer.url).href : null;
    const sdp = await answer.text();
    if (signal.aborted) throw new Problem(0, "aborted", "");
    await connection.setRemoteDescription({ type: "answer", sdp: withStereo(sdp) });
    return { stream, connection, close };
  } catch (error) {
    close();
    throw error;
  }
}

function gathered(connection: RTCPeerConnection): Promise<void> {
  if (connection.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, GATHER_MS);
    connection.addEventListener("icegatheringstatechange", () => {
      if (connection.iceGatheringState !== "complete") return;
      clearTimeout(timer);
      resolve();
    });
  });
}

/** What a connection measures, for the watchdog and for those who ask. */
export interface Reading {
  frames: number;
  fps: number | null;
  rttMs: number | null;
  jitterBufferMs: number | null;
  width: number | null;
  height: number | null;
}

interface Held {
  delayS: number;
  emitted: number;
}

/** Reads a connection's figures; the jitter buffer's hold is averaged since the reading before. */
export class Meter {
  private held: Held = { delayS: 0, emitted: 0 };

  async read(connection: RTCPeerConnection): Promise<Reading> {
    const reading: Reading = { frames: 0, fps: null, rttMs: null, jitterBufferMs: null, width: null, height: null };
    for (const entry of (await connection.getStats()).values() as Iterable<Record<string, unknown>>) {
      const figure = (name: string) => (typeof entry[name] === "number" ? (entry[name] as number) : null);
      if (entry["type"] === "inbound-rtp" && entry["kind"] === "video") {
        reading.frames = figure("framesDecoded") ?? 0;
        reading.fps = figure("framesPerSecond");
        reading.width = figure("frameWidth");
        reading.height = figure("frameHeight");
        const held = { delayS: figure("jitterBufferDelay") ?? 0, emitted: figure("jitterBufferEmittedCount") ?? 0 };
        const emitted = held.emitted - this.held.emitted;
        if (emitted > 0) reading.jitterBufferMs = ((held.delayS - this.held.delayS) / emitted) * 1000;
        this.held = held;
      }
      if (entry["type"] === "candidate-pair" && entry["nominated"] === true) {
        const rttS = figure("currentRoundTripTime");
        if (rttS !== null) reading.rttMs = rttS * 1000;
      }
    }
    return reading;
  }
}
