import { describe, expect, test } from "vitest";
import { FIRST_CLIMB_MS } from "./ladder";
import { embedded, type Playback } from "./playback";
import { NOTHING_READ } from "./reading";
import { begin, FRESH_MS, LINK_MS, onAir, PICTURE_MS, SIGNAL_MS, SILENT_ROOM_MS, step } from "./supervisor";
import type { Effect, Happening, Model } from "./supervisor";
import { LONGEST_DELAY_MS } from "./timing";
import { HIDDEN_FREEZE_MS, patience, SILENT_MS, WAKE_MS } from "./watchdog";

const { stallMs, freezeMs } = patience("webrtc");

const origin = (stream = "s1", more: Partial<Playback> = {}): Playback => ({
  stream,
  sources: [
    { type: "webrtc", url: "wss://o.example/app/s" },
    { type: "webrtc_tcp", url: "wss://o.example/app/s?transport=tcp" },
    { type: "llhls", url: "https://o.example/app/s/llhls.m3u8" },
  ],
  expiresMs: null,
  live: true,
  ...more,
});

/** A player, its clock, and a server that answers at once. */
class Player {
  now = 1_000_000;
  model: Model = begin(this.now);
  effects: Effect[] = [];
  frames = 0;
  sound = 0;
  lost = 0;
  received = 0;
  connected = true;
  answer: Playback | null = embedded("/whep/aula");

  tell(happening: Happening, random = 0.5): this {
    const next = step(this.model, happening, { nowMs: this.now, wallMs: this.now, random });
    this.model = next.model;
    this.effects = next.effects;
    if (this.effects.some((effect) => effect.do === "ask") && this.answer) {
      const asked = this.effects;
      this.tell({ type: "playback", playback: this.answer }, random);
      this.effects = [...asked, ...this.effects];
    }
    return this;
  }

  tick({ reading = true, hidden = false, black = null as boolean | null } = {}): this {
    const measured = { ...NOTHING_READ, connected: this.connected, frames: this.frames, sound: this.sound, lost: this.lost, received: this.received, frozenS: 0 };
    return this.tell({ type: "tick", reading: reading ? measured : null, hidden, black });
  }

  /** Half-second ticks for `ms`; pictures and sound come in while `moving`. Stops at the first effect. */
  run(ms: number, { moving = false, sounding = true, hidden = false, line = true, lossy = false, black = null as boolean | null } = {}): this {
    const end = this.now + ms;
    this.effects = [];
    while (this.now < end && this.effects.length === 0) {
      this.now += 500;
      if (moving) this.frames += 15;
      if (moving && sounding) this.sound += 25;
      if (moving) this.received += lossy ? 90 : 100;
      if (moving && lossy) this.lost += 10;
      this.tick({ reading: line, hidden, black });
    }
    return this;
  }

  live(more: Partial<Extract<Happening, { type: "room" }>> = {}): this {
    return this.tell({ type: "room", state: "live", ...more });
  }

  signalled(): this {
    return this.tell({ type: "signalled" });
  }

  fresh(): this {
    Object.assign(this, { frames: 0, sound: 0, lost: 0, received: 0 });
    return this;
  }

  playing(more: Partial<Extract<Happening, { type: "room" }>> = {}): this {
    return this.fresh().live(more).signalled().run(1000, { moving: true });
  }

  get deeds(): string[] {
    return this.effects.map((effect) => effect.do);
  }

  get source(): string | undefined {
    const connect = this.effects.find((effect) => effect.do === "connect");
    return connect?.do === "connect" ? connect.source.type : undefined;
  }
}

const atOrigin = (playback: Playback | null = origin()): Player => Object.assign(new Player(), { answer: playback });

