import { asProblem, Problem, problemOf } from "../api/client";
import type { Hooks, Line } from "./line";
import { Meter } from "./meter";
import { withStereo } from "./sdp";
import type { Trouble } from "./trouble";

/** Candidates are sent with the offer; a slow one is not worth waiting for. */
const GATHER_MS = 700;
const ANSWER_MS = 10_000;

/** Opens a WHEP address. */
export function openWhep(url: string, iceServers: RTCIceServer[], hooks: Hooks): Line {
  const connection = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
  const stream = new MediaStream();
  const meter = new Meter();
  const abort = new AbortController();
  let resource: string | null = null;

  const close = () => {
    if (abort.signal.aborted) return;
    abort.abort();
    connection.close();
    leave(resource);
  };
  const fail = (trouble: Trouble, retryAfterS?: number) => {
    if (abort.signal.aborted) return;
    close();
    hooks.onFailed(trouble, retryAfterS);
  };
  connection.addEventListener("track", (event) => stream.addTrack(event.track));
  connection.addEventListener("connectionstatechange", () => {
    if (connection.connectionState === "failed" || connection.connectionState === "closed") fail(resource ? "lost" : "blocked");
  });
  const negotiate = async () => {
    const { sdp, location } = await offer(connection, url, abort.signal);
    resource = location;
    // Closed while the answer was on its way: nobody else would end what the server has begun.
    if (abort.signal.aborted) return leave(resource);
    await connection.setRemoteDescription({ type: "answer", sdp: withStereo(sdp) });
    hooks.onSignalled();
  };
  negotiate().catch((error: unknown) => {
    const problem = asProblem(error);
    fail(troubleOf(problem), problem.retryAfterS);
  });
  return {
    show: (video) => {
      if (video.srcObject !== stream) video.srcObject = stream;
    },
    read: () => meter.read(connection),
    choose: () => undefined,
    close,
  };
}

function leave(resource: string | null): void {
  // `keepalive`: this is also said when the page goes away.
  if (resource) void fetch(resource, { method: "DELETE", keepalive: true }).catch(() => undefined);
}

async function offer(connection: RTCPeerConnection, url: string, signal: AbortSignal): Promise<{ sdp: string; location: string | null }> {
  connection.addTransceiver("video", { direction: "recvonly" });
  connection.addTransceiver("audio", { direction: "recvonly" });
  const made = await connection.createOffer();
  await connection.setLocalDescription({ type: "offer", sdp: withStereo(made.sdp ?? "") });
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
  return { sdp: await answer.text(), location: location ? new URL(location, answer.url).href : null };
}

export function troubleOf(problem: Problem): Trouble {
  if (problem.status === 404 || problem.status === 409) return "nothing_on_air";
  if (problem.status === 503 || problem.status === 429) return "busy";
  if (problem.status > 0 || problem.code === "unreadable") return "refused";
  return problem.code === "timeout" ? "timeout" : "unreachable";
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
