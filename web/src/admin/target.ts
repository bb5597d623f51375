/** A target as a person fills it in, and as the API takes it. */
import type { NewTarget, Origin } from "../api/types";

export interface Draft {
  kind: "origin" | "address";
  origin: string;
  streamName: string;
  protocol: string;
  url: string;
  streamKey: string;
  bearer: string;
  streamid: string;
  passphrase: string;
  latencyMs: string;
}

export type AddressKind = "rtmp" | "srt" | "whip" | null;

export function emptyDraft(origins: readonly Origin[]): Draft {
  return {
    kind: origins.length > 0 ? "origin" : "address",
    origin: origins[0]?.id ?? "",
    streamName: "",
    protocol: "",
    url: "",
    streamKey: "",
    bearer: "",
    streamid: "",
    passphrase: "",
    latencyMs: "",
  };
}

export function addressKind(url: string): AddressKind {
  const scheme = /^\s*(\w+):\/\//.exec(url)?.[1]?.toLowerCase();
  if (scheme === "rtmp" || scheme === "rtmps") return "rtmp";
  if (scheme === "srt") return "srt";
  return scheme === "http" || scheme === "https" ? "whip" : null;
}

export function protocolsOf(origin: Pick<Origin, "whip_url" | "rtmp_url" | "srt_url"> | undefined): string[] {
  const offered = { whip: origin?.whip_url, rtmp: origin?.rtmp_url, srt: origin?.srt_url };
  return Object.entries(offered).flatMap(([name, url]) => (url ? [name] : []));
}

/** Only what was filled in and belongs to the kind of address is sent. */
export function toTarget(draft: Draft): NewTarget {
  if (draft.kind === "origin") {
    return { origin_id: draft.origin, stream_name: draft.streamName.trim(), ...(draft.protocol ? { protocol: draft.protocol } : {}) };
  }
  const url = draft.url.trim();
  const kind = addressKind(url);
  if (kind === "rtmp") return { url, ...(draft.streamKey ? { stream_key: draft.streamKey } : {}) };
  if (kind === "whip") return { url, ...(draft.bearer ? { bearer: draft.bearer } : {}) };
  if (kind !== "srt") return { url };
  const latency = Number.parseInt(draft.latencyMs, 10);
  const srt = {
    ...(draft.streamid ? { streamid: draft.streamid } : {}),
    ...(draft.passphrase ? { passphrase: draft.passphrase } : {}),
    ...(Number.isFinite(latency) ? { latency_ms: latency } : {}),
  };
  return { url, ...(Object.keys(srt).length > 0 ? { srt } : {}) };
}

/** The parts of a room's address that people can read: small letters, digits, hyphens. */
export function keyFrom(title: string): string {
  return title
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 48)
    .replace(/-+$/, "");
}
