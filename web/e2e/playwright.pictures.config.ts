import { defineConfig } from "@playwright/test";
import { chromium } from "./chromium";

/** The pictures of `docs/images`, made anew: `npm run pictures`. */
export default defineConfig({
  testDir: "pictures",
  outputDir: "../node_modules/.e2e-pictures",
  workers: 1,
  timeout: 180_000,
  expect: { timeout: 40_000 },
  reporter: "line",
  forbidOnly: true,
  use: { ...chromium, locale: "en-GB", viewport: { width: 1280, height: 800 } },
});