describe("starting", () => {
  test("waits for the room's word, asks where to play from, and plays it", () => {
    const player = new Player();
    expect(player.model.phase).toBe("waiting");
    expect(player.live().deeds).toEqual(["ask", "connect"]);
    expect(player.model.phase).toBe("connecting");
    expect(player.run(500, { moving: true }).model.phase).toBe("playing");
  });

  test.each(["none", "announced", "over"] as const)("does not knock while the room is %s", (state) => {
    const player = new Player().tell({ type: "room", state });
    expect(player.run(120_000, { line: false }).effects).toEqual([]);
    expect(player.model.phase).toBe("waiting");
  });

  test.each(["interrupted", "paused"] as const)("plays the slate while the room is %s", (state) => {
    expect(new Player().tell({ type: "room", state }).deeds).toContain("connect");
  });

  test("tries by itself when the room stays silent", () => {
    const player = new Player();
    expect(player.run(SILENT_ROOM_MS - 500, { line: false }).effects).toEqual([]);
    expect(player.run(1000, { line: false }).deeds).toContain("connect");
  });

  test("a room with a door shows it", () => {
    const player = Object.assign(new Player(), { answer: null }).live();
    expect(player.deeds).toEqual(["ask"]);
    expect(player.tell({ type: "locked" }).deeds).toEqual(["close", "reload"]);
    expect(player.run(120_000, { line: false }).effects).toEqual([]);
  });

  test("waits for the room's word where the origin has no picture yet, and knocks seldom", () => {
    const player = atOrigin(origin("s1", { live: false })).live();
    expect(player.model).toMatchObject({ phase: "retrying", trouble: "not_there" });
    expect(player.run(9500, { line: false }).effects).toEqual([]);
    player.answer = origin();
    expect(player.live({ stream: "s1", there: true }).source).toBe("webrtc");
  });
});

describe("trouble", () => {
  test("never gives up, and never hurries", () => {
    const player = new Player().live();
    let last = player.now;
    for (let n = 0; n < 40; n += 1) {
      expect(player.tell({ type: "failed", trouble: "busy" }).deeds).toEqual(["close"]);
      player.run(60_000, { line: false });
      expect(player.deeds).toContain("connect");
      expect(player.now - last).toBeLessThanOrEqual(LONGEST_DELAY_MS + 500);
      last = player.now;
    }
    expect(player.model.attempt).toBe(40);
  });

  test("believes a server that says when to come back", () => {
    const player = new Player().live().tell({ type: "failed", trouble: "busy", retryAfterS: 20 });
    expect(player.run(20_000, { line: false }).effects).toEqual([]);
    expect(player.run(6000, { line: false }).deeds).toContain("connect");
  });

  test("gives a line up that opens and shows no picture", () => {
    const player = new Player().live().signalled();
    expect(player.run(PICTURE_MS).effects).toEqual([]);
    expect(player.run(1000).deeds).toEqual(["close"]);
    expect(player.model).toMatchObject({ phase: "retrying", trouble: "timeout" });
  });

  test("says that the picture stands, then connects anew", () => {
    const player = new Player().playing();
    player.run(stallMs);
    expect(player.model.phase).toBe("stalled");
    expect(player.run(freezeMs - stallMs).deeds).toEqual(["close"]);
    expect(player.model.trouble).toBe("frozen");
  });

  test("a picture that comes back in time needs no new line", () => {
    const player = new Player().playing().run(stallMs);
    expect(player.run(500, { moving: true }).effects).toEqual([]);
    expect(player.model.phase).toBe("playing");
  });

  test("keeps playing while hidden, with more patience", () => {
    const player = new Player().playing();
    expect(player.run(HIDDEN_FREEZE_MS - 500, { hidden: true }).effects).toEqual([]);
    expect(player.model.phase).toBe("playing");
    expect(player.run(1000, { hidden: true }).deeds).toEqual(["close"]);
  });

  test("who stops the picture has no frozen one", () => {
    const player = new Player().playing();
    for (let n = 0; n < 60; n += 1) {
      player.now += 500;
      player.tell({ type: "tick", reading: { ...NOTHING_READ, connected: true, frames: player.frames }, hidden: false, halted: true });
      expect(player.effects).toEqual([]);
    }
  });

  test("silence and blackness are met with a new line once", () => {
    const player = new Player().playing();
    expect(player.run(SILENT_MS + 1000, { moving: true, sounding: false }).deeds).toEqual(["close"]);
    expect(player.model.trouble).toBe("silent");
    player.run(2000, { line: false });
    player.fresh().signalled().run(1000, { moving: true });
    expect(player.run(60_000, { moving: true, sounding: false }).effects).toEqual([]);
    expect(player.run(20_000, { moving: true, black: true }).deeds).toEqual(["close"]);
    player.run(2000, { line: false });
    player.fresh().signalled().run(1000, { moving: true });
    expect(player.run(60_000, { moving: true, black: true }).effects).toEqual([]);
    expect(player.model.phase).toBe("playing");
  });

  test("a slate may be black", () => {
    const player = new Player().playing().tell({ type: "room", state: "paused" });
    expect(player.run(60_000, { moving: true, black: true }).effects).toEqual([]);
  });

  test("an answer that comes too late changes nothing", () => {
    const player = new Player().playing().tell({ type: "room", state: "over" });
    const before = player.model;
    for (const late of [{ type: "failed", trouble: "lost" }, { type: "playback", playback: origin() }, { type: "unanswered", trouble: "busy" }, { type: "signalled" }] as const) {
      expect(player.tell(late).effects).toEqual([]);
      expect(player.model).toEqual(before);
    }
  });
});

