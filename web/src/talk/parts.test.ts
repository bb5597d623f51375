import { describe, expect, test } from "vitest";
import { listen, SAID_EVERY_MS } from "./chatter";
import * as queue from "./queue";
import { down, FOLLOWED, MOST_NODES, part, stay, STRIDE, up } from "./reading";
import { comment } from "./sample";
import { initials, length, pieces, tone, TONES } from "./words";

const links = (text: string) => pieces(text).flatMap((piece) => (piece.href === undefined ? [] : [piece.href]));

describe("links", () => {
  test("are plain web addresses, without what belongs to the sentence", () => {
    expect(links("see https://a.example/x?y=1#z.")).toEqual(["https://a.example/x?y=1#z"]);
    expect(links("(http://a.example/b_(c)) and https://b.example, या https://c.example।")).toEqual(["http://a.example/b_(c)", "https://b.example", "https://c.example"]);
    expect(links('"https://a.example/"<b>')).toEqual(["https://a.example/"]);
  });

  test("are never anything that runs, or pretends to be another place", () => {
    for (const text of ["javascript:alert(1)", "data:text/html,x", "vbscript:x", "www.example.org", "https://", "https://paypal.example@evil.example/", "http://a:b@c.example", "https://[::"]) expect(links(text), text).toEqual([]);
    expect(links("https://a.example/\u202egpj.exe")).toEqual(["https://a.example/"]);
  });

  test("lose and double no letter of the text", () => {
    for (const text of ["", "a", "https://a.example", "x https://a.example y https://b.example/ z", `${"https://a.example ".repeat(50)}end`, "👩‍👩‍👧‍👦 https://ü.example/🎉"]) {
      expect(pieces(text).map((piece) => piece.text).join("")).toBe(text);
    }
    expect(links("https://a.example ".repeat(50))).toHaveLength(10);
  });
});

test("initials are letters of the first and last name, whatever the script", () => {
  const cases = { "Ann Lee": "AL", ann: "A", "Jean-Luc de la Tour": "JT", "रवि कुमार": "रकु", "": "?", "   ": "?", "...": "?", "🎉 party": "🎉", "Ünal": "Ü", "שרה לוי": "של", "3com x": "3X" };
  for (const [name, expected] of Object.entries(cases)) expect(initials(name), name).toBe(expected);
  expect(Array.from(initials(`z${"\u0300".repeat(500)}`)).length).toBeLessThanOrEqual(8);
});

test("a person keeps a colour, and people differ", () => {
  expect(tone("abc")).toBe(tone("abc"));
  const seen = new Set(Array.from({ length: 300 }, (_, at) => tone(`viewer-${at}`)));
  expect(seen.size).toBe(TONES);
});

test("characters are counted as people and the server count them", () => {
  expect([length("🎉🎉"), length("é"), length("")]).toEqual([2, 1, 0]);
});

describe("a long thread", () => {
  const items = Array.from({ length: 1000 }, (_, at) => comment(at));

  test("never has more than some hundreds of nodes, wherever one reads", () => {
    expect(part(items, null)).toEqual([1000 - FOLLOWED, 1000]);
    let start = stay(items, null);
    for (let steps = 0; steps < 40; steps += 1) {
      start = up(items, start);
      const [from, to] = part(items, start);
      expect(to - from).toBeLessThanOrEqual(MOST_NODES);
    }
    expect(part(items, start)[0]).toBe(0);
    for (let steps = 0; steps < 40; steps += 1) start = down(items, start);
    expect(part(items, start)[1]).toBe(1000);
  });

  test("stays where it is when more comes in before or after", () => {
    const start = stay(items, null);
    const [from] = part(items, start);
    const more = [...items, comment(1000), comment(1001)];
    expect(part(more, start)[0]).toBe(from);
    expect(part(items.slice(100), start)[0]).toBe(from - 100);
  });

  test("is followed again where the place is gone or there is nothing", () => {
    expect(part(items.slice(0, 10), "zzz")).toEqual([0, 10]);
    expect([stay([], null), up([], null), part([], "x")]).toEqual([null, null, [0, 0]]);
    expect(STRIDE).toBeLessThan(FOLLOWED);
  });
});

test("screen readers hear sums, and not more often than every ten seconds", () => {
  const last = comment(1);
  let chatter = { told: 0, atMs: 0 };
  const said: number[] = [];
  for (let atMs = SAID_EVERY_MS; atMs < 61_000; atMs += 100) {
    const [next, saying] = listen(chatter, Math.floor(atMs / 100), last, atMs);
    chatter = next;
    if (saying) said.push(saying.many);
  }
  expect(said).toHaveLength(6);
  expect(said.reduce((sum, many) => sum + many, 0)).toBe(600);
  expect(listen({ told: 3, atMs: 0 }, 3, last, 1e9)[1]).toBeNull();
});

test("the queue holds what waits, once, and nothing that is decided", () => {
  const held = (id: number) => comment(id, { state: "held" });
  let waiting = queue.take(queue.take(queue.empty, held(2)), held(1));
  waiting = queue.change(waiting, { t: "changed", seq: 9, id: "000002", state: "shown" });
  // A page that was on its way does not bring it back.
  waiting = queue.page(waiting, [held(1), held(2), held(3)], null);
  expect(waiting.items.map((one) => one.id)).toEqual(["000001", "000003"]);
  waiting = queue.take(waiting, comment(3));
  expect(queue.drop(waiting, "000001").items).toEqual([]);
  let many = queue.empty;
  for (let id = 0; id < queue.MOST_QUEUED + 5; id += 1) many = queue.take(many, held(id));
  expect(many.items).toHaveLength(queue.MOST_QUEUED);
});
