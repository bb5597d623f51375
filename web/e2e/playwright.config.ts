import { defineConfig } from "@playwright/test";
import { chromium } from "./chromium";

/** The pages against the mock: every flow, every state, every look. */
export default defineConfig({
  testDir: "mocked",
  outputDir: "../node_modules/.e2e",
  workers: 1,
  timeout: 180_000,
  expect: { timeout: 40_000 },
  reporter: "line",
  forbidOnly: true,
  use: { ...chromium, locale: "en-GB" },
});
