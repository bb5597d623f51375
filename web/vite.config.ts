import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";
import type { Plugin } from "vite";
import { viewerMessages } from "./src/messages.ts";
import { ovenplayer } from "./src/player/oven/plugin.ts";

/** Writes `.br` and `.gz` beside every text asset, so that the server never compresses at request time. */
function precompressed(): Plugin {
  let folder = "";
  return {
    name: "precompressed",
    apply: "build",
    configResolved: (config) => {
      folder = resolve(config.root, config.build.outDir);
    },
    closeBundle: () => {
      for (const name of readdirSync(folder)) {
        if (!/\.(js|css|svg)$/.test(name)) continue;
        const plain = readFileSync(join(folder, name));
        if (plain.length < 512) continue;
        writeFileSync(join(folder, `${name}.gz`), gzipSync(plain, { level: 9 }));
        const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
        writeFileSync(join(folder, `${name}.br`), brotliCompressSync(plain, quality));
      }
    },
  };
}

const entry = (name: string) => resolve(import.meta.dirname, "src/entry", name);

export default defineConfig({
  base: "/assets/",
  publicDir: false,
  plugins: [ovenplayer(), viewerMessages(), svelte(), precompressed()],
  build: {
    target: ["chrome109", "firefox115", "safari16"],
    assetsDir: "",
    manifest: "manifest.json",
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    // An inlined asset would be a data: address, which the pages' content policy refuses.
    assetsInlineLimit: 0,
    // hls.js, which only those load who need it.
    chunkSizeWarningLimit: 600,
    rollupOptions: {
      // How long plugins took is nothing that `make run` should talk about.
      checks: { pluginTimings: false },
      input: ["site.ts", "login.ts", "admin.ts", "watch.ts", "about.ts", "talk.ts", "moderate.ts", "reference.ts"].map(entry),
    },
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
