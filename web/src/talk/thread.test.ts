import { describe, expect, test } from "vitest";
import { changed, commented, empty, find, gone, MOST_KEPT, paged, reacted, welcomed, type Thread } from "./thread";
import { comment } from "./sample";
import { readFrame, type Said, type Welcome } from "./wire";

const welcome = (more: Partial<Welcome>): Welcome => ({ t: "welcome", viewer: "me", you: { name: null, has_phone: false, moderator: false }, seq: 0, rules: null, state: null, count: null, items: null, pinned: null, before: null, ...more });
const ids = (thread: Thread) => thread.items.map((one) => Number(one.id));

function took(thread: Thread, said: Said): Thread {
  if (said.t === "comment") return commented(thread, said.comment);
  if (said.t === "changed") return changed(thread, said);
  if (said.t === "gone") return gone(thread, said.id, said.seq);
  if (said.t === "welcome") return welcomed(thread, said);
  return thread;
}

test("a welcome with comments begins anew, one without goes on", () => {
  const first = welcomed(empty, welcome({ seq: 9, items: [comment(7), comment(9)], before: "000007" }));
  expect(first).toMatchObject({ seq: 9, before: "000007" });
  const again = welcomed(first, welcome({ seq: 20 }));
  // What is missing has not come yet: only what was taken in counts.
  expect([again.seq, ids(again)]).toEqual([9, [7, 9]]);
  const fresh = welcomed(again, welcome({ seq: 40, items: [comment(40)] }));
  expect([fresh.seq, ids(fresh)]).toEqual([40, [40]]);
});

test("the same comment twice is one, and the newer word about it counts", () => {
  let thread = commented(empty, comment(1, { seq: 5 }));
  thread = commented(thread, comment(1, { seq: 5 }));
  thread = commented(thread, comment(1, { seq: 4, text: "old" }));
  expect(thread.items.map((one) => one.text)).toEqual(["text 1"]);
  thread = commented(thread, comment(1, { seq: 6, text: "new" }));
  expect(thread.items.map((one) => one.text)).toEqual(["new"]);
  expect(thread.seq).toBe(6);
});

test("an old change does not undo a newer one", () => {
  let thread = commented(empty, comment(1, { seq: 8, state: "shown" }));
  thread = changed(thread, { t: "changed", seq: 7, id: "000001", state: "held" });
  expect(find(thread.items, "000001")?.state).toBe("shown");
});

test("pinned ones are kept apart, also when they are not in the thread", () => {
  let thread = welcomed(empty, welcome({ seq: 3, items: [comment(3)], pinned: [comment(1, { pinned: true })] }));
  thread = changed(thread, { t: "changed", seq: 4, id: "000003", pinned: true });
  expect(thread.pinned.map((one) => one.id)).toEqual(["000001", "000003"]);
  thread = changed(thread, { t: "changed", seq: 5, id: "000001", pinned: false });
  expect(thread.pinned.map((one) => one.id)).toEqual(["000003"]);
  thread = gone(thread, "000003", 6);
  expect([thread.pinned, thread.items, thread.seq]).toEqual([[], [], 6]);
});

test("what others write counts as news; what was there, or is ours, does not", () => {
  let thread = welcomed(empty, welcome({ seq: 1, items: [comment(1)] }));
  thread = commented(thread, comment(2, { own: true }));
  expect(thread.arrived).toBe(0);
  thread = commented(thread, comment(3, { state: "held" }));
  thread = commented(thread, comment(3, { seq: 4, state: "shown" }));
  thread = commented(thread, comment(5));
  thread = commented(thread, comment(5));
  expect([thread.arrived, thread.last?.id]).toEqual([3, "000005"]);
});

test("memory has an end, and what was dropped can be asked for again", () => {
  let thread = welcomed(empty, welcome({ seq: 0, items: [] }));
  for (let id = 1; id <= MOST_KEPT + 10; id += 1) thread = commented(thread, comment(id));
  expect([thread.items.length, thread.before]).toEqual([MOST_KEPT, "000011"]);
  thread = paged(thread, [comment(9), comment(10), comment(11)], "000009");
  expect(ids(thread).slice(0, 3)).toEqual([9, 10, 11]);
});

