/** What the API answers, as far as the pages read it. The full reference is the generated OpenAPI document. */

export type Phase = "waiting" | "joining" | "live" | "interrupted" | "ending" | "ended";
export type TargetState = "connecting" | "live" | "backing_off" | "failed" | "ended";
export type RoomState = "none" | "announced" | "live" | "interrupted" | "paused" | "over";

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface Session {
  user?: { id?: string; name?: string };
  permissions?: string[];
}

export interface Target {
  id: string;
  label: string;
  protocol: string;
  state: TargetState;
  detail?: string | null;
  bytes: number;
  kbps: number;
  rtt_ms?: number | null;
  reconnects: number;
  /** What its origin says of it, where it can be asked. */
  origin?: AtOrigin | null;
}

export interface AtOrigin {
  /** Left out while nobody can tell. */
  listed?: boolean;
  since?: string;
  video?: { codec: string; width: number; height: number; bypass?: boolean; has_b_frames: boolean };
  audio?: { codec: string; bypass?: boolean };
  viewers: number;
  warning?: { code: string; sentence: string; level: "info" | "warning" };
}

/** What goes out, measured; nothing stands here before the program runs. */
export interface Program {
  fps: number;
  distinct_fps: number;
  video_kbps: number;
  audio_level_db: number | null;
  av_skew_ms: number | null;
}

export interface Broadcast {
  id: string;
  phase: Phase;
  step?: string | null;
  paused: boolean;
  reason?: string | null;
  detail?: string | null;
  meeting_name: string;
  source: string;
  profile: string;
  room?: string | null;
  node?: string | null;
  started_by?: string | null;
  started_at: string;
  ended_at?: string | null;
  program?: Partial<Program> | null;
  targets: Target[];
  viewers?: number;
}

/** A line of a broadcast's history: a stable code, and a sentence for the admin who reads it. */
export interface BroadcastEvent {
  id: string;
  at: string;
  code: string;
  message: string;
  target_id?: string | null;
}

export interface Server {
  id: string;
  name: string;
  url: string;
}

export interface Meeting {
  meeting_id: string;
  name: string;
  running: boolean;
  participants: number;
  listeners: number;
  videos: number;
  started_at?: string | null;
  broadcast_id?: string | null;
  breakout?: boolean;
}

/** What was found at a server that was tried. */
export interface ServerTest {
  ok: boolean;
  version?: string;
  meetings?: number;
  code?: string;
  detail?: string;
}

export interface Origin {
  id: string;
  name: string;
  app: string;
  whip_url?: string | null;
  rtmp_url?: string | null;
  srt_url?: string | null;
  vhost?: string;
  api_url?: string | null;
  has_api_token?: boolean;
  has_signing_secret?: boolean;
  playback?: { webrtc?: string | null; llhls?: string | null };
  edges?: Edge[];
}

/** A server behind an origin that viewers are on. */
export interface Edge {
  id: string;
  name: string;
  api_url: string;
  has_api_token: boolean;
}

/** What a server was found to be. */
export interface Check {
  ok: boolean;
  version?: string;
  code?: string;
  detail?: string;
}

export interface OriginTest {
  /** Its API. */
  origin: Check;
  edges: (Check & { name: string })[];
  /** Its addresses for pushing. */
  push?: (Check & { protocol: string })[];
}

export type Visibility = "public" | "unlisted" | "password" | "registered";
export type Accent = "blue" | "teal" | "green" | "amber" | "red" | "magenta" | "violet" | "slate";
export type LinkKind = "facebook" | "fediverse" | "telegram" | "x" | "youtube" | "other";
export type FieldType = "name" | "text" | "email" | "phone" | "choice" | "check" | "long_text";

export interface SocialLink {
  kind: LinkKind;
  url: string;
  label?: string;
}

/** A field of a room's form. */
export interface FormField {
  id: string;
  type: FieldType;
  label: string;
  required: boolean;
  help?: string;
  choices?: string[];
}

export interface RoomForm {
  fields: FormField[];
  consent: string;
}

