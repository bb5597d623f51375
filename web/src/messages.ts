/**
 * `locales/en.json?viewer`: the messages without those that only the control room and the moderators' pages show, which are most of them.
 * A viewer's page asks for these, as it is loaded by thousands at once.
 */
import { readFileSync } from "node:fs";
import type { Plugin } from "vite";

/** The first parts of the names of messages that no viewer's page shows. A new one that is not listed here goes to everybody. */
export const STAFF = ["air", "phase", "phase_text", "step", "reason", "target", "events", "start", "profile", "servers", "origins", "rooms", "moderate", "rules", "login"];

export function forViewers(messages: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(messages).filter(([key]) => !STAFF.includes(key.split(".")[0] ?? "")));
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
