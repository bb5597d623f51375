/** A schedule as a person fills it in, and as the API takes it. */
import type { Day, Schedule, SchedulePlan } from "../api/types";

export const DAYS: readonly Day[] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

export interface ScheduleDraft {
  name: string;
  preset: string;
  zone: string;
  start: string;
  stop: string;
  repeat: "daily" | "weekly" | "dates";
  days: Day[];
  /** Dates with blanks, commas or line breaks between them. */
  dates: string;
  from: string;
  until: string;
  enabled: boolean;
}

export function scheduleDraft(schedule: Schedule | null, preset: string, zone: string): ScheduleDraft {
  const plan = schedule?.plan;
  return {
    name: schedule?.name ?? "",
    preset: schedule?.preset_id ?? preset,
    zone: plan?.zone ?? zone,
    start: plan?.start ?? "10:00",
    stop: plan?.stop ?? "",
    repeat: plan?.dates ? "dates" : plan && !plan.days ? "daily" : "weekly",
    days: plan?.days ?? ["mon"],
    dates: plan?.dates?.join("\n") ?? "",
    from: plan?.from ?? "",
    until: plan?.until ?? "",
    enabled: schedule?.enabled ?? true,
  };
}

export function toPlan(draft: ScheduleDraft): SchedulePlan {
  const dates = draft.dates.split(/[\s,;]+/).filter(Boolean);
  return {
    zone: draft.zone,
    start: draft.start,
    ...(draft.stop ? { stop: draft.stop } : {}),
    ...(draft.repeat === "weekly" ? { days: DAYS.filter((day) => draft.days.includes(day)) } : {}),
    ...(draft.repeat === "dates" ? { dates } : {}),
    ...(draft.from && draft.repeat !== "dates" ? { from: draft.from } : {}),
    ...(draft.until && draft.repeat !== "dates" ? { until: draft.until } : {}),
  };
}

/** The browser's own zone. */
export function ownZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

/** The names of all zones that the browser knows, and this one: it may go by another of its names here (Asia/Calcutta). */
export function zones(zone: string): string[] {
  const known = "supportedValuesOf" in Intl ? Intl.supportedValuesOf("timeZone") : [];
  return [...new Set([zone, ownZone(), "UTC", ...known])];
}

/** The name of a day of the week in the language of the page; 5 January 2026 was a Monday. */
export function dayName(day: Day, language: string): string {
  return new Intl.DateTimeFormat(language, { weekday: "short", timeZone: "UTC" }).format(new Date(Date.UTC(2026, 0, 5 + DAYS.indexOf(day))));
}
