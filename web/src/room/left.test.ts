import { expect, test } from "vitest";
import { left } from "./left";

const SECOND = 1000;
const HOUR = 3600 * SECOND;

test.each([
  [0, ""],
  [-5 * HOUR, ""],
  [1, "00:01"],
  [59 * SECOND, "00:59"],
  [HOUR - SECOND, "59:59"],
  [HOUR, "1:00:00"],
  [47 * HOUR + 61 * SECOND, "47:01:01"],
  [48 * HOUR, "in 2 days"],
  [30 * 24 * HOUR, "in 30 days"],
])("%d ms are left", (ms, words) => {
  expect(left(ms, "en")).toBe(words);
});

test("days are said in the page's language", () => {
  expect(left(72 * HOUR, "de")).toBe("in 3 Tagen");
  expect(left(72 * HOUR, "hi")).toMatch(/3 दिन/);
});
