import type { Broadcast, BroadcastEvent, Meeting, Origin, Registration, Room, Server, Target } from "../../src/api/types";

export interface House {
  servers: Server[];
  origins: Origin[];
  rooms: Room[];
  broadcasts: Broadcast[];
  events: Map<string, BroadcastEvent[]>;
  meetings: Map<string, Meeting[]>;
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