describe("the source ends and comes back", () => {
  test("asks again at once, and at every word of the room", () => {
    const player = atOrigin().playing({ stream: "s1", there: true });
    player.tell({ type: "failed", trouble: "lost" });
    expect(player.model).toMatchObject({ phase: "retrying", attempt: 1 });
    expect(player.model.dueMs).toBeLessThanOrEqual(player.now + 400);
    player.live({ stream: "s1", there: false });
    player.answer = origin("s1", { live: false });
    // Told that there is nothing, it knocks no more.
    expect(player.run(9000, { line: false }).effects).toEqual([]);
    player.answer = origin();
    expect(player.live({ stream: "s1", there: true }).source).toBe("webrtc");
  });

  test("keeps knocking every half second where nobody tells", () => {
    const player = atOrigin().playing();
    player.tell({ type: "failed", trouble: "lost" });
    let last = player.now;
    while (player.now - 1_000_000 < 15_000) {
      player.run(60_000, { line: false });
      expect(player.now - last).toBeLessThanOrEqual(1500);
      last = player.now;
      player.tell({ type: "failed", trouble: "not_there" });
    }
    expect(player.model.ladder.at).toBe(0);
  });

  test("a crowd does not come in one moment", () => {
    const waits = [0, 0.5, 1].map((random) => {
      const player = atOrigin().playing({ stream: "s1", there: true }).tell({ type: "viewers", viewers: 3000 });
      player.tell({ type: "failed", trouble: "lost" }).live({ stream: "s1", there: false });
      player.tell({ type: "room", state: "live", stream: "s1", there: true }, random);
      return player.model.phase === "retrying" ? (player.model.dueMs ?? 0) - player.now : 0;
    });
    expect(waits).toEqual([0, 750, 1500]);
  });

  test("a push that was made anew is gone to as soon as it is there, the way that works first", () => {
    const player = atOrigin().playing({ stream: "s1", there: true });
    player.tell({ type: "failed", trouble: "blocked" });
    player.fresh().signalled().run(1000, { moving: true });
    player.answer = origin("s2");
    expect(player.live({ stream: "s2", there: false }).effects, "what plays goes on").toEqual([]);
    expect(player.live({ stream: "s2", there: true }).deeds).toEqual(["close", "ask", "connect"]);
    expect(player.source).toBe("webrtc_tcp");
    player.tell({ type: "failed", trouble: "lost" }).live({ stream: "s3", there: false });
    player.answer = origin("s3");
    expect(player.live({ stream: "s3", there: true }).deeds).toEqual(["ask", "connect"]);
  });

  test("a server that says one thing here and another there is followed once", () => {
    const player = atOrigin().playing({ stream: "s1", there: true });
    expect(player.live({ stream: "s2", there: true }).deeds).toEqual(["close", "ask", "connect"]);
    player.fresh().signalled().run(1000, { moving: true });
    for (let n = 0; n < 5; n += 1) expect(player.live({ stream: "s2", there: true }).effects).toEqual([]);
  });

  test("another origin is another beginning, with the ladder at its top", () => {
    const player = atOrigin().playing({ stream: "s1", there: true });
    player.tell({ type: "failed", trouble: "blocked" });
    expect(player.source).toBe("webrtc_tcp");
    player.fresh().signalled().run(1000, { moving: true });
    player.answer = origin("s2", { sources: [{ type: "webrtc", url: "wss://p.example/app/s" }] });
    player.live({ stream: "s2", there: true });
    expect(player.deeds).toEqual(["close", "ask", "connect"]);
    expect(player.source).toBe("webrtc");
  });

  test("the same word again disturbs nobody", () => {
    const player = atOrigin().playing({ stream: "s1", there: true });
    for (const state of ["interrupted", "live", "paused", "live"] as const) {
      expect(player.tell({ type: "room", state, stream: "s1", there: true }).effects).toEqual([]);
      expect(player.tell({ type: "room", state, stream: "s1", there: false }).effects).toEqual([]);
      expect(player.model.phase).toBe("playing");
    }
  });

  test("ends with the room, and begins with it", () => {
    const player = new Player().playing();
    expect(player.tell({ type: "room", state: "over" }).deeds).toEqual(["close"]);
    expect(player.model.phase).toBe("waiting");
    expect(player.run(60_000, { line: false }).effects).toEqual([]);
    expect(player.live().deeds).toContain("connect");
  });
});

