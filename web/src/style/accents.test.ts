import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const read = (name: string) => readFileSync(join(import.meta.dirname, name), "utf8");
const rust = readFileSync(join(import.meta.dirname, "../../../src/room/look.rs"), "utf8");

type Colours = Record<string, [string, string]>;

function colours(css: string): Colours {
  const found: Colours = {};
  for (const [, name, light, dark] of css.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)/g)) found[name ?? ""] = [light ?? "", dark ?? ""];
  return found;
}

function luminance(hex: string): number {
  const channel = (at: number) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
}

function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

const ours = colours(read("tokens.css"));
const accents = new Map([["blue", {} as Colours]]);
for (const [, name, body] of read("accents.css").matchAll(/data-accent="(\w+)"\] \{([^}]*)\}/g)) accents.set(name ?? "", colours(body ?? ""));

test("every accent that a room may have is there", () => {
  const words = [...rust.matchAll(/Self::\w+ => "(\w+)"/g)].map((match) => match[1]);
  expect([...accents.keys()].sort()).toEqual([...new Set(words)].sort());
});

describe.each([...accents])("the accent %s", (_, own) => {
  const of = (name: string, theme: number) => (own[name] ?? ours[name] ?? ["", ""])[theme] ?? "";
  test.each([0, 1])("can be read (theme %d)", (theme) => {
    for (const ground of ["ground", "ground-glow", "surface", "surface-sunk", "surface-raised", "brand-wash"]) {
      expect(contrast(of("brand", theme), of(ground, theme)), ground).toBeGreaterThanOrEqual(4.5);
    }
    for (const fill of ["brand-fill", "brand-fill-hover"]) expect(contrast("#ffffff", of(fill, theme)), fill).toBeGreaterThanOrEqual(4.5);
    for (const ink of ["ink", "ink-soft"]) {
      for (const ground of ["brand-wash", "ground-glow"]) expect(contrast(of(ink, theme), of(ground, theme)), `${ink} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    }
  });
});
