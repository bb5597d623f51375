import { describe, expect, test } from "vitest";
import { readPlayback } from "./playback";

describe("where to play from", () => {
  const webrtc = { type: "webrtc", url: "wss://o.example/app/s?token=1" };

  test("an origin's ways, the quickest first, with what we do not know left out", () => {
    const said = {
      kind: "origin",
      stream: "s1",
      sources: [{ type: "llhls", url: "https://o.example/s.m3u8" }, { type: "carrier_pigeon", url: "https://o.example" }, null, { type: "webrtc_tcp", url: "wss://o.example/app/s?transport=tcp" }, webrtc, 7, { type: "webrtc" }],
      expires_at: "2026-11-22T10:00:00Z",
      live: true,
    };
    expect(readPlayback(said)).toMatchObject({ stream: "s1", live: true, expiresMs: Date.UTC(2026, 10, 22, 10), sources: [webrtc, { type: "webrtc_tcp" }, { type: "llhls" }] });
  });

  test("the embedded edge, and what is missing", () => {
    expect(readPlayback({ kind: "embedded", stream: "s1", url: "/whep/aula", live: true })).toEqual({ stream: "s1", sources: [{ type: "whep", url: "/whep/aula" }], expiresMs: null, live: true });
    expect(readPlayback({ kind: "origin", sources: [webrtc], expires_at: "soon" })).toMatchObject({ stream: "", live: null, expiresMs: null });
  });

  test.each([
    null,
    7,
    "x",
    {},
    { kind: "embedded" },
    { kind: "embedded", url: "javascript:alert(1)" },
    { kind: "embedded", url: "//elsewhere.example/whep" },
    { kind: "origin", sources: "x" },
    { kind: "origin", sources: [] },
    { kind: "origin", sources: [{ type: "webrtc", url: "https://o.example" }, { type: "llhls", url: "javascript:alert(1)" }] },
  ])("nothing to be played in %j", (said) => {
    expect(readPlayback(said)).toBeNull();
  });

  test("a list without end is not read to its end", () => {
    expect(readPlayback({ kind: "origin", stream: "s", sources: Array.from({ length: 5000 }, () => webrtc) })?.sources).toHaveLength(8);
  });
});
