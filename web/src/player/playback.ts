/** Where a room plays from, as `GET /watch/{key}/playback` says it. */
import { asProblem, Problem, problemOf } from "../api/client";

/** A way to the picture: our own edge, or an origin's three, the quickest first. */
export type Transport = "whep" | "webrtc" | "webrtc_tcp" | "llhls";

export interface Source {
  type: Transport;
  url: string;
}

export interface Playback {
  /** Changes when everything is to start anew: another origin, another broadcast. */
  stream: string;
  /** The best first; never empty. */
  sources: Source[];
  /** When the addresses stop to let anybody in, in `Date.now()` time; null when they do not. */
  expiresMs: number | null;
  /** Whether pictures are there to be had; null where the server does not know. */
  live: boolean | null;
}

/** The quickest way first; what the server sends in another order is put in this one. */
const ORDER: Transport[] = ["whep", "webrtc", "webrtc_tcp", "llhls"];
const SCHEMES: Record<Transport, RegExp> = { whep: /^(https?:|\/(?!\/))/, webrtc: /^wss?:/, webrtc_tcp: /^wss?:/, llhls: /^https?:/ };
/** More sources than this are no ladder. */
const MOST_SOURCES = 8;
const ASK_MS = 10_000;

export function embedded(url: string, stream = "embedded"): Playback {
  return { stream, sources: [{ type: "whep", url }], expiresMs: null, live: null };
}

/** Reads an answer; what we do not know in it is left out. Null when nothing in it can be played. */
export function readPlayback(body: unknown): Playback | null {
  if (typeof body !== "object" || body === null) return null;
  const said = body as Record<string, unknown>;
  const stream = typeof said["stream"] === "string" ? said["stream"] : "";
  const live = typeof said["live"] === "boolean" ? said["live"] : null;
  if (said["kind"] === "embedded") {
    const url = said["url"];
    return typeof url === "string" && SCHEMES.whep.test(url) ? { ...embedded(url, stream), live } : null;
  }
  const listed = Array.isArray(said["sources"]) ? (said["sources"] as unknown[]).slice(0, MOST_SOURCES) : [];
  const sources = listed.filter(isSource).sort((one, other) => ORDER.indexOf(one.type) - ORDER.indexOf(other.type));
  if (sources.length === 0) return null;
  const expires = typeof said["expires_at"] === "string" ? Date.parse(said["expires_at"]) : Number.NaN;
  return { stream, sources, expiresMs: Number.isNaN(expires) ? null : expires, live };
}

function isSource(value: unknown): value is Source {
  const { type, url } = (value ?? {}) as Record<string, unknown>;
  return typeof type === "string" && typeof url === "string" && (SCHEMES[type as Transport]?.test(url) ?? false);
}

/** Asks a room where it plays from; throws a {@link Problem}. A server without the question has the embedded edge. */
export async function askRoom(key: string, signal: AbortSignal): Promise<Playback> {
  const path = encodeURIComponent(key);
  let answer: Response;
  try {
    const patience = AbortSignal.any ? AbortSignal.any([signal, AbortSignal.timeout(ASK_MS)]) : signal;
    answer = await fetch(`/watch/${path}/playback`, { headers: { Accept: "application/json" }, signal: patience });
  } catch (error) {
    throw asProblem(error);
  }
  if (answer.status === 404) return embedded(`/whep/${path}`);
  if (!answer.ok) throw await problemOf(answer);
  const playback = readPlayback(await answer.json().catch(() => null));
  if (!playback) throw new Problem(0, "unreadable", "");
  return playback;
}

/** Whether a refusal says that the room has a door. */
export function isLocked(problem: Problem): boolean {
  return problem.status === 403 && problem.code === "password_needed";
}

/** What a content policy lets through for an address: its scheme, host and port. */
export function hostOf(url: string): string {
  const { protocol, host } = new URL(url, location.href);
  return `${protocol}//${host}`;
}
