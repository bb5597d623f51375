import { expect, test } from "vitest";
import { inTurn, pause, sight } from "./pictures";

test("three pictures load at a time, and all of them in the end, failures too", async () => {
  let most = 0;
  let now = 0;
  const ends: (() => void)[] = [];
  const load = (fails: boolean) => () =>
    new Promise<void>((resolve, reject) => {
      now += 1;
      most = Math.max(most, now);
      ends.push(() => ((now -= 1), fails ? reject(new Error("gone")) : resolve()));
    });
  const all = Promise.allSettled(Array.from({ length: 10 }, (_, index) => inTurn(load(index % 2 === 0))));
  for (let ended = 0; ended < 10; ) {
    await Promise.resolve();
    const end = ends.shift();
    if (end) ((ended += 1), end());
  }
  expect((await all).filter((one) => one.status === "rejected")).toHaveLength(5);
  expect(most).toBe(3);
});

test("many in sight come less often", () => {
  expect(pause()).toBe(3000);
  for (let n = 0; n < 20; n += 1) sight(true);
  expect(pause()).toBe(8000);
  for (let n = 0; n < 20; n += 1) sight(false);
  expect(pause()).toBe(3000);
});
