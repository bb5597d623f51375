import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { answerOf, bodyOf, calls, rows, typeOf, type Document } from "./document";

const document = JSON.parse(readFileSync(join(import.meta.dirname, "../../../docs/openapi.json"), "utf8")) as Document;
const all = calls(document, "").flatMap(([, group]) => group);
const call = (method: string, path: string) => all.find((one) => one.method === method && one.path === `/api/v1${path}`);

test("every call of the document is shown once, under its feature", () => {
  const count = Object.values(document.paths).reduce((sum, item) => sum + Object.keys(item).filter((key) => ["get", "post", "put", "patch", "delete"].includes(key)).length, 0);
  expect(all).toHaveLength(count);
  expect(new Set(all.map((one) => one.id)).size).toBe(count);
  expect(calls(document, "").map(([tag]) => tag)).toContain("broadcast");
});

test("what is looked for is found in addresses and words", () => {
  const found = calls(document, "POST /api/v1/broadcasts/{id}/stop").flatMap(([, group]) => group);
  expect(found).toHaveLength(1);
  expect(calls(document, "nothing has these words")).toEqual([]);
});

test("bodies are told field by field", () => {
  const start = bodyOf(call("POST", "/broadcasts")?.operation.requestBody?.content);
  const fields = rows(document, start?.schema);
  expect(start?.kind).toBe("application/json");
  expect(fields.find((field) => field.name === "targets")?.type).toBe("TargetRequest[]");
  expect(fields.find((field) => field.name === "source")?.type).toContain('"browser"');
  expect(typeOf(document, { type: ["string", "null"] })).toBe("string | null");
  expect(rows(document, undefined)).toEqual([]);
});

test("answers that many calls have in common are told at each", () => {
  const answers = call("GET", "/services")?.operation.responses ?? {};
  expect(answers["401"]?.$ref).toBeDefined();
  expect(answerOf(document, answers["401"] ?? {}).description).toBe("Nobody is logged in.");
  expect(answerOf(document, answers["200"] ?? {})).toBe(answers["200"]);
});
