import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const web = join(import.meta.dirname, "..");
const read = (path: string) => readFileSync(path, "utf8");
const catalogue = (code: string) => JSON.parse(read(join(web, "locales", `${code}.json`))) as Record<string, string>;
const english = catalogue("en");
const others = { de: catalogue("de"), hi: catalogue("hi") };
const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

/** All sources that show messages: ours, the templates, and the handlers that fill them. */
const sources = [
  [join(web, "src"), /(?<!\.test)\.(ts|svelte)$/],
  [join(web, "templates"), /\.html$/],
  [join(web, "../src/page"), /\.rs$/],
] as const;
const text = sources
  .flatMap(([folder, wanted]) => readdirSync(folder, { recursive: true, encoding: "utf8" }).flatMap((name) => (wanted.test(name) ? [read(join(folder, name))] : [])))
  .join("\n");

describe.each(Object.entries(others))("the catalogue %s", (_, messages) => {
  test("has the same messages in the same order", () => {
    expect(Object.keys(messages)).toEqual(Object.keys(english));
  });

  test("fills the same places", () => {
    for (const key of Object.keys(english)) {
      const [ours, theirs] = [placeholders(english[key] ?? ""), placeholders(messages[key] ?? "")];
      // The form for one may say the number as a word.
      if (key.endsWith("_one")) expect([...ours, "n"], key).toEqual(expect.arrayContaining(theirs));
      else expect(theirs, key).toEqual(ours);
    }
  });

  test("is translated", () => {
    const same = Object.keys(english).filter((key) => messages[key] === english[key] && /[a-z]{3}.* .*[a-z]{3}/i.test(english[key] ?? ""));
    expect(same).toEqual([]);
  });
});

test("Hindi is written in its own script", () => {
  const latin = Object.entries(others.hi).filter(([, message]) => !/[\u0900-\u097f]/.test(message));
  expect(latin.map(([key]) => key)).toEqual([]);
});

test("no message is empty or has stray spaces", () => {
  for (const messages of [english, ...Object.values(others)]) {
    for (const [key, message] of Object.entries(messages)) expect(message.trim() && message, key).toBe(message.trim());
  }
});

test("every message is used", () => {
  const literals = new Set([...text.matchAll(/["'`]([a-z_]+(?:\.[\w$]+)+|problem_unknown)["'`]/g)].map((match) => match[1]));
  const families = [...text.matchAll(/`([a-z_.]+\.)\$\{/g)].map((match) => match[1] ?? "");
  const words = [...text.matchAll(/word\("([a-z_]+)"/g)].map((match) => `${match[1]}.`);
  const unused = Object.keys(english).filter((key) => {
    const base = key.replace(/_(one|other)$/, "");
    return !literals.has(key) && !literals.has(base) && ![...families, ...words].some((family) => key.startsWith(family));
  });
  expect(unused).toEqual([]);
});

test("every message that is asked for exists", () => {
  const asked = [...text.matchAll(/\b(tn|t)\(\s*"([\w.]+)"/g)].map((match) => (match[1] === "tn" ? `${match[2]}_other` : (match[2] ?? "")));
  expect(asked.length).toBeGreaterThan(150);
  expect(asked.filter((key) => !(key in english))).toEqual([]);
});

test("a plural has both forms", () => {
  for (const key of Object.keys(english)) {
    const [, base, form] = /^(.*)_(one|other)$/.exec(key) ?? [];
    if (base) expect(`${base}_${form === "one" ? "other" : "one"}` in english, key).toBe(true);
  }
});
