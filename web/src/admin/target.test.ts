import { describe, expect, test } from "vitest";
import { addressKind, emptyDraft, keyFrom, protocolsOf, toTarget } from "./target";

const draft = (more: object) => ({ ...emptyDraft([]), ...more });

describe("a target", () => {
  test("at an origin", () => {
    const at = draft({ kind: "origin", origin: "o1", streamName: " aula " });
    expect(toTarget(at)).toEqual({ origin_id: "o1", stream_name: "aula" });
    expect(toTarget({ ...at, protocol: "srt" })).toEqual({ origin_id: "o1", stream_name: "aula", protocol: "srt" });
  });

  test("sends only what belongs to its kind of address", () => {
    const all = { streamKey: "key", bearer: "token", streamid: "id", passphrase: "long enough", latencyMs: "120" };
    expect(toTarget(draft({ url: " rtmp://a/live ", ...all }))).toEqual({ url: "rtmp://a/live", stream_key: "key" });
    expect(toTarget(draft({ url: "https://a/whip", ...all }))).toEqual({ url: "https://a/whip", bearer: "token" });
    expect(toTarget(draft({ url: "srt://a:9000", ...all }))).toEqual({ url: "srt://a:9000", srt: { streamid: "id", passphrase: "long enough", latency_ms: 120 } });
    expect(toTarget(draft({ url: "srt://a:9000" }))).toEqual({ url: "srt://a:9000" });
    expect(toTarget(draft({ url: "nonsense", ...all }))).toEqual({ url: "nonsense" });
  });

  test("tells addresses apart", () => {
    expect(["rtmps://a", "SRT://a", "http://a", "ftp://a", ""].map(addressKind)).toEqual(["rtmp", "srt", "whip", null, null]);
  });

  test("offers what the origin takes", () => {
    expect(protocolsOf({ whip_url: "https://a", srt_url: "srt://a", rtmp_url: null })).toEqual(["whip", "srt"]);
    expect(protocolsOf(undefined)).toEqual([]);
  });
});

test.each([
  ["Café & Bar!", "cafe-bar"],
  ["  Physics, 1st year ", "physics-1st-year"],
  ["Übung – Größe", "ubung-gro-e"],
  ["हिन्दी", ""],
])("the key of %j is %j", (title, key) => expect(keyFrom(title)).toBe(key));

test("a long title's key stays short and ends well", () => {
  expect(keyFrom("a".repeat(47) + " bcd")).toBe("a".repeat(47));
});
