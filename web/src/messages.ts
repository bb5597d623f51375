/**
 * `locales/en.json?viewer`: the messages that a viewer's page shows, without those of the control room and the moderators' pages, which are
 * most of them: a viewer's page is loaded by thousands at once.
 */
import { readFileSync } from "node:fs";
import type { Plugin } from "vite";

/** The first parts of the names of messages that scripts of viewers' pages show. What the server writes into pages need not be here. */
export const FOR_VIEWERS = ["nav", "problem", "problem_unknown", "room", "player", "talk"];

export function forViewers(messages: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(messages).filter(([key]) => FOR_VIEWERS.includes(key.split(".")[0] ?? "")));
}

export function viewerMessages(): Plugin {
  return {
    name: "viewer-messages",
    load: (id) => {
      const [file, query] = id.split("?");
      if (query !== "viewer" || !file?.endsWith(".json")) return null;
      const messages = JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
      return { code: `export default ${JSON.stringify(forViewers(messages))}`, moduleType: "js" };
    },
  };
}
