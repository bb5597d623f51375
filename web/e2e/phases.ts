import type { Locator } from "@playwright/test";

/** Takes down the phases of a player that come from now on: one may be over before anybody looks. */
export async function follow(player: Locator): Promise<() => Promise<string[]>> {
  const taken = await player.evaluateHandle((node) => {
    const phases: string[] = [];
    new MutationObserver(() => phases.push(node.getAttribute("data-phase") ?? "")).observe(node, { attributeFilter: ["data-phase"] });
    return phases;
  });
  return () => taken.evaluate((phases) => phases);
}
