import type { PlaywrightTestConfig } from "@playwright/test";

/** The distribution's Chromium: others lack H.264. */
export const chromium = {
  browserName: "chromium",
  launchOptions: {
    executablePath: process.env["BLUECAST_CHROMIUM"] ?? "/usr/bin/chromium",
    // Chromium keeps its sandbox wherever it may; as root it cannot.
    chromiumSandbox: process.getuid?.() !== 0,
    // Addresses of this machine instead of mDNS names, which nobody resolves here.
    args: ["--disable-features=WebRtcHideLocalIpsWithMdns", "--autoplay-policy=no-user-gesture-required", "--allow-loopback-in-peer-connection"],
  },
} satisfies PlaywrightTestConfig["use"];
