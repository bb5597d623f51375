import type { Broadcast, Target } from "./types";

export type EventName = "broadcast" | "target" | "room" | "node";
export type Change = { id: string } & Record<string, unknown>;

/** What the page must do after a change: nothing more, fetch the broadcast, or fetch the list. */
export type Need = "nothing" | { fetch: string } | "list";

/**
 * Applies what the event stream says to the broadcasts in hand. A change of something not seen yet asks for the
 * whole of it: the stream only carries what changed.
 */
export function applyChange(broadcasts: readonly Broadcast[], name: EventName, change: Change): { broadcasts: Broadcast[]; need: Need } {
  if (name === "broadcast") {
    const old = broadcasts.find((one) => one.id === change.id);
    if (!old) return { broadcasts: [...broadcasts], need: { fetch: change.id } };
    return { broadcasts: broadcasts.map((one) => (one === old ? mergeBroadcast(one, change) : one)), need: "nothing" };
  }
  if (name === "target") {
    const owner = broadcasts.find((one) => one.targets.some((target) => target.id === change.id));
    if (!owner) {
      const of = change["broadcast_id"];
      return { broadcasts: [...broadcasts], need: typeof of === "string" ? { fetch: of } : "list" };
    }
    const targets = change["removed"] === true ? owner.targets.filter((target) => target.id !== change.id) : owner.targets.map((target) => (target.id === change.id ? ({ ...target, ...change } as Target) : target));
    return { broadcasts: broadcasts.map((one) => (one === owner ? { ...one, targets } : one)), need: "nothing" };
  }
  return { broadcasts: [...broadcasts], need: "nothing" };
}

function mergeBroadcast(old: Broadcast, change: Change): Broadcast {
  const program = change["program"];
  const merged = { ...old, ...change } as Broadcast;
  if (program && typeof program === "object") merged.program = { ...old.program, ...program };
  // A word that stands for a step or reason of an earlier phase must not outlive it.
  if ("phase" in change && change["phase"] !== old.phase && !("step" in change)) merged.step = null;
  return merged;
}

/** Running ones first, and within both the newest first (identifiers sort by age). */
export function inOrder(broadcasts: readonly Broadcast[]): Broadcast[] {
  const over = (one: Broadcast) => Number(one.phase === "ended");
  return [...broadcasts].sort((a, b) => over(a) - over(b) || (a.id < b.id ? 1 : -1));
}
