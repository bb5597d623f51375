/** What the API says of people. */
import type { components } from "../../api/openapi";

type Schemas = components["schemas"];

export type RoomGrant = Schemas["RoomGrant"];
export type User = Schemas["UserView"];
export type Group = Schemas["GroupView"];
export type Role = Schemas["RoleView"];
export type Named = Schemas["Named"];
export type Own = Schemas["OwnView"];
export type Place = Schemas["PlaceView"];
export type Enrolment = Schemas["EnrolmentView"];
export type Line = Schemas["ActivityView"];

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
