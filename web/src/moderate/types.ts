/** What the API answers to those who moderate, as far as the pages read it. */
import type { RoomState } from "../api/types";

export interface ModeratedRoom {
  key: string;
  title: string;
  phase: RoomState;
  viewers: number;
  waiting: number;
}

export interface Here {
  viewer: string;
  name: string | null;
  since: string;
  /** Told to those with the right for it. */
  address?: string | null;
}

export interface Presence {
  items: Here[];
  viewers: number;
  peak: number;
  joined: number;
  parted: number;
}

export interface Ban {
  id: string;
  viewer?: string | null;
  name?: string | null;
  range?: string | null;
  /** Everybody at the address that they had, too. */
  of_address?: boolean;
  quiet: boolean;
  reason?: string | null;
  /** Null is for good. */
  until?: string | null;
}
