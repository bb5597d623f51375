import { beforeAll, describe, expect, test, vi } from "vitest";
import type { Broadcast } from "../api/types";
import { loadMessages } from "../i18n";
import { eventTone, phaseName, phaseText, phaseTone } from "./words";

const broadcast = (more: Partial<Broadcast>): Broadcast => ({
  id: "a",
  phase: "live",
  paused: false,
  meeting_id: "m",
  meeting_name: "Physics",
  source: "browser",
  profile: "720p30",
  node: "here",
  started_by: "admin",
  started_at: "2026-11-22T10:00:00Z",
  program: { fps: 30, distinct_fps: 12, video_kbps: 900, audio_level_db: -20, av_skew_ms: 0 },
  targets: [],
  viewers: 0,
  ...more,
});

beforeAll(async () => {
  vi.stubGlobal("document", { documentElement: { lang: "en" } });
  await loadMessages();
});

describe("what is happening, in a sentence", () => {
  test.each([
    [{ phase: "joining", step: "lobby" }, "Waiting in the lobby"],
    [{ phase: "joining" }, "on its way into the meeting"],
    [{ step: "audio_joined" }, "The meeting is going out."],
    [{ step: "audio" }, "Joining the meeting's sound."],
    [{ step: "audio_joined", paused: true }, "until you resume"],
    [{ source: "test", step: "audio_joined" }, "The test picture is going out."],
    [{ source: "test", phase: "joining", step: "page" }, "The test picture is starting."],
    [{ phase: "interrupted", step: "page" }, "page is loading"],
    [{ phase: "interrupted" }, "viewers see the slate"],
    [{ phase: "ended", reason: "denied" }, "did not let the bot in"],
    [{ phase: "joining", step: "some_new_step" }, "some new step"],
  ] as [Partial<Broadcast>, string][])("%j", (more, words) => expect(phaseText(broadcast(more))).toContain(words));

  test("paused and live have names and colours of their own", () => {
    expect([phaseName(broadcast({})), phaseTone(broadcast({}))]).toEqual(["Live", "live"]);
    expect([phaseName(broadcast({ paused: true })), phaseTone(broadcast({ paused: true }))]).toEqual(["Paused", "warn"]);
    expect(phaseTone(broadcast({ phase: "ended", reason: "failed" }))).toBe("bad");
  });

  test("events have the colour of what they say", () => {
    const tone = (code: string) => eventTone({ id: "1", at: "", code, message: "" });
    expect(["live", "target.backing_off", "phase:interrupted", "failed", "unheard_of"].map(tone)).toEqual(["good", "warn", "warn", "bad", "brand"]);
  });
});
