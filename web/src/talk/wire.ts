/** What is said on a room's socket, and the reading of it: what we do not know is left out, what is broken says nothing. Pure. */
import type { components } from "../api/openapi";
import type { RoomState } from "../api/types";

export type CommentState = components["schemas"]["CommentState"];
export type Mode = components["schemas"]["Mode"];
export type Links = components["schemas"]["Links"];

export interface Quoted {
  id: string;
  name: string;
  text: string;
}

export interface Comment {
  seq: number;
  id: string;
  /** Whose it is: stable in this room, and not to be traced back. */
  viewer: string;
  name: string;
  text: string;
  at: string;
  state: CommentState;
  reply_to?: Quoted;
  pinned: boolean;
  host: boolean;
  own: boolean;
  reactions: Record<string, number>;
  /** Those that are ours. */
  mine: string[];
}

export interface Rules {
  mode: Mode;
  links: Links;
  /** Seconds between two comments of one viewer; 0 for none. */
  slow_s: number;
  max_chars: number;
  ask_name: boolean;
  ask_phone: boolean;
  emojis: string[];
  /** Told to moderators only. */
  words?: string[];
}

export interface You {
  name: string | null;
  has_phone: boolean;
  moderator: boolean;
  /** Until when one is banned; null for good; missing for whoever is not. */
  banned?: { until: string | null; reason?: string };
}

/** What the room shows of its broadcast, as the event stream tells it too. */
export interface State {
  state: RoomState;
  title?: string;
  playback?: string | null;
  playback_live?: boolean | null;
  /** The door was closed: whoever is here has to ask again. */
  door: boolean;
}

export interface Welcome {
  t: "welcome";
  viewer: string;
  you: You;
  seq: number;
  rules: Rules | null;
  state: State | null;
  count: number | null;
  /** Null where what follows goes on from what we have. */
  items: Comment[] | null;
  pinned: Comment[] | null;
  before: string | null;
}

export interface Refusal {
  t: "error";
  code: string;
  detail: string;
  ref?: string;
  retry_ms?: number;
}

export interface Changed {
  t: "changed";
  seq: number;
  id: string;
  state?: CommentState;
  pinned?: boolean;
  reactions?: Record<string, number>;
  name?: string;
}

export type Said =
  | Welcome
  | { t: "comment"; comment: Comment }
  | Changed
  | { t: "gone"; seq: number; id: string }
  | { t: "ack"; ref: string; id: string; state: CommentState }
  | { t: "page"; items: Comment[]; before: string | null; queue: boolean }
  | { t: "you"; you: You }
  | { t: "rules"; seq: number; rules: Rules }
  | { t: "state"; state: State }
  | { t: "count"; viewers: number }
  | { t: "banned"; until: string | null; reason?: string }
  | { t: "resync" }
  | { t: "pong" }
  | Refusal;

export interface Post {
  t: "post";
  ref: string;
  text: string;
  reply_to?: string;
  as_host?: boolean;
}

export interface BanOrder {
  id?: string;
  viewer?: string;
  range?: string;
  /** With a comment or a viewer: everybody at their address, too. */
  address?: boolean;
  minutes?: number;
  quiet?: boolean;
  reason?: string;
}

export type Ask =
  | { t: "hello"; since?: number }
  | Post
  | { t: "delete" | "approve" | "reject" | "pin" | "unpin"; id: string }
  | { t: "react"; id: string; emoji: string; on: boolean }
  | { t: "name"; name: string; phone?: string }
  | { t: "more"; before: string | null; limit: number }
  | { t: "queue"; before?: string; limit: number }
  | ({ t: "ban" } & BanOrder)
  | { t: "ping" };

type Fields = Record<string, unknown>;

const isText = (value: unknown): value is string => typeof value === "string";
const isCount = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value) && value >= 0;
const fieldsOf = (value: unknown): Fields | null => (typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : null);
const oneOf = <T extends string>(all: readonly T[], value: unknown, otherwise: T): T => all.find((one) => one === value) ?? otherwise;
const textOr = (value: unknown, otherwise: string) => (isText(value) ? value : otherwise);
const countOr = (value: unknown, otherwise: number) => (isCount(value) ? Math.floor(value) : otherwise);
const texts = (value: unknown) => (Array.isArray(value) ? value.filter(isText) : []);

const STATES = ["shown", "held", "rejected"] as const;
const PHASES = ["none", "announced", "live", "interrupted", "paused", "over"] as const;
/** More emoji than these are no small set. */
const MOST_EMOJIS = 12;

function reactionsOf(value: unknown): Record<string, number> {
  const entries = Object.entries(fieldsOf(value) ?? {}).filter((entry): entry is [string, number] => isCount(entry[1]) && entry[1] > 0);
  return Object.fromEntries(entries.slice(0, MOST_EMOJIS));
}

