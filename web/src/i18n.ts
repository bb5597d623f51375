import type english from "../locales/en.json";

/** Every name in the message catalogue. */
export type Key = keyof typeof english;
/** The names that have a form for one and a form for many. */
export type PluralKey = { [K in Key]: K extends `${infer Base}_other` ? Base : never }[Key];
export type Values = Record<string, string | number>;

const catalogues = {
  de: () => import("../locales/de.json"),
  en: () => import("../locales/en.json"),
  hi: () => import("../locales/hi.json"),
};
const viewers = {
  de: () => import("../locales/de.json?viewer"),
  en: () => import("../locales/en.json?viewer"),
  hi: () => import("../locales/hi.json?viewer"),
};

let language: keyof typeof catalogues = "en";
let messages: Record<string, string> = {};

/** Loads the messages in the page's language, all or those for viewers; nothing may be shown before. */
export async function loadMessages(forWhom: "all" | "viewers" = "all"): Promise<void> {
  const wanted = document.documentElement.lang;
  language = wanted === "de" || wanted === "hi" ? wanted : "en";
  messages = (await (forWhom === "all" ? catalogues : viewers)[language]()).default;
}

/** Times and numbers as the reader's region writes them, where the browser knows it. */
function region(): string {
  return navigator.languages.find((tag) => tag.split("-")[0] === language) ?? language;
}

export function fill(text: string, values: Values = {}): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

export function t(key: Key, values?: Values): string {
  return fill(messages[key] ?? key, values);
}

/** The form that fits `n`, which also fills `{n}`. */
export function tn(key: PluralKey, n: number, values: Values = {}): string {
  const form = new Intl.PluralRules(language).select(n) === "one" ? "one" : "other";
  return fill(messages[`${key}_${form}`] ?? key, { n: number(n), ...values });
}

/** The text for a name that came from elsewhere, where the catalogue has one. */
export function known(key: string): string | undefined {
  return messages[key];
}

export function number(n: number, digits = 0): string {
  return new Intl.NumberFormat(region(), { maximumFractionDigits: digits }).format(n);
}

/** `1:02:03`, or `2:03` under an hour. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

export function clockTime(rfc3339: string): string {
  return new Intl.DateTimeFormat(region(), { timeStyle: "medium" }).format(new Date(rfc3339));
}

/** Kept, as a long list asks for hundreds of times at once. */
let hours: Intl.DateTimeFormat | undefined;

/** Hours and minutes; nothing for what is no time. */
export function hour(rfc3339: string): string {
  const at = new Date(rfc3339);
  hours ??= new Intl.DateTimeFormat(region(), { timeStyle: "short" });
  return Number.isNaN(at.getTime()) ? "" : hours.format(at);
}

export function dateTime(rfc3339: string): string {
  return new Intl.DateTimeFormat(region(), { dateStyle: "medium", timeStyle: "short" }).format(new Date(rfc3339));
}

export function bytes(n: number): string {
  const steps = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;
  let step = 0;
  while (n >= 1000 && step < steps.length - 1) {
    n /= 1000;
    step += 1;
  }
  const unit = steps[step] ?? "byte";
  return new Intl.NumberFormat(region(), { style: "unit", unit, unitDisplay: step === 0 ? "narrow" : "short", maximumFractionDigits: n < 10 ? 1 : 0 }).format(n);
}