describe("addresses", () => {
  test("a viewer whose time is up asks for a new one at once", () => {
    const player = atOrigin(origin("s1", { expiresMs: 1_060_000 })).playing();
    player.run(58_500, { moving: true });
    expect(player.effects).toEqual([]);
    player.now = 1_060_200;
    player.answer = origin("s1", { expiresMs: 1_120_000 });
    expect(player.tell({ type: "failed", trouble: "lost" }).deeds).toEqual(["close"]);
    expect(player.run(500, { line: false }).deeds).toEqual(["ask", "connect"]);
    expect(player.source).toBe("webrtc");
  });

  test("a higher way is tried with addresses that still open", () => {
    const player = atOrigin(origin("s1", { expiresMs: 1_020_000 })).playing().tell({ type: "failed", trouble: "lossy" });
    player.fresh().signalled().run(1000, { moving: true });
    player.answer = null;
    player.run(100_000, { moving: true });
    expect(player.deeds).toEqual(["renew"]);
    const asked = player.now;
    expect(player.run(100_000, { moving: true }).deeds).toEqual(["renew"]);
    expect(player.now - asked).toBeGreaterThanOrEqual(60_000);
    player.tell({ type: "playback", playback: origin("s1", { expiresMs: player.now + 300_000 }) });
    expect(player.effects).toEqual([]);
    expect(player.run(1000, { moving: true }).deeds).toEqual(["probe"]);
  });

  test("an address is used again while it is fresh, and no longer", () => {
    const player = atOrigin().live().signalled();
    expect(player.tell({ type: "failed", trouble: "blocked" }).deeds).toEqual(["close", "connect"]);
    player.now += FRESH_MS;
    expect(player.tell({ type: "failed", trouble: "blocked" }).deeds).toEqual(["close", "ask", "connect"]);
  });

  test("what fails twice gets a new address", () => {
    const player = atOrigin().live();
    player.tell({ type: "failed", trouble: "not_there" });
    expect(player.run(5000, { line: false }).deeds).toEqual(["connect"]);
    player.tell({ type: "failed", trouble: "not_there" });
    expect(player.run(5000, { line: false }).deeds).toEqual(["ask", "connect"]);
  });
});

