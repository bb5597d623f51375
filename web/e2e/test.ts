import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test as base, expect, type Page } from "@playwright/test";
import { startMock, type House, type Mock } from "./mock/server.mjs";

interface Given {
  /** What the mock is started with. */
  mockOptions: { furnished?: boolean; signedIn?: boolean };
  mock: Mock;
  /** A tab that sends a picture and a sound for the mock. */
  media: Page;
}

export const test = base.extend<Given>({
  mockOptions: [{ signedIn: true }, { option: true }],
  mock: async ({ mockOptions }, use) => {
    const mock = await startMock(mockOptions);
    await use(mock);
    await mock.close();
  },
  baseURL: async ({ mock }, use) => use(mock.url),
  media: async ({ browser, mock }, use) => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(`${mock.url}/mock/media`);
    await use(page);
    await page.context().close();
  },
  page: async ({ page }, use) => {
    // A page that breaks its content policy or throws has failed, whatever else it shows.
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => {
      if (/content security policy/i.test(message.text())) faults.push(message.text());
    });
    await use(page);
    expect(faults).toEqual([]);
  },
});

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Finding {
  id: string;
  nodes: { html: string; failureSummary: string }[];
}

/** What axe finds against WCAG 2.2 AA. */
export async function findings(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  // By the debugger, not by a script element: the page's content policy stays as it is.
  await session.send("Runtime.evaluate", { expression: axe });
  const found = await page.evaluate(async () => {
    // What is still fading in would be too pale.
    const brief = document.getAnimations().filter((one) => one.playState === "running" && one.effect?.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(brief.map((one) => one.finished));
    const { axe } = globalThis as unknown as { axe: { run(root: Document, options: object): Promise<{ violations: Finding[] }> } };
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    return (await axe.run(document, { runOnly: tags })).violations;
  });
  await session.detach();
  return found.flatMap((finding) => finding.nodes.map((node) => `${finding.id}: ${node.html}\n${node.failureSummary}`));
}

/** A preset with its schedule, and one that starts by itself. */
export function furnishPlan(house: House): void {
  const server_id = house.servers[0]?.id ?? "";
  const base = { has_slate: false, auto_start: false };
  const lecture = { ...base, id: "p-lecture", name: "Physics, every Monday", start: { source: "browser" as const, server_id, meeting_id: "physics/2026 #1", profile: "720p30", room: "physics" }, targets: [{ id: "pt1", label: "Origin Delhi / physics", protocol: "whip" }, { id: "pt2", label: "rtmps://a.rtmps.youtube.com:443/live2", protocol: "rtmps" }] };
  const council = { ...base, id: "p-council", name: "Student council", auto_start: true, start: { source: "browser" as const, server_id, meeting_id: "council", profile: "480p30" }, targets: [] };
  house.presets.push(lecture, council);
  house.schedules.push({
    id: "s-monday",
    name: "Mondays",
    preset_id: lecture.id,
    preset_name: lecture.name,
    plan: { zone: "Asia/Kolkata", start: "10:00", stop: "11:30", days: ["mon", "thu"] },
    enabled: true,
    next: [{ starts_at: "2026-11-23T04:30:00Z", stops_at: "2026-11-23T06:00:00Z" }],
    last: { due_at: "2026-11-19T04:30:00Z", state: "missed", detail: "Nothing of ours was running at the time." },
  });
}

/** How far the page is wider than the window. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

/** Waits until the player shows moving pictures. */
export async function moving(page: Page): Promise<void> {
  await expect
    .poll(() => page.evaluate(() => document.querySelector("video")?.getVideoPlaybackQuality().totalVideoFrames ?? 0), { timeout: 60_000 })
    .toBeGreaterThan(5);
}

export { expect };
