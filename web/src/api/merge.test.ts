import { describe, expect, test } from "vitest";
import { applyChange, inOrder } from "./merge";
import type { Broadcast } from "./types";

const target = { id: "t1", label: "Origin", protocol: "whip", state: "connecting", bytes: 0, kbps: 0, reconnects: 0 } as const;
const program = { fps: 30, distinct_fps: 12, video_kbps: 900, audio_level_db: -20, av_skew_ms: 0 };
const one = (id: string, more: Partial<Broadcast> = {}): Broadcast => ({
  id,
  phase: "joining",
  step: "audio",
  paused: false,
  meeting_id: "m",
  meeting_name: "Physics",
  source: "test",
  profile: "720p30",
  node: "here",
  started_by: "admin",
  started_at: "2026-11-22T10:00:00Z",
  program: { ...program },
  targets: [{ ...target }],
  viewers: 0,
  ...more,
});

describe("the event stream", () => {
  test("changes only what it names, inside the program too", () => {
    const { broadcasts, need } = applyChange([one("a"), one("b")], "broadcast", { id: "b", program: { fps: 25 } });
    expect(need).toBe("nothing");
    expect(broadcasts[0]).toEqual(one("a"));
    expect(broadcasts[1]?.program).toEqual({ ...program, fps: 25 });
    expect(broadcasts[1]?.step).toBe("audio");
  });

  test("forgets the step of a phase that is over", () => {
    const { broadcasts } = applyChange([one("a")], "broadcast", { id: "a", phase: "live" });
    expect(broadcasts[0]).toMatchObject({ phase: "live", step: null });
  });

  test("asks for a broadcast that it has not seen", () => {
    expect(applyChange([], "broadcast", { id: "new", phase: "waiting" }).need).toEqual({ fetch: "new" });
    expect(applyChange([], "target", { id: "t9", broadcast_id: "new" }).need).toEqual({ fetch: "new" });
    expect(applyChange([], "target", { id: "t9" }).need).toBe("list");
  });

  test("changes and removes targets", () => {
    const live = applyChange([one("a")], "target", { id: "t1", state: "live", kbps: 2500 }).broadcasts;
    expect(live[0]?.targets[0]).toMatchObject({ state: "live", kbps: 2500, label: "Origin" });
    expect(applyChange(live, "target", { id: "t1", removed: true }).broadcasts[0]?.targets).toEqual([]);
  });

  test("puts what runs first, newest first", () => {
    const ended = one("d", { phase: "ended" });
    expect(inOrder([one("a"), ended, one("b")]).map((b) => b.id)).toEqual(["b", "a", "d"]);
  });
});
