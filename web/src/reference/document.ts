/** What the page of the API reads of an OpenAPI document, and how it tells it. */

export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  enum?: unknown[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
}
export interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: Schema;
}
type Content = Record<string, { schema?: Schema }>;
export interface Operation {
  tags?: string[];
  operationId?: string;
  summary?: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: { content?: Content };
  responses?: Record<string, Answer>;
}
/** What is answered; `$ref` where many calls have it in common. */
export interface Answer {
  $ref?: string;
  description?: string;
  content?: Content;
}
export interface Document {
  info: { title: string; version: string; description?: string };
  paths: Record<string, Record<string, Operation>>;
  components?: { schemas?: Record<string, Schema>; responses?: Record<string, Answer> };
}
export interface Call {
  id: string;
  method: string;
  path: string;
  operation: Operation;
}

const METHODS = ["get", "post", "put", "patch", "delete"];

/** All calls by their tag, in the order of the document; those whose address, name or words hold `wanted`. */
export function calls(document: Document, wanted: string): [string, Call[]][] {
  const groups = new Map<string, Call[]>();
  const needle = wanted.trim().toLowerCase();
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (!operation) continue;
      const text = `${method} ${path} ${operation.summary ?? ""} ${operation.description ?? ""}`.toLowerCase();
      if (needle && !text.includes(needle)) continue;
      const tag = operation.tags?.[0] ?? "";
      const call = { id: operation.operationId ?? `${method} ${path}`, method: method.toUpperCase(), path, operation };
      groups.set(tag, [...(groups.get(tag) ?? []), call]);
    }
  }
  return [...groups].sort(([a], [b]) => a.localeCompare(b));
}

export interface Row {
  name: string;
  type: string;
  required: boolean;
  text: string;
}

export function nameOf(schema: Schema): string {
  return schema.$ref?.split("/").at(-1) ?? "";
}

function follow(document: Document, schema: Schema): Schema {
  return (schema.$ref && document.components?.schemas?.[nameOf(schema)]) || schema;
}

/** An answer itself, wherever it is written. */
export function answerOf(document: Document, answer: Answer): Answer {
  return (answer.$ref && document.components?.responses?.[answer.$ref.split("/").at(-1) ?? ""]) || answer;
}

/** A type in a few words. */
export function typeOf(document: Document, schema: Schema | undefined): string {
  if (!schema) return "";
  if (schema.$ref) {
    const target = follow(document, schema);
    return target.enum ? target.enum.map((one) => JSON.stringify(one)).join(" | ") : nameOf(schema);
  }
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  const parts = schema.oneOf ?? schema.anyOf;
  if (parts) return parts.map((part) => typeOf(document, part)).join(" | ");
  const types = [schema.type ?? ""].flat().filter(Boolean);
  const named = types.map((type) => (type === "array" ? `${typeOf(document, schema.items)}[]` : schema.format && type === "string" ? `${type} (${schema.format})` : type));
  return named.join(" | ") || "object";
}

/** The fields of a body, one level deep; the fields of what a body is made of are its own. */
export function rows(document: Document, schema: Schema | undefined): Row[] {
  if (!schema) return [];
  const { properties = {}, required = [], allOf = [] } = follow(document, schema);
  const own = Object.entries(properties).map(([name, field]) => ({
    name,
    type: typeOf(document, field),
    required: required.includes(name),
    text: field.description ?? (field.$ref ? (follow(document, field).description ?? "") : ""),
  }));
  return [...allOf.flatMap((part) => rows(document, part)), ...own];
}

/** The schema of a body or an answer, and what kind of content it is. */
export function bodyOf(content: Content | undefined): { kind: string; schema: Schema | undefined } | null {
  const first = Object.entries(content ?? {})[0];
  return first ? { kind: first[0], schema: first[1].schema } : null;
}