describe("the ladder", () => {
  test("a way that does not open is left for the next one, down to the last and around", () => {
    const player = atOrigin().live().signalled();
    player.connected = false;
    player.run(LINK_MS.webrtc + 1000);
    expect(player.source).toBe("webrtc_tcp");
    player.signalled().run(LINK_MS.webrtc_tcp + 1000);
    expect(player.source).toBe("llhls");
    player.run(SIGNAL_MS + 1000);
    expect(player.deeds).toEqual(["close"]);
    expect(player.run(2000, { line: false }).source).toBe("webrtc");
  });

  test("loss is measured, and another way taken within six seconds of it", () => {
    const player = atOrigin().playing();
    player.run(20_000, { moving: true });
    const began = player.now;
    player.run(20_000, { moving: true, lossy: true });
    expect(player.source).toBe("webrtc_tcp");
    expect(player.now - began).toBeLessThanOrEqual(7000);
  });

  test("the only way is kept, however much is lost on it", () => {
    const player = new Player().playing();
    expect(player.run(60_000, { moving: true, lossy: true }).effects).toEqual([]);
  });

  test("climbs back out of sight, and only with pictures in hand", () => {
    const player = atOrigin().playing().tell({ type: "failed", trouble: "lossy" });
    player.fresh().signalled().run(1000, { moving: true });
    player.run(FIRST_CLIMB_MS + 1000, { moving: true });
    expect(player.effects).toEqual([{ do: "probe", source: origin().sources[0] }]);
    expect(player.model.phase).toBe("playing");
    expect(player.tell({ type: "probed", good: true }).deeds).toEqual(["adopt"]);
    expect(player.model.ladder.at).toBe(0);
    expect(player.fresh().run(1000, { moving: true }).model.phase).toBe("playing");
  });

  test("a higher way that fails is tried later and later, and by turns", () => {
    const player = atOrigin().playing().tell({ type: "failed", trouble: "blocked" });
    player.fresh().signalled().run(500, { moving: true });
    player.tell({ type: "failed", trouble: "blocked" });
    player.fresh().signalled().run(500, { moving: true });
    expect(player.model.ladder.at).toBe(2);
    const tried: string[] = [];
    const waits: number[] = [];
    for (let n = 0; n < 6; n += 1) {
      const began = player.now;
      player.run(1_000_000, { moving: true });
      const [probe] = player.effects;
      tried.push(probe?.do === "probe" ? probe.source.type : String(probe?.do));
      waits.push(Math.round((player.now - began) / 1000));
      expect(player.tell({ type: "probed", good: false }).deeds).toEqual(["drop_probe"]);
    }
    expect(tried).toEqual(["webrtc", "webrtc_tcp", "webrtc", "webrtc_tcp", "webrtc", "webrtc_tcp"]);
    expect(waits).toEqual([...waits].sort((one, other) => one - other));
    expect(waits.at(-1)).toBe(600);
  });

  test("nothing is tried on the side of a hidden page", () => {
    const player = atOrigin().playing().tell({ type: "failed", trouble: "lossy" });
    player.fresh().signalled().run(500, { moving: true });
    expect(player.run(300_000, { moving: true, hidden: true }).effects).toEqual([]);
  });
});

