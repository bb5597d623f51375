/** A Start as a person fills it in, and as the API takes it. */
import type { NewBroadcast, Preset, PresetTarget, Rules, SourceKind } from "../api/types";
import { toTarget, type Draft } from "./target";

/** The choice of a room that is still to be made. */
export const NEW_ROOM = "\u0000new";

export interface StartForm {
  source: SourceKind;
  server: string;
  meeting: string;
  profile: string;
  targets: Draft[];
  /** Targets of the preset that stay, secrets and all. */
  kept: PresetTarget[];
  /** A room's key, `""` for none, {@link NEW_ROOM} for one to be made. */
  room: string;
  botName: string;
  botRole: "viewer" | "moderator";
  announce: boolean;
  layout: string;
  rules: Record<keyof Rules, string>;
}

export const LAYOUTS = ["MEDIA_ONLY", "PRESENTATION_ONLY", "CAMERAS_ONLY", "PARTICIPANTS_AND_CHAT_ONLY", "CUSTOM_LAYOUT", "SMART_LAYOUT", "PRESENTATION_FOCUS", "VIDEO_FOCUS"] as const;
export const RULES = ["empty_minutes", "longest_minutes", "dead_minutes"] as const;

export function emptyForm(profiles: readonly string[]): StartForm {
  return {
    source: "browser",
    server: "",
    meeting: "",
    profile: profiles.includes("720p30") ? "720p30" : (profiles[0] ?? "720p30"),
    targets: [],
    kept: [],
    room: "",
    botName: "",
    botRole: "viewer",
    announce: true,
    layout: LAYOUTS[0],
    rules: { empty_minutes: "", longest_minutes: "", dead_minutes: "" },
  };
}

/** The form as a preset fills it. */
export function formOf({ start, targets }: Preset, empty: StartForm): StartForm {
  const text = (n: number | null | undefined) => (n == null ? "" : String(n));
  return {
    ...empty,
    source: start.source ?? empty.source,
    server: start.server_id ?? empty.server,
    meeting: start.meeting_id ?? "",
    profile: start.profile ?? empty.profile,
    targets: [],
    kept: targets,
    room: start.room ?? "",
    botName: start.bot?.name ?? "",
    botRole: start.bot?.role ?? "viewer",
    announce: start.announce ?? true,
    layout: start.layout ?? empty.layout,
    rules: { empty_minutes: text(start.rules?.empty_minutes), longest_minutes: text(start.rules?.longest_minutes), dead_minutes: text(start.rules?.dead_minutes) },
  };
}

/** Only what was filled in and belongs to the source is sent. */
export function toStart(form: StartForm, room: string): NewBroadcast {
  const meeting = form.source === "browser";
  const rules = Object.fromEntries(RULES.flatMap((name) => (/^\s*\d+\s*$/.test(form.rules[name]) ? [[name, Number(form.rules[name])]] : []))) as Rules;
  if (!meeting) delete rules.empty_minutes;
  const name = form.botName.trim();
  return {
    source: form.source,
    profile: form.profile,
    targets: form.targets.map(toTarget),
    ...(meeting && form.server ? { server_id: form.server } : {}),
    ...(meeting && form.meeting.trim() ? { meeting_id: form.meeting.trim() } : {}),
    ...(room && room !== NEW_ROOM ? { room } : {}),
    ...(meeting ? { announce: form.announce, bot: { role: form.botRole, ...(name ? { name } : {}) } } : {}),
    ...(meeting && form.layout !== LAYOUTS[0] ? { layout: form.layout } : {}),
    ...(Object.keys(rules).length > 0 ? { rules } : {}),
  };
}
