import { expect, test } from "vitest";
import { withStereo } from "./sdp";

const sdp = (...lines: string[]) => ["v=0", ...lines, ""].join("\r\n");

test("asks for stereo on the Opus line only", () => {
  const before = sdp("a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10;useinbandfec=1", "a=rtpmap:102 H264/90000", "a=fmtp:102 packetization-mode=1");
  expect(withStereo(before)).toBe(sdp("a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10;useinbandfec=1;stereo=1", "a=rtpmap:102 H264/90000", "a=fmtp:102 packetization-mode=1"));
});

test("asks once, and is not misled by sprop-stereo", () => {
  const once = sdp("a=rtpmap:111 opus/48000/2", "a=fmtp:111 sprop-stereo=1;stereo=1");
  expect(withStereo(once)).toBe(once);
  expect(withStereo(sdp("a=rtpmap:111 opus/48000/2", "a=fmtp:111 sprop-stereo=1"))).toContain("sprop-stereo=1;stereo=1");
});
