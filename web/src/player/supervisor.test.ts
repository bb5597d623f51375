import { describe, expect, test } from "vitest";
import { backOffMs, begin, CONNECT_MS, FREEZE_MS, HIDDEN_FREEZE_MS, LONGEST_DELAY_MS, SILENT_ROOM_MS, STALL_MS, step } from "./supervisor";
import type { Effect, Happening, Model } from "./supervisor";

/** A player and its clock. */
class Player {
  now = 1_000_000;
  model: Model = begin(this.now);
  effects: Effect[] = [];
  frames = 0;

  tell(happening: Happening, random = 0.5): this {
    const next = step(this.model, happening, this.now, random);
    this.model = next.model;
    this.effects = next.effects;
    return this;
  }

  /** Half-second ticks for `ms`; pictures come in while `moving`. Stops at the first effect. */
  run(ms: number, { moving = false, hidden = false, connected = true } = {}): this {
    const end = this.now + ms;
    this.effects = [];
    while (this.now < end && this.effects.length === 0) {
      this.now += 500;
      if (moving) this.frames += 15;
      this.tell({ type: "tick", frames: connected ? this.frames : null, hidden });
    }
    return this;
  }

  playing(): this {
    this.frames = 0;
    return this.tell({ type: "room", state: "live" }).run(1000, { moving: true });
  }
}

describe("starting", () => {
  test("waits for the room's word, and plays what is on the air", () => {
    const player = new Player();
    expect(player.model.phase).toBe("waiting");
    expect(player.tell({ type: "room", state: "live" }).effects).toEqual(["connect"]);
    expect(player.model.phase).toBe("connecting");
    expect(player.run(500, { moving: true }).model.phase).toBe("playing");
  });

  test.each(["none", "announced", "over"] as const)("does not knock while the room is %s", (state) => {
    const player = new Player().tell({ type: "room", state });
    expect(player.run(120_000, { connected: false }).effects).toEqual([]);
    expect(player.model.phase).toBe("waiting");
  });

  test.each(["interrupted", "paused"] as const)("plays the slate while the room is %s", (state) => {
    expect(new Player().tell({ type: "room", state }).effects).toEqual(["connect"]);
  });

  test("tries by itself when the room stays silent", () => {
    const player = new Player();
    expect(player.run(SILENT_ROOM_MS - 500, { connected: false }).effects).toEqual([]);
    expect(player.run(1000, { connected: false }).effects).toEqual(["connect"]);
  });
});

describe("trouble", () => {
  test("backs off from half a second to fifteen, with jitter", () => {
    expect([0, 1, 2, 3].map((n) => backOffMs(n, 0.5))).toEqual([500, 1000, 2000, 4000]);
    expect(backOffMs(30, 0.5)).toBe(LONGEST_DELAY_MS);
    expect([backOffMs(2, 0), backOffMs(2, 1)]).toEqual([1000, 3000]);
  });

  test("never gives up, and never hurries", () => {
    const player = new Player().tell({ type: "room", state: "live" });
    let last = player.now;
    for (let n = 0; n < 40; n += 1) {
      player.tell({ type: "failed", trouble: "unreachable" });
      expect(player.effects).toEqual(["close"]);
      player.run(60_000, { connected: false });
      expect(player.effects).toEqual(["connect"]);
      expect(player.now - last).toBeLessThanOrEqual(LONGEST_DELAY_MS + 500);
      expect(player.now - last).toBeGreaterThanOrEqual(500);
      last = player.now;
    }
  });

  test("believes a server that says when to come back", () => {
    const player = new Player().tell({ type: "room", state: "live" }).tell({ type: "failed", trouble: "busy", retryAfterS: 20 });
    expect(player.run(20_000, { connected: false }).effects).toEqual([]);
    expect(player.run(6000, { connected: false }).effects).toEqual(["connect"]);
  });

  test("gives a connection up that shows no picture", () => {
    const player = new Player().tell({ type: "room", state: "live" });
    expect(player.run(CONNECT_MS - 500).effects).toEqual([]);
    expect(player.run(1000).effects).toEqual(["close"]);
    expect(player.model).toMatchObject({ phase: "retrying", trouble: "timeout" });
  });

  test("says that the picture stands, then connects anew", () => {
    const player = new Player().playing();
    player.run(STALL_MS);
    expect(player.model.phase).toBe("stalled");
    expect(player.run(FREEZE_MS - STALL_MS).effects).toEqual(["close"]);
    expect(player.model.trouble).toBe("frozen");
  });

  test("a picture that comes back in time needs no new connection", () => {
    const player = new Player().playing().run(STALL_MS);
    expect(player.run(500, { moving: true }).effects).toEqual([]);
    expect(player.model.phase).toBe("playing");
  });

  test("a page that slept is not a picture that stood", () => {
    const player = new Player().playing();
    player.now += 90_000;
    expect(player.tell({ type: "tick", frames: player.frames, hidden: false }).effects).toEqual([]);
    expect(player.run(STALL_MS - 500).model.phase).toBe("playing");
  });

  test("keeps playing while hidden, with more patience", () => {
    const player = new Player().playing();
    expect(player.run(HIDDEN_FREEZE_MS - 500, { hidden: true }).effects).toEqual([]);
    expect(player.model.phase).toBe("playing");
    expect(player.run(1000, { hidden: true }).effects).toEqual(["close"]);
  });

  test("a lost connection is tried again soon, and counted anew after a picture", () => {
    const player = new Player().playing().tell({ type: "lost" });
    expect(player.model).toMatchObject({ phase: "retrying", attempt: 1 });
    player.run(2000, { connected: false });
    expect(player.effects).toEqual(["connect"]);
    player.frames = 0;
    player.run(1000, { moving: true });
    expect(player.model).toMatchObject({ phase: "playing", attempt: 0, trouble: null });
  });
});

describe("word from the room", () => {
  test("wakes a player that waits for its next try", () => {
    const player = new Player().tell({ type: "room", state: "live" });
    for (let n = 0; n < 6; n += 1) player.tell({ type: "failed", trouble: "unreachable" }).run(60_000, { connected: false });
    player.tell({ type: "failed", trouble: "unreachable" });
    expect(player.tell({ type: "room", state: "live" }).effects).toEqual(["connect"]);
  });

  test("does not disturb what plays", () => {
    const player = new Player().playing();
    for (const state of ["interrupted", "live", "paused", "live"] as const) {
      expect(player.tell({ type: "room", state }).effects).toEqual([]);
      expect(player.model.phase).toBe("playing");
    }
  });

  test("ends it", () => {
    const player = new Player().playing();
    expect(player.tell({ type: "room", state: "over" }).effects).toEqual(["close"]);
    expect(player.model.phase).toBe("waiting");
    expect(player.run(60_000, { connected: false }).effects).toEqual([]);
    expect(player.tell({ type: "room", state: "live" }).effects).toEqual(["connect"]);
  });

  test("the network's return wakes it too", () => {
    const player = new Player().playing().tell({ type: "lost" });
    expect(player.tell({ type: "wake" }).effects).toEqual(["connect"]);
    expect(player.tell({ type: "wake" }).effects).toEqual([]);
  });

  test("an answer that comes too late changes nothing", () => {
    const player = new Player().playing();
    expect(player.tell({ type: "failed", trouble: "refused" }).effects).toEqual([]);
    expect(player.model.phase).toBe("playing");
  });
});
