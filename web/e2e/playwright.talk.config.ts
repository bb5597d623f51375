import { defineConfig } from "@playwright/test";
import { chromium } from "./chromium";

/** A room where people talk, against the program itself, whose address, user and password come from the environment. */
export default defineConfig({
  testDir: "talk",
  outputDir: "../node_modules/.e2e-talk",
  workers: 1,
  timeout: 180_000,
  expect: { timeout: 45_000 },
  reporter: "line",
  forbidOnly: true,
  use: { ...chromium, locale: "en-GB", baseURL: process.env["BLUECAST_URL"] ?? "http://localhost:8080" },
});
