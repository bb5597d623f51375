import { describe, expect, test } from "vitest";
import { appeared, awaited, due, kept, left, lost, MOST_WAITING, named, refused, restored, shown, UNANSWERED_MS, written, type Outbox } from "./outbox";
import { comment } from "./sample";

const letter = (ref: string, text = ref) => ({ ref, text, as_host: false, at: "2026-11-22T10:00:00Z" });
const write = (box: Outbox, ref: string) => written(box, letter(ref)) ?? box;
const refs = (posts: { ref: string }[]) => posts.map((post) => post.ref);
const nothing = () => false;

test("what was written goes out once, in order, and again only when nobody answers", () => {
  let box = write(write([], "a"), "b");
  let [next, posts] = due(box, 1000);
  expect(refs(posts)).toEqual(["a", "b"]);
  expect(due(next, 1001)[1]).toEqual([]);
  box = kept(next, "a", "1", "shown", nothing);
  [next, posts] = due(box, 1000 + UNANSWERED_MS);
  expect(refs(posts)).toEqual(["b"]);
});

test("after a break everything that was not answered goes out with the same ref", () => {
  const [sent] = due(write(write(write([], "a"), "b"), "c"), 0);
  const box = lost(kept(sent, "b", "2", "held", nothing));
  expect(refs(due(box, 1)[1])).toEqual(["a", "c"]);
});

describe("a comment of ours", () => {
  const [sent] = due(write([], "a"), 0);
  const ours = comment(7, { own: true, text: "a" });

  test("is shown once when the answer comes first", () => {
    const box = kept(sent, "a", "000007", "shown", nothing);
    expect(shown(box, nothing)).toHaveLength(1);
    expect(appeared(box, ours)).toEqual([]);
  });

  test("is shown once when it comes before its answer", () => {
    const box = appeared(sent, ours);
    expect(shown(box, (id) => id === "000007")).toEqual([]);
    // Its answer was lost: it goes out again, and the server knows the ref.
    expect(refs(due(lost(box), 1)[1])).toEqual(["a"]);
    expect(kept(box, "a", "000007", "shown", (id) => id === "000007")).toEqual([]);
  });

  test("of the same words twice is two", () => {
    const [both] = due(written(sent, letter("b", "a")) ?? [], 1);
    const box = appeared(both, ours);
    expect(shown(box, (id) => id === "000007").map((one) => one.ref)).toEqual(["b"]);
    expect(appeared(box, ours)).toEqual(box);
  });
});

test("slow mode keeps it and sends it when its time has come, with what was written after it behind it", () => {
  const [sent] = due(write([], "a"), 0);
  let box = refused(sent, { t: "error", ref: "a", code: "too_fast", detail: "", retry_ms: 5000 }, 1000);
  box = write(box, "b");
  expect(awaited(box, 1000)).toBe(6000);
  expect(due(box, 5999)[1]).toEqual([]);
  expect(refs(due(box, 6000)[1])).toEqual(["a", "b"]);
});

test("a refusal that a moment mends is not tried for ever", () => {
  let box = write([], "a");
  for (let tries = 0; tries < 20; tries += 1) {
    [box] = due(box, tries * 60_000);
    box = refused(box, { t: "error", ref: "a", code: "server_busy", detail: "" }, tries * 60_000);
  }
  expect(box[0]?.stage).toBe("refused");
});

test("what waits for a name goes out once it is said", () => {
  const [sent] = due(write([], "a"), 0);
  const box = refused(sent, { t: "error", ref: "a", code: "name_needed", detail: "" }, 0);
  expect(due(box, 1e12)[1]).toEqual([]);
  expect(awaited(box, 0)).toBeNull();
  expect(refs(due(named(box), 1)[1])).toEqual(["a"]);
});

test("what is refused for good stays to be seen, and holds up nothing", () => {
  const [sent] = due(write([], "a"), 0);
  const box = write(refused(sent, { t: "error", ref: "a", code: "links_refused", detail: "" }, 0), "b");
  expect(box[0]).toMatchObject({ stage: "refused", code: "links_refused" });
  expect(refs(due(box, 1)[1])).toEqual(["b"]);
});

test("not everything can wait at once", () => {
  let box: Outbox = [];
  for (let at = 0; at < MOST_WAITING; at += 1) box = write(box, `r${at}`);
  expect(written(box, letter("one more"))).toBeNull();
});

test("a new life of the page sends what the old one had left, and believes nothing else that stands there", () => {
  const [sent] = due(write(write([], "a"), "b"), 0);
  const again = restored(JSON.stringify(left(refused(sent, { t: "error", ref: "b", code: "banned", detail: "" }, 0))));
  expect(again.map((one) => [one.ref, one.stage])).toEqual([
    ["a", "waiting"],
    ["b", "refused"],
  ]);
  for (const text of [null, "", "{", "7", '{"a":1}', '[null,1,{"ref":1},{"ref":"x"}]']) expect(restored(text)).toEqual([]);
});
