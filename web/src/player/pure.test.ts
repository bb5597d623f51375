import { describe, expect, test } from "vitest";
import { allBlack } from "./black";
import { deedOf, KEYS } from "./keys";
import { climbed, fail, FIRST_CLIMB_MS, holds, ladder, PROBATION_MS, way } from "./ladder";
import { lossPercent, NOTHING_READ } from "./reading";
import { backOffMs, FIRST_DELAY_MS, IMPATIENT_MS, LONGEST_DELAY_MS, spreadMs } from "./timing";

describe("waiting", () => {
  test("grows from a quarter of a second to fifteen, with jitter", () => {
    expect([0, 1, 2, 3].map((n) => backOffMs(n, 0.5))).toEqual([FIRST_DELAY_MS, 500, 1000, 2000]);
    expect(backOffMs(30, 0.5)).toBe(LONGEST_DELAY_MS);
    expect([backOffMs(2, 0), backOffMs(2, 1)]).toEqual([500, 1500]);
  });

  test("stays short after a loss, unless there are many", () => {
    for (let attempt = 0; attempt < 30; attempt += 1) {
      expect(backOffMs(attempt, 1, 5000, 20)).toBeLessThanOrEqual(900);
      expect(backOffMs(attempt + 6, 0.5, 5000, 10_000)).toBe(10_000);
    }
    expect(backOffMs(9, 0.5, IMPATIENT_MS)).toBe(LONGEST_DELAY_MS);
  });

  test("spreads a crowd and nobody else", () => {
    expect([0, 20, 2000, 1_000_000].map((viewers) => spreadMs(viewers, 1))).toEqual([0, 10, 1000, 2000]);
    expect(spreadMs(1_000_000, 0)).toBe(0);
  });
});

describe("the ladder", () => {
  const three = ladder(["webrtc", "webrtc_tcp", "llhls"], 0);

  test.each([
    ["blocked", "webrtc_tcp"],
    ["timeout", "webrtc_tcp"],
    ["lossy", "webrtc_tcp"],
    ["lost", "webrtc"],
    ["frozen", "webrtc"],
    ["unreachable", "webrtc"],
    ["not_there", "webrtc"],
    ["busy", "webrtc"],
    ["refused", "webrtc"],
    ["black", "webrtc"],
  ] as const)("%s leads to %s", (trouble, to) => {
    expect(way(fail(three, trouble, 1000))).toBe(to);
  });

  test("a socket that cannot be opened leads past all that begin with one", () => {
    expect(way(fail(fail(three, "unreachable", 0), "unreachable", 1000))).toBe("llhls");
  });

  test("a way that is lost three times in a minute is left, three times in an hour not", () => {
    const often = [0, 10_000, 20_000].reduce((now, atMs) => fail(now, "lost", atMs), three);
    expect(way(often)).toBe("webrtc_tcp");
    const seldom = [0, 61_000, 122_000, 183_000].reduce((now, atMs) => fail(now, "lost", atMs), three);
    expect(way(seldom)).toBe("webrtc");
  });

  test("what was climbed to and fails soon is tried later; what holds is trusted", () => {
    const low = fail(three, "lossy", 0);
    const up = climbed(low, 0, 40_000);
    expect(fail(up, "lossy", 50_000).climbMs).toBe(2 * FIRST_CLIMB_MS);
    const held = holds(up, 40_000 + PROBATION_MS);
    expect(fail(held, "lossy", 41_000 + PROBATION_MS).climbMs).toBe(FIRST_CLIMB_MS);
  });
});

describe("keys", () => {
  const pressed = (key: string, more = {}) => deedOf({ key, ctrlKey: false, metaKey: false, altKey: false, inText: false, onButton: false, inPlayer: false, ...more });

  test("do what the help says", () => {
    expect(["k", " ", "K", "m", "f", "i", "?"].map((key) => pressed(key))).toEqual(["halt", "halt", "halt", "mute", "fullscreen", "figures", "help"]);
    expect(KEYS.map(({ deed }) => deed)).toEqual(["halt", "mute", "volume", "fullscreen", "figures", "help"]);
  });

  test("leave the page, its fields and its buttons what is theirs", () => {
    expect([pressed("ArrowUp"), pressed("ArrowUp", { inPlayer: true }), pressed("ArrowDown", { inPlayer: true })]).toEqual([null, "louder", "softer"]);
    expect([pressed("k", { inText: true }), pressed("f", { ctrlKey: true }), pressed("m", { altKey: true }), pressed(" ", { onButton: true }), pressed("x")]).toEqual([null, null, null, null, null]);
  });
});

test("black is black, and a little noise in it too", () => {
  const pixels = new Uint8ClampedArray(32 * 18 * 4).fill(16);
  expect(allBlack(pixels)).toBe(true);
  pixels[401] = 80;
  expect(allBlack(pixels)).toBe(false);
});

test("what is lost is a share of what was sent", () => {
  expect(lossPercent({ ...NOTHING_READ, lost: 10, received: 90 })).toBe(10);
  // Packets that come late are taken back, and there can be more of them than were missed.
  expect(lossPercent({ ...NOTHING_READ, lost: -3, received: 90 })).toBe(0);
  expect([lossPercent(NOTHING_READ), lossPercent({ ...NOTHING_READ, lost: 0, received: 0 })]).toEqual([null, null]);
});
