import { defineConfig } from "@playwright/test";
import { chromium } from "./chromium";

/** What `benches/desk.rs` measures in the browser. */
export default defineConfig({
  testDir: "measure",
  outputDir: "../node_modules/.e2e-measure",
  workers: 1,
  timeout: 120_000,
  reporter: "line",
  forbidOnly: true,
  use: { ...chromium, locale: "en-GB", baseURL: process.env["BLUECAST_URL"] ?? "http://localhost:8080" },
});
