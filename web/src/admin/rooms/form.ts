/** A room's form as an organiser puts it together. Pure. */
import type { FieldType, FormField } from "../../api/types";

export interface FieldDraft {
  serial: number;
  /** Kept under this; a new field gets one from its label. */
  id: string;
  type: FieldType;
  label: string;
  required: boolean;
  help: string;
  /** One a line. */
  choices: string;
}

export const types: FieldType[] = ["text", "email", "phone", "choice", "check", "long_text"];

export function fieldDraft(field: FormField, serial: number): FieldDraft {
  return { serial, id: field.id, type: field.type, label: field.label, required: field.required ?? false, help: field.help ?? "", choices: (field.choices ?? []).join("\n") };
}

/** As the API takes it. */
export function withoutEmpty({ id, type, label, required, help, choices }: FieldDraft): FormField {
  const listed = choices.split("\n").map((line) => line.trim()).filter(Boolean);
  return { id, type, label: label.trim(), required, ...(help.trim() && { help: help.trim() }), ...(type === "choice" && { choices: listed }) };
}

/** An id that no other field has: it stays when the label changes, so that answers stay with their field. */
export function idFor(type: FieldType, taken: readonly string[]): string {
  const base = type === "long_text" ? "text" : type;
  if (!taken.includes(base)) return base;
  let n = 2;
  while (taken.includes(`${base}_${n}`)) n += 1;
  return `${base}_${n}`;
}

/** The list with one entry moved by so many places, as far as that goes. */
export function moved<T>(list: readonly T[], index: number, by: number): T[] {
  const to = Math.max(0, Math.min(list.length - 1, index + by));
  const rest = list.filter((_, at) => at !== index);
  return index in list ? [...rest.slice(0, to), list[index] as T, ...rest.slice(to)] : [...list];
}

export type Preset = "contact" | "faculty";

interface Wish {
  id: string;
  type: FieldType;
  required?: boolean;
}

/** The two forms that were always asked for; `label` names a field in the organiser's language. */
const wishes: Record<Preset, Wish[]> = {
  contact: [
    { id: "name", type: "name", required: true },
    { id: "mobile", type: "phone", required: true },
    { id: "email", type: "email", required: true },
    { id: "institution", type: "text" },
  ],
  faculty: [
    { id: "name", type: "name", required: true },
    { id: "mobile", type: "phone", required: true },
    { id: "email", type: "email", required: true },
    { id: "unique_id", type: "text" },
    { id: "department", type: "text", required: true },
    { id: "institute", type: "text", required: true },
    { id: "state", type: "text", required: true },
    { id: "country", type: "text", required: true },
  ],
};

export function preset(name: Preset, label: (id: string) => string, serial: () => number): FieldDraft[] {
  return wishes[name].map(({ id, type, required = false }) => ({ serial: serial(), id, type, label: label(id), required, help: "", choices: "" }));
}