export function readComment(value: unknown): Comment | null {
  const said = fieldsOf(value);
  if (!said || !isText(said["id"]) || !isText(said["text"])) return null;
  const quoted = fieldsOf(said["reply_to"]);
  return {
    seq: countOr(said["seq"], 0),
    id: said["id"],
    viewer: textOr(said["viewer"], ""),
    name: textOr(said["name"], ""),
    text: said["text"],
    at: isText(said["at"]) && !Number.isNaN(Date.parse(said["at"])) ? said["at"] : new Date(0).toISOString(),
    state: oneOf(STATES, said["state"], "shown"),
    ...(quoted && isText(quoted["id"]) && { reply_to: { id: quoted["id"], name: textOr(quoted["name"], ""), text: textOr(quoted["text"], "") } }),
    pinned: said["pinned"] === true,
    host: said["host"] === true,
    own: said["own"] === true,
    reactions: reactionsOf(said["reactions"]),
    mine: texts(said["mine"]),
  };
}

function commentsOf(value: unknown): Comment[] {
  return Array.isArray(value) ? value.map(readComment).filter((comment) => comment !== null) : [];
}

export function readRules(value: unknown): Rules | null {
  const said = fieldsOf(value);
  if (!said) return null;
  return {
    mode: oneOf(["open", "approve", "closed", "off"] as const, said["mode"], "open"),
    links: oneOf(["allow", "hold", "refuse"] as const, said["links"], "allow"),
    slow_s: countOr(said["slow_s"], 0),
    max_chars: countOr(said["max_chars"], 500) || 500,
    ask_name: said["ask_name"] === true,
    ask_phone: said["ask_phone"] === true,
    emojis: texts(said["emojis"]).slice(0, MOST_EMOJIS),
    ...(Array.isArray(said["words"]) && { words: texts(said["words"]) }),
  };
}

export function readState(value: unknown): State | null {
  const said = fieldsOf(value);
  const state = said && PHASES.find((phase) => phase === (said["state"] ?? said["phase"]));
  if (!said || !state) return null;
  const { title, playback, playback_live: live } = said;
  return {
    state,
    ...(isText(title) && { title }),
    ...((isText(playback) || playback === null) && { playback }),
    ...((typeof live === "boolean" || live === null) && { playback_live: live }),
    door: said["door"] === true,
  };
}

function readYou(value: unknown): You {
  const said = fieldsOf(value) ?? {};
  const banned = fieldsOf(said["banned"]);
  return {
    name: isText(said["name"]) && said["name"] ? said["name"] : null,
    has_phone: said["has_phone"] === true,
    moderator: said["moderator"] === true,
    ...(banned && { banned: { until: isText(banned["until"]) ? banned["until"] : null, ...(isText(banned["reason"]) && { reason: banned["reason"] }) } }),
  };
}

function read(value: unknown): Said | null {
  const said = fieldsOf(value);
  if (!said) return null;
  const { id, ref, seq } = said;
  switch (said["t"]) {
    case "welcome":
      return {
        t: "welcome",
        viewer: textOr(said["viewer"], ""),
        you: readYou(said["you"]),
        seq: countOr(seq, 0),
        rules: readRules(said["rules"]),
        state: readState(said["state"]),
        count: isCount(said["count"]) ? Math.floor(said["count"]) : null,
        items: Array.isArray(said["items"]) ? commentsOf(said["items"]) : null,
        pinned: Array.isArray(said["pinned"]) ? commentsOf(said["pinned"]) : null,
        before: isText(said["before"]) ? said["before"] : null,
      };
    case "comment": {
      const comment = readComment(said);
      return comment && { t: "comment", comment };
    }
    case "changed": {
      if (!isText(id)) return null;
      const state = STATES.find((one) => one === said["state"]);
      return {
        t: "changed",
        seq: countOr(seq, 0),
        id,
        ...(state && { state }),
        ...(typeof said["pinned"] === "boolean" && { pinned: said["pinned"] }),
        ...(fieldsOf(said["reactions"]) && { reactions: reactionsOf(said["reactions"]) }),
        ...(isText(said["name"]) && { name: said["name"] }),
      };
    }
    case "gone":
      return isText(id) ? { t: "gone", seq: countOr(seq, 0), id } : null;
    case "ack":
      return isText(id) && isText(ref) ? { t: "ack", ref, id, state: oneOf(STATES, said["state"], "shown") } : null;
    case "page":
      return { t: "page", items: commentsOf(said["items"]), before: isText(said["before"]) ? said["before"] : null, queue: said["queue"] === true };
    case "you":
      return { t: "you", you: readYou(said) };
    case "rules": {
      const rules = readRules(said);
      return rules && { t: "rules", seq: countOr(seq, 0), rules };
    }
    case "state": {
      const state = readState(said);
      return state && { t: "state", state };
    }
    case "count":
      return isCount(said["viewers"]) ? { t: "count", viewers: Math.floor(said["viewers"]) } : null;
    case "banned":
      return { t: "banned", until: isText(said["until"]) ? said["until"] : null, ...(isText(said["reason"]) && { reason: said["reason"] }) };
    case "resync":
      return { t: "resync" };
    case "pong":
      return { t: "pong" };
    case "error":
      return {
        t: "error",
        code: textOr(said["code"], "unknown"),
        detail: textOr(said["detail"], ""),
        ...(isText(ref) && { ref }),
        ...(isCount(said["retry_ms"]) && { retry_ms: said["retry_ms"] }),
      };
    default:
      return null;
  }
}

/** A frame holds a message, or under load a list of them. */
export function readFrame(text: string): Said[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  return (Array.isArray(value) ? value : [value]).map(read).filter((said) => said !== null);
}
