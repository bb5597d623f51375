/** A room as a person edits it, and as the API takes it. */
import type { Accent, LinkKind, Room, RoomForm, Visibility } from "../../api/types";
import { withoutEmpty, type FieldDraft, fieldDraft } from "./form";

export interface LinkDraft {
  serial: number;
  kind: LinkKind;
  url: string;
  label: string;
}

export interface Draft {
  title: string;
  description: string;
  language: string;
  /** As `datetime-local` has it: in the editor's own time. */
  starts: string;
  accent: Accent;
  logoLink: string;
  links: LinkDraft[];
  visibility: Visibility;
  hasPassword: boolean;
  /** A new one; empty keeps the one there is. */
  password: string;
  promoted: boolean;
  indexed: boolean;
  /** Empty: the first origin of the broadcast. */
  origin: string;
  webrtc: string;
  llhls: string;
  matomoSite: string;
  anywhere: boolean;
  /** One a line. */
  sites: string;
  fields: FieldDraft[];
  consent: string;
}

export const accents: Accent[] = ["blue", "teal", "green", "amber", "red", "magenta", "violet", "slate"];
export const linkKinds: LinkKind[] = ["youtube", "facebook", "x", "telegram", "fediverse", "other"];
export const visibilities: Visibility[] = ["public", "unlisted", "password", "registered"];

let serial = 0;

/** A number that nothing else in the page has, to tell rows apart while they move. */
export function nextSerial(): number {
  serial += 1;
  return serial;
}

export function draftOf(room: Room): Draft {
  const sites = room.sites ?? ["*"];
  return {
    title: room.title,
    description: room.description,
    language: room.language ?? "",
    starts: localOf(room.starts_at ?? null),
    accent: room.accent ?? "blue",
    logoLink: room.logo_link ?? "",
    links: (room.links ?? []).map(({ kind, url, label }) => ({ serial: nextSerial(), kind, url, label: label ?? "" })),
    visibility: room.visibility ?? "public",
    hasPassword: room.has_password ?? false,
    password: "",
    promoted: room.promoted ?? false,
    indexed: room.indexed ?? true,
    origin: room.origin_id ?? "",
    webrtc: room.playback?.webrtc ?? "",
    llhls: room.playback?.llhls ?? "",
    matomoSite: room.matomo_site ? String(room.matomo_site) : "",
    anywhere: sites.includes("*"),
    sites: sites.filter((site) => site !== "*").join("\n"),
    fields: (room.form?.fields ?? []).map((field) => fieldDraft(field, nextSerial())),
    consent: room.form?.consent ?? "",
  };
}

/** Everything as the API takes it. */
function whole(draft: Draft): Record<string, unknown> {
  const form: RoomForm | null = draft.fields.length > 0 ? { fields: draft.fields.map(withoutEmpty), consent: draft.consent.trim() } : null;
  const site = Number(draft.matomoSite);
  return {
    title: draft.title.trim(),
    description: draft.description.trim(),
    language: draft.language.trim() || null,
    starts_at: draft.starts ? momentOf(draft.starts) : null,
    accent: draft.accent,
    logo_link: draft.logoLink.trim() || null,
    links: draft.links.filter(({ url }) => url.trim()).map(({ kind, url, label }) => ({ kind, url: url.trim(), ...(label.trim() && { label: label.trim() }) })),
    visibility: draft.visibility,
    promoted: draft.visibility !== "unlisted" && draft.promoted,
    indexed: draft.indexed,
    origin_id: draft.origin || null,
    playback: { webrtc: draft.webrtc.trim() || null, llhls: draft.llhls.trim() || null },
    matomo_site: draft.matomoSite.trim() ? (Number.isFinite(site) ? site : 0) : null,
    sites: draft.anywhere ? ["*"] : draft.sites.split(/[\s,]+/).filter(Boolean),
    form,
    ...(draft.visibility === "password" && draft.password && { password: draft.password }),
  };
}

/** What differs from what was: somebody else's changes to the rest are left alone. */
export function changeOf(draft: Draft, before: Draft): Record<string, unknown> {
  const was = whole(before);
  return Object.fromEntries(Object.entries(whole(draft)).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(was[name])));
}

/** `2026-11-22T18:30` in the editor's own time. */
export function localOf(rfc3339: string | null): string {
  if (!rfc3339) return "";
  const at = new Date(rfc3339);
  if (Number.isNaN(at.getTime())) return "";
  const two = (n: number) => String(n).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

export function momentOf(local: string): string {
  const at = new Date(local);
  return Number.isNaN(at.getTime()) ? local : at.toISOString();
}

export type Part = "texts" | "look" | "access" | "form" | "share";

const places: [Part, RegExp][] = [
  ["texts", /^(title|description|language|starts_at)/],
  ["look", /^(accent|logo|cover|links)/],
  ["access", /^(visibility|password|promoted|indexed|origin_id|playback)/],
  ["form", /^form/],
  ["share", /^(sites|matomo_site)/],
];

/** The part of the editor that shows a field of the API. */
export function partOf(field: string | undefined): Part | undefined {
  return places.find(([, fields]) => field !== undefined && fields.test(field))?.[0];
}

/** What puts a room's player, or its comments, into another page. */
export function embedCode(address: string, title: string): string {
  const quoted = title.replace(/&/g, "&amp;").replace(/"/g, "&quot;").replace(/</g, "&lt;");
  return `<iframe src="${address}" title="${quoted}" allow="autoplay; fullscreen; picture-in-picture" style="width:100%;aspect-ratio:16/9;border:0" loading="lazy"></iframe>`;
}