test("something older than all that is here waits until it is scrolled to", () => {
  const thread = welcomed(empty, welcome({ seq: 9, items: [comment(8)], before: "000008" }));
  expect(ids(commented(thread, comment(2, { seq: 10 })))).toEqual([8]);
  expect(ids(commented({ ...thread, before: null }, comment(2, { seq: 10 })))).toEqual([2, 8]);
});

test("a reaction of ours is there at once, and once", () => {
  let thread = commented(empty, comment(1, { reactions: { "👍": 2 } }));
  thread = reacted(reacted(thread, "000001", "👍", true), "000001", "👍", true);
  expect(thread.items[0]).toMatchObject({ reactions: { "👍": 3 }, mine: ["👍"] });
  thread = changed(thread, { t: "changed", seq: 2, id: "000001", reactions: { "👍": 7 } });
  expect(thread.items[0]).toMatchObject({ reactions: { "👍": 7 }, mine: ["👍"] });
  thread = reacted(thread, "000001", "👍", false);
  expect(thread.items[0]).toMatchObject({ reactions: { "👍": 6 }, mine: [] });
});

describe("resuming", () => {
  let seed = 7;
  const random = (below: number) => ((seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) % below);

  /** A room's whole history, as a server would tell it in order. */
  function history(length: number): Said[] {
    const said: Said[] = [];
    const alive: number[] = [];
    for (let seq = 1; seq <= length; seq += 1) {
      const victim = alive[random(Math.max(1, alive.length))];
      const what = random(10);
      if (what < 7 || victim === undefined) {
        alive.push(seq);
        said.push({ t: "comment", comment: comment(seq) });
      } else if (what === 7) {
        alive.splice(alive.indexOf(victim), 1);
        said.push({ t: "gone", seq, id: String(victim).padStart(6, "0") });
      } else said.push({ t: "changed", seq, id: String(victim).padStart(6, "0"), ...(what === 8 ? { pinned: random(2) === 1 } : { reactions: { "👍": random(9) + 1 } }) });
    }
    return said;
  }
  const seqOf = (said: Said) => (said.t === "comment" ? said.comment.seq : said.t === "changed" || said.t === "gone" ? said.seq : 0);

  test("after any number of breaks, anywhere, gives what an unbroken line gives", () => {
    for (let run = 0; run < 50; run += 1) {
      const all = history(120);
      const begun = welcomed(empty, welcome({ seq: 0, items: [] }));
      const unbroken = all.reduce(took, begun);
      let thread = begun;
      for (let rounds = 0; rounds < 1000 && thread.seq < 120; rounds += 1) {
        // What is missing, by the number we say, until the line breaks; and a server may tell something twice.
        const missing = all.filter((said) => seqOf(said) > thread.seq).slice(0, 1 + random(30));
        thread = welcomed(thread, welcome({ seq: 120 }));
        for (const said of missing) thread = random(5) === 0 ? took(took(thread, said), said) : took(thread, said);
      }
      expect({ ...thread, arrived: 0, last: null }).toEqual({ ...unbroken, arrived: 0, last: null });
      expect(new Set(thread.items.map((one) => one.id)).size).toBe(thread.items.length);
    }
  });
});

test("what is broken or unknown in a frame is left out, and the rest is taken", () => {
  expect(readFrame("rubbish")).toEqual([]);
  expect(readFrame("null")).toEqual([]);
  expect(readFrame('[[], 1, {"t":"new thing"}, {"t":"count","viewers":3}, {"t":"count","viewers":"many"}, {"t":"gone"}]')).toEqual([{ t: "count", viewers: 3 }]);
  const [said] = readFrame('{"t":"comment","id":"a","text":"x","at":"yesterday","reactions":{"👍":-1,"❤️":2,"😂":"9"},"state":"odd","mine":[1,"❤️"]}');
  expect(said).toMatchObject({ t: "comment", comment: { at: "1970-01-01T00:00:00.000Z", reactions: { "❤️": 2 }, state: "shown", mine: ["❤️"], name: "" } });
});
