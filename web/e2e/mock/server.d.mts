import type { Broadcast, BroadcastEvent, Meeting, Origin, Preset, Registration, Room, Schedule, Server, Target } from "../../src/api/types";

import type { Comment, Rules } from "../../src/talk/wire";

export interface Talk {
  items: Comment[];
  rules: Rules;
  heard: { t: string; ref?: string; text?: string; since?: number }[];
  members: Set<object>;
  people: Map<string, { name: string }>;
  bans: { id: string; viewer: string | null; range: string | null; quiet: boolean }[];
  refused: number;
  mute: boolean;
  losesAnswers: boolean;
  say(name: string, text: string, more?: object): Comment;
  change(comment: Comment, what: object): void;
  remove(comment: Comment): void;
  setRules(what: Partial<Rules>): void;
  cut(code?: number): void;
  forget(): void;
}

/** A thing with so much of it as the double keeps. */
type Some<T, K extends keyof T> = Pick<T, K> & Partial<T>;

export interface House {
  talk(key: string): Talk;
  servers: Some<Server, "id" | "name" | "url">[];
  origins: Origin[];
  rooms: Some<Room, "key" | "title" | "description">[];
  presets: Omit<Preset, "created_by" | "created_at" | "changed_at">[];
  schedules: Omit<Schedule, "created_by" | "created_at" | "changed_at">[];
  broadcasts: Broadcast[];
  events: Map<string, BroadcastEvent[]>;
  meetings: Map<string, Some<Meeting, Exclude<keyof Meeting, "breakout">>[]>;
  failedLogins: number;
  playback: object | null;
  playbackRefused: [number, string, string] | null;
  asked: number;
  /** Six digits that a login needs besides; none where left out. */
  code?: string;
  hosts: string[];
  viewers: number;
  count(viewers: number): void;
  tellRoom(key: string): void;
  /** Event streams that are open. */
  listeners: Set<unknown>;
  broken: [number, string, string, object?] | null;
  registrations: Map<string, Registration[]>;
  pictureRefused: [number, string, string, object?] | null;
  start(body: object): Broadcast;
  goLive(broadcast: Broadcast): void;
  end(broadcast: Broadcast, reason?: string): void;
  change(broadcast: Broadcast, what: object, note?: [string, string] | null): void;
  changeTarget(broadcast: Broadcast, target: Target, what: object): void;
}

export interface Mock {
  url: string;
  house: House;
  media: { sessions: Set<string> };
  cutStreams(): void;
  close(): Promise<void>;
}

export function startMock(options?: { port?: number; furnished?: boolean; signedIn?: boolean }): Promise<Mock>;