describe("sleep", () => {
  test("a page that slept is not a picture that stood, and a picture is due soon", () => {
    const player = new Player().playing();
    player.now += 90_000;
    expect(player.tick().effects).toEqual([]);
    expect(player.run(500, { moving: true }).effects).toEqual([]);
    expect(player.run(stallMs - 500).model.phase).toBe("playing");
  });

  test("a phone that wakes with a dead line connects anew in a second and a half", () => {
    const player = new Player().playing();
    player.now += 300_000;
    player.tell({ type: "wake" });
    expect(player.run(WAKE_MS + 500).deeds).toEqual(["close"]);
    expect(player.run(1000, { line: false }).deeds).toContain("connect");
  });

  test("a phone that wakes with a living line just goes on", () => {
    const player = new Player().playing().run(60_000, { moving: true });
    player.tell({ type: "wake" });
    expect(player.run(20_000, { moving: true }).effects).toEqual([]);
  });

  test("a page that was left and comes back begins anew", () => {
    const player = new Player().playing();
    expect(player.tell({ type: "left" }).deeds).toEqual(["close"]);
    expect(player.run(120_000, { line: false }).effects).toEqual([]);
    expect(player.tell({ type: "wake" }).deeds).toEqual(["ask", "connect"]);
  });

  test("the network's return wakes it once", () => {
    const player = new Player().playing().tell({ type: "failed", trouble: "lost" });
    expect(player.tell({ type: "wake" }).deeds).toContain("connect");
    expect(player.tell({ type: "wake" }).effects).toEqual([]);
  });
});

/** Small, and the same every time. */
function dice(seed: number): () => number {
  return () => {
    seed = (seed * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return seed / 4_294_967_296;
  };
}

describe("whatever happens", () => {
  test.each(Array.from({ length: 60 }, (_, seed) => seed))("the player keeps its rules, and plays in the end (%i)", (seed) => {
    const roll = dice(seed + 1);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(roll() * from.length)] as T;
    const player = atOrigin();
    let connects = 0;
    const check = () => {
      for (const effect of player.effects) {
        if (effect.do === "connect" || effect.do === "probe") expect(player.model.room === null || onAir(player.model.room)).toBe(true);
        if (effect.do === "connect") connects += 1;
      }
      expect(player.model.ladder.at).toBeLessThan(Math.max(1, player.model.ladder.ways.length));
      if (player.model.phase === "connecting" || player.model.phase === "asking") expect(player.model.dueMs).not.toBeNull();
    };
    const began = player.now;
    for (let n = 0; n < 400; n += 1) {
      player.now += Math.floor(roll() * 3000);
      player.answer = pick<Playback | null>([origin(), origin("s2"), origin("s1", { live: false }), origin("s1", { expiresMs: player.now + 5000 }), embedded("/whep/a"), null]);
      const deeds: (() => unknown)[] = [
        () => player.tell({ type: "room", state: pick(["none", "announced", "live", "interrupted", "paused", "over"] as const), stream: pick(["s1", "s2", null]), there: pick([true, false, null]) }, roll()),
        () => player.tell({ type: "failed", trouble: pick(["lost", "not_there", "blocked", "timeout", "unreachable", "busy", "refused"] as const) }, roll()),
        () => player.tell({ type: "unanswered", trouble: pick(["busy", "nothing_on_air"] as const), retryAfterS: pick([undefined, 5]) }, roll()),
        () => player.tell({ type: pick(["wake", "left", "signalled"] as const) }, roll()),
        () => player.tell({ type: "probed", good: roll() < 0.5 }, roll()),
        () => player.run(Math.floor(roll() * 8000), { moving: roll() < 0.6, lossy: roll() < 0.2, hidden: roll() < 0.1, line: roll() < 0.9 }),
      ];
      pick(deeds)();
      check();
    }
    // Even at its worst no viewer knocks oftener than this.
    expect(connects).toBeLessThanOrEqual(400 + (player.now - began) / 250);
    player.answer = origin("s9");
    player.tell({ type: "left" });
    player.tell({ type: "wake" });
    player.live({ stream: "s9", there: true });
    for (let n = 0; n < 80 && player.model.phase !== "playing"; n += 1) {
      if (player.source) player.fresh();
      player.run(500, { moving: player.model.phase === "connecting", line: player.model.phase === "connecting" });
    }
    expect(player.model.phase).toBe("playing");
  });
});
