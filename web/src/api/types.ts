/**
 * What the API takes and answers, by the names that the pages use. The shapes are those of the generated OpenAPI document (`npm run types`);
 * written by hand is only what the event stream adds, and what a page narrows.
 */
import type { components } from "./openapi";

type Schemas = components["schemas"];

export type Phase = Schemas["Phase"];
export type TargetState = Schemas["TargetState"];
export type RoomState = Schemas["RoomPhase"];

export interface Page<T> {
  items: T[];
  next: string | null;
}

export type Session = Schemas["SessionView"];
export type AtOrigin = Schemas["TargetAtOrigin"];
export type Target = Schemas["TargetView"];
/** What goes out, measured. */
export type Program = Schemas["ProgramStats"];
export type Broadcast = Schemas["BroadcastView"];
/** A line of a broadcast's history: a stable code, and a sentence for the admin who reads it. */
export type BroadcastEvent = Schemas["EventView"];

export type Server = Schemas["ServerView"];
export type Meeting = Schemas["MeetingView"];
/** What was found at a server that was tried. */
export type ServerTest = Schemas["Trial"];

export type Origin = Schemas["OriginView"];
/** A server behind an origin that viewers are on. */
export type Edge = Schemas["EdgeView"];
/** What a server was found to be. */
export type Check = Schemas["CheckView"];
export type OriginTest = Schemas["TestView"];

export type Visibility = Schemas["Visibility"];
export type Accent = Schemas["Accent"];
export type LinkKind = Schemas["LinkKind"];
export type FieldType = Schemas["FieldKind"];
export type SocialLink = Schemas["SocialLink"];
/** A field of a room's form. */
export type FormField = Schemas["Field"];
export type RoomForm = Schemas["FormView"];
export type Room = Schemas["RoomView"];
/** What somebody has filled in at a room. */
export type Registration = Schemas["RegistrationView"];

export type Srt = Schemas["SrtSettings"];
export type NewTarget = Schemas["TargetRequest"];
/** When a broadcast ends by itself, in minutes. */
export type Rules = Schemas["Rules"];
export type SourceKind = Schemas["SourceKind"];
export type NewBroadcast = Schemas["StartRequest"];
/** What a check found of a Start. */
export type Finding = Schemas["Finding"];
export type Preflight = Schemas["Preflight"];

export type PresetTarget = Schemas["PresetTargetView"];
/** A saved Start; its targets' secrets stay with the server. */
export type Preset = Schemas["PresetView"];
export type Day = Schemas["Day"];
/** When a schedule starts and stops, on the wall of a zone. */
export type SchedulePlan = Schemas["Plan"];
export type Occurrence = Schemas["OccurrenceView"];
export type Schedule = Schemas["ScheduleView"];
/** A place that many people broadcast to. */
export type Service = Schemas["Service"];
/** One entry a second in each list. */
export type Samples = Schemas["SamplesView"];

/** A process that shares the database. */
export type Node = Schemas["NodeView"];
export type Webhook = Schemas["WebhookView"];
export type Delivery = Schemas["DeliveryView"];