export interface Room {
  key: string;
  title: string;
  description: string;
  visibility?: Visibility;
  has_password?: boolean;
  /** Where it plays from when a broadcast has several origins. */
  origin_id?: string | null;
  /** The language of its texts, as in `lang`. */
  language?: string | null;
  accent?: Accent;
  /** Where its pictures are on this site. */
  cover?: string | null;
  logo?: string | null;
  logo_link?: string | null;
  links?: SocialLink[];
  /** It stands on the front page at any time. */
  promoted?: boolean;
  /** Search engines may show it, if it is public. */
  indexed?: boolean;
  /** Playback addresses of its own. */
  playback?: { webrtc?: string | null; llhls?: string | null };
  matomo_site?: number | null;
  starts_at?: string | null;
  /** Sites that may embed it; `*` for all. */
  sites?: string[];
  form?: RoomForm | null;
  state?: RoomState;
}

/** What somebody has filled in at a room. */
export interface Registration {
  id: string;
  /** The first registration of the same person, where this is a later one. */
  same_as?: string | null;
  name: string;
  email?: string | null;
  phone?: string | null;
  answers: Record<string, string>;
  browsers: number;
  created_at: string;
  changed_at: string;
}

export interface Srt {
  streamid?: string;
  passphrase?: string;
  latency_ms?: number;
}

export type NewTarget =
  | { origin_id: string; stream_name: string; protocol?: string }
  | { url: string; stream_key?: string; bearer?: string; srt?: Srt };

/** When a broadcast ends by itself, in minutes. */
export interface Rules {
  empty_minutes?: number;
  longest_minutes?: number;
  dead_minutes?: number;
}

export interface NewBroadcast {
  server_id?: string;
  meeting_id?: string;
  source: string;
  profile: string;
  targets: NewTarget[];
  room?: string;
  bot?: { name?: string; role?: "viewer" | "moderator" };
  announce?: boolean;
  layout?: string;
  rules?: Rules;
}

/** What a check found of a Start. */
export interface Finding {
  severity: "error" | "warning" | "info" | "ok";
  code: string;
  message: string;
  field?: string;
}

export interface Preflight {
  ok: boolean;
  findings: Finding[];
}

export interface PresetTarget {
  id: string;
  label: string;
  protocol: string;
  origin_id?: string;
  stream_name?: string;
}

/** A saved Start; its targets' secrets stay with the server. */
export interface Preset {
  id: string;
  name: string;
  start: Partial<Omit<NewBroadcast, "targets">>;
  targets: PresetTarget[];
  auto_start: boolean;
  has_slate: boolean;
  broadcast_id?: string;
}

export type Day = "mon" | "tue" | "wed" | "thu" | "fri" | "sat" | "sun";

/** When a schedule starts and stops, on the wall of a zone. */
export interface SchedulePlan {
  zone: string;
  start: string;
  stop?: string;
  days?: Day[];
  dates?: string[];
  from?: string;
  until?: string;
  grace_minutes?: number;
}

export interface Occurrence {
  starts_at: string;
  stops_at?: string;
}

export interface Schedule {
  id: string;
  name: string;
  preset_id: string;
  preset_name: string;
  plan: SchedulePlan;
  enabled: boolean;
  next: Occurrence[];
  last?: { due_at: string; state: "started" | "trying" | "failed" | "missed"; detail: string; broadcast_id?: string };
}

/** A place that many people broadcast to. */
export interface Service {
  id: string;
  name: string;
  url: string;
  key: "stream_key" | "streamid" | "bearer";
  help?: string;
}

/** One entry a second in each list. */
export interface Samples {
  at_ms: number[];
  fps: number[];
  distinct_fps: number[];
  video_kbps: number[];
  audio_level_db: number[];
  cpu_cores: number[];
  viewers: number[];
  targets: { id: string; label: string; kbps: (number | null)[] }[];
}

/** A process that shares the database. */
export interface Node {
  id: string;
  name: string;
  state: "up" | "busy" | "draining" | "gone";
  here: boolean;
  url?: string;
  version: string;
  broadcasts: number;
  cores: number;
  used_cores: number;
  free_memory_mb: number;
  since: string;
  seen_at?: string;
}

export interface Webhook {
  id: string;
  name: string;
  url: string;
  events: string[];
  active: boolean;
}

export interface Delivery {
  id: string;
  event: string;
  state: "waiting" | "delivered" | "given_up";
  tries: number;
  created_at: string;
  due_at?: string;
  tried_at?: string;
  status?: number;
  detail?: string;
}
