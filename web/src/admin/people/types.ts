/** What the API says of people. */

export interface RoomGrant {
  room: string;
  permissions: string[];
}

export interface User {
  id: string;
  name: string;
  email: string | null;
  disabled: boolean;
  second_factor: boolean;
  permissions: string[];
  roles: string[];
  effective_permissions: string[];
  groups: string[];
  grants: RoomGrant[];
}

export interface Group {
  id: string;
  name: string;
  holds: Record<string, number>;
}

export interface Role {
  id: string;
  name: string;
  permissions: string[];
}

export interface Named {
  id: string;
  name: string;
}

export interface Own {
  id: string;
  name: string;
  email: string | null;
  has_password: boolean;
  second_factor: boolean;
  recovery_codes: number;
  groups: Named[];
  roles: Named[];
  permissions: string[];
}

export interface Place {
  began_at: string;
  seen_at: string;
  address: string | null;
  agent: string | null;
  current: boolean;
}

export interface Enrolment {
  secret: string;
  address: string;
  qr_svg: string;
}

export interface Line {
  id: string;
  at: string;
  user: string;
  address: string | null;
  action: string;
  subject: string;
  detail: Record<string, unknown>;
}

/** Every permission, as the API names them. */
export const PERMISSIONS = [
  "broadcast.view",
  "broadcast.operate",
  "broadcast.freehand",
  "server.use",
  "server.manage",
  "origin.use",
  "origin.manage",
  "node.manage",
  "room.manage",
  "room.moderate",
  "room.export",
  "room.address",
  "user.manage",
  "activity.view",
  "system.admin",
] as const;
export type Permission = (typeof PERMISSIONS)[number];

/** What can be given for a single room. */
export const IN_ROOM = ["broadcast.operate", "room.moderate", "room.export"] as const;
