/**
 * Lets Vite take OvenPlayer's SDK from its sources, which are written for webpack: the package's built file carries a
 * whole user interface with inline styles, advertising and DASH, none of which our pages use or their content policy lets in.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import type { Plugin } from "vite";

const here = import.meta.dirname;
const home = resolve(here, "../../../node_modules/ovenplayer");
const sources = join(home, "src/js");

/** What the SDK gets instead of its own. */
const instead: Record<string, string> = {
  "api/SupportChecker": join(here, "support.ts"),
  "api/media/Manager": join(here, "media.ts"),
  "api/caption/Manager": join(here, "captions.ts"),
  "api/ads/ima/Ad": join(here, "nothing.ts"),
  "api/ads/vast/Ad": join(here, "nothing.ts"),
  "api/provider/html5/providers/Dash": join(here, "nothing.ts"),
};
const version = "\0ovenplayer-version";
/** It opens a sound context for every connection, against a fault of Safari's, and closes none at the end. */
const webrtc = join(sources, "api/provider/html5/providers/WebRTC.js");
const end = /(that\.destroy = \(\) => \{)/;

export function ovenplayer(): Plugin {
  const replaced = new Set<string>();
  return {
    name: "ovenplayer",
    enforce: "pre",
    resolveId(name, importer) {
      if (!importer?.startsWith(sources)) return null;
      if (name.startsWith("!!raw-loader!")) return `${resolve(dirname(importer), name.slice("!!raw-loader!".length))}?raw`;
      const plain = name.startsWith(".") ? relative(sources, resolve(dirname(importer), name)) : name;
      const other = instead[plain];
      if (other) replaced.add(plain);
      if (other) return other;
      if (name === "version" || name === "../version") return version;
      const path = name.startsWith(".") ? resolve(dirname(importer), name) : join(sources, name);
      return [path, `${path}.js`].find((file) => /\.js$/.test(file) && existsSync(file)) ?? null;
    },
    load(id) {
      if (id !== version) return null;
      return `export const version = ${JSON.stringify((JSON.parse(readFileSync(join(home, "package.json"), "utf8")) as { version: string }).version)};`;
    },
    transform(code, id) {
      if (id !== webrtc) return null;
      if (!end.test(code) || !code.includes("audioCtx")) this.error("OvenPlayer's WebRTC provider has changed: see whether its sound contexts are closed");
      return { code: code.replace(end, "$1 if (audioCtx) { void audioCtx.close(); audioCtx = null; }"), map: null };
    },
    buildEnd(error) {
      // A later release may have moved what we replace: better no page than one with advertising in it.
      const missed = Object.keys(instead).filter((name) => !replaced.has(name));
      if (!error && replaced.size > 0 && missed.length > 0) this.error(`OvenPlayer no longer imports ${missed.join(", ")}`);
    },
  };
}
