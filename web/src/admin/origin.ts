/** An origin as a person fills it in, and as the API takes it. */
import type { Origin } from "../api/types";

export interface EdgeDraft {
  id: string | null;
  name: string;
  api_url: string;
  /** A new one; empty keeps the one there is. */
  api_token: string;
  hasToken: boolean;
}

/** Fields are named as in the API. */
export interface OriginDraft {
  name: string;
  app: string;
  vhost: string;
  whip_url: string;
  rtmp_url: string;
  srt_url: string;
  "playback.webrtc": string;
  "playback.llhls": string;
  api_url: string;
  /** A new one; empty keeps the one there is. */
  api_token: string;
  /** A new one; empty keeps the one there is. */
  signing_secret: string;
  edges: EdgeDraft[];
}

export function edgeDraft(): EdgeDraft {
  return { id: null, name: "", api_url: "", api_token: "", hasToken: false };
}

export function draftOf(origin: Origin | null): OriginDraft {
  return {
    name: origin?.name ?? "",
    app: origin?.app ?? "app",
    vhost: origin?.vhost ?? "default",
    whip_url: origin?.whip_url ?? "",
    rtmp_url: origin?.rtmp_url ?? "",
    srt_url: origin?.srt_url ?? "",
    "playback.webrtc": origin?.playback?.webrtc ?? "",
    "playback.llhls": origin?.playback?.llhls ?? "",
    api_url: origin?.api_url ?? "",
    api_token: "",
    signing_secret: "",
    edges: (origin?.edges ?? []).map((edge) => ({ id: edge.id, name: edge.name, api_url: edge.api_url, api_token: "", hasToken: edge.has_api_token })),
  };
}

/** A new origin is sent what was filled in; of one that is kept, what was emptied goes. Tokens that were not typed stay. */
export function toBody(draft: OriginDraft, origin: Origin | null): Record<string, unknown> {
  const text = (value: string) => value.trim() || null;
  const optional = (fields: Record<string, string | null>) => Object.fromEntries(Object.entries(fields).filter(([, value]) => origin || value !== null));
  const token = (value: string) => (value ? { api_token: value } : {});
  return {
    name: draft.name.trim(),
    app: draft.app.trim(),
    ...(draft.vhost.trim() ? { vhost: draft.vhost.trim() } : {}),
    ...optional({ whip_url: text(draft.whip_url), rtmp_url: text(draft.rtmp_url), srt_url: text(draft.srt_url), api_url: text(draft.api_url) }),
    playback: optional({ webrtc: text(draft["playback.webrtc"]), llhls: text(draft["playback.llhls"]) }),
    ...token(draft.api_token),
    ...(draft.signing_secret ? { signing_secret: draft.signing_secret } : {}),
    edges: draft.edges.map((edge) => ({ ...(edge.id ? { id: edge.id } : {}), name: edge.name.trim(), api_url: edge.api_url.trim(), ...token(edge.api_token) })),
  };
}
