import { expect, test } from "vitest";
import type { Origin } from "../api/types";
import { draftOf, edgeDraft, toBody } from "./origin";

const kept: Origin = {
  id: "o1",
  name: "Cellar",
  app: "app",
  vhost: "live",
  whip_url: "https://ome.example:3334",
  rtmp_url: "rtmp://ome.example",
  srt_url: null,
  api_url: "http://ome.example:8081",
  has_api_token: true,
  has_signing_secret: false,
  groups: [],
  created_at: "2026-11-22T10:00:00Z",
  changed_at: "2026-11-22T10:00:00Z",
  playback: { webrtc: "wss://ome.example/{app}/{name}", llhls: null },
  edges: [{ id: "e1", name: "one", api_url: "http://edge-1.example:8081", has_api_token: true }],
};

test("a new origin is sent what was filled in", () => {
  const draft = { ...draftOf(null), name: " Cellar ", srt_url: "srt://ome.example:9999", edges: [{ ...edgeDraft(), name: "one", api_url: " http://edge.example " }] };
  expect(toBody(draft, null)).toEqual({ name: "Cellar", app: "app", vhost: "default", srt_url: "srt://ome.example:9999", playback: {}, edges: [{ name: "one", api_url: "http://edge.example" }] });
});

test("of a kept one what was emptied goes, and tokens that were not typed stay", () => {
  const draft = { ...draftOf(kept), rtmp_url: "", "playback.webrtc": "" };
  const body = toBody(draft, kept);
  expect(body).toMatchObject({ rtmp_url: null, whip_url: kept.whip_url, vhost: "live", playback: { webrtc: null, llhls: null } });
  expect(body).not.toHaveProperty("api_token");
  expect(body["edges"]).toEqual([{ id: "e1", name: "one", api_url: "http://edge-1.example:8081" }]);
  expect(toBody({ ...draft, api_token: "user:token" }, kept)).toMatchObject({ api_token: "user:token" });
  expect(body).not.toHaveProperty("signing_secret");
  expect(toBody({ ...draft, signing_secret: "hush" }, kept)).toMatchObject({ signing_secret: "hush" });
});
