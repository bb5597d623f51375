import { defineConfig } from "@playwright/test";
import { chromium } from "./chromium";

/** The pages against the program itself, whose address, user and password come from the environment. */
export default defineConfig({
  testDir: "real",
  outputDir: "../node_modules/.e2e-real",
  workers: 1,
  timeout: 240_000,
  expect: { timeout: 60_000 },
  reporter: "line",
  forbidOnly: true,
  use: { ...chromium, locale: "en-GB", baseURL: process.env["BLUECAST_URL"] ?? "http://localhost:8080" },
});
