import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import english from "../locales/en.json";
import { FOR_VIEWERS, forViewers } from "./messages";

const sources = ["room", "player", "talk", "parts"].flatMap((folder) =>
  readdirSync(join(import.meta.dirname, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /(?<!\.test)\.(ts|svelte)$/.test(name))
    .map((name) => ({ name: `${folder}/${name}`, text: readFileSync(join(import.meta.dirname, folder, name), "utf8") })),
);

test("viewers' pages ask for no message that they are not given", () => {
  const given = forViewers(english);
  for (const { name, text } of sources) {
    const asked = [...text.matchAll(/\b(?:tn?|known)\(\s*["'`]([a-z_]+)\./g)].map((match) => match[1] ?? "");
    expect(asked.filter((family) => !FOR_VIEWERS.includes(family)), name).toEqual([]);
  }
  expect(Object.keys(given).length).toBeGreaterThan(150);
  for (const family of FOR_VIEWERS) expect(Object.keys(given).some((key) => key.split(".")[0] === family), family).toBe(true);
});
