/** What the API answers to those who moderate. */
import type { components } from "../api/openapi";

type Schemas = components["schemas"];

export type ModeratedRoom = Schemas["ModeratedView"];
export type Here = Schemas["Present"];
export type Presence = Schemas["PresentView"];
export type Ban = Schemas["BanView"];
