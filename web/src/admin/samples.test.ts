import { expect, test } from "vitest";
import { appendSamples, emptySamples } from "./samples";

const at = (from: number, count: number, targets: string[]) => {
  const list = Array.from({ length: count }, (_, index) => from + index);
  return { ...emptySamples(), at_ms: list, fps: list, distinct_fps: list, video_kbps: list, audio_level_db: list, av_skew_ms: list, cpu_cores: list, viewers: list, targets: targets.map((id) => ({ id, label: id, kbps: list })) };
};

test("pieces are put together, with gaps where a target was none", () => {
  const all = appendSamples(appendSamples(emptySamples(), at(0, 2, ["a"])), at(2, 2, ["b"]));
  expect(all.at_ms).toEqual([0, 1, 2, 3]);
  expect(all.targets).toEqual([
    { id: "a", label: "a", kbps: [0, 1, null, null] },
    { id: "b", label: "b", kbps: [null, null, 2, 3] },
  ]);
  expect(appendSamples(all, emptySamples())).toBe(all);
});

test("ten minutes are kept, and no target that is in none of them", () => {
  const all = appendSamples(at(0, 10, ["a"]), at(10, 600, ["b"]));
  expect([all.at_ms.length, all.at_ms[0]]).toEqual([600, 10]);
  expect(all.targets.map((target) => target.id)).toEqual(["b"]);
});
