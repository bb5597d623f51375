import { defineConfig } from "@playwright/test";
import { chromium } from "./chromium";

/** A room's page against the double of an origin, both at the address that comes from the environment. */
const { launchOptions, ...rest } = chromium;

export default defineConfig({
  testDir: "origin",
  outputDir: "../node_modules/.e2e-origin",
  workers: 1,
  timeout: 240_000,
  expect: { timeout: 60_000 },
  reporter: "line",
  forbidOnly: true,
  use: {
    ...rest,
    // The double listens on this machine alone, which WebRTC leaves out unless it is told.
    launchOptions: { ...launchOptions, args: [...launchOptions.args, "--allow-loopback-in-peer-connection"] },
    locale: "en-GB",
    baseURL: process.env["BLUECAST_URL"] ?? "",
  },
});
