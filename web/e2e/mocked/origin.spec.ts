import type { Page } from "@playwright/test";
import { Origin } from "../origin";
import { follow } from "../phases";
import { expect, moving, test as base } from "../test";

const test = base.extend<{ origin: Origin }>({
  origin: async ({ page, mock, media }, use) => {
    await media.bringToFront();
    const origin = new Origin(mock, media);
    await origin.serve(page);
    mock.house.playback = Origin.playback();
    mock.house.goLive(mock.house.start({ source: "test", room: "aula", targets: [] }));
    await use(origin);
  },
});

test.use({ mockOptions: { signedIn: false } });

const player = (page: Page) => page.locator(".player");

/** Waits until pictures come that were not there before. */
async function movingOn(page: Page): Promise<void> {
  // Not by the video's own count: each line begins that anew.
  const seen = await page.evaluateHandle(() => {
    const seen = { pictures: 0 };
    const video = document.querySelector("video") as HTMLVideoElement;
    const count = () => {
      seen.pictures += 1;
      video.requestVideoFrameCallback(count);
    };
    video.requestVideoFrameCallback(count);
    return seen;
  });
  await expect.poll(() => seen.evaluate(({ pictures }) => pictures)).toBeGreaterThan(5);
}

test("plays from an origin with OvenPlayer, in stereo, and says how many watch", async ({ page, mock, origin }) => {
  const loaded: string[] = [];
  page.on("request", (request) => loaded.push(request.url()));
  mock.house.viewers = 1;
  await page.goto("/watch/aula");
  await moving(page);
  await expect(player(page)).toHaveAttribute("data-way", "webrtc", { timeout: 120_000 });
  expect(origin.answers[0]).toMatch(/a=fmtp:\d+ .*;stereo=1/);
  expect(loaded.some((url) => url.includes("/whep/"))).toBe(false);
  expect(loaded.some((url) => /hls-/.test(url)), "hls.js is for LL-HLS only").toBe(false);
  await expect(page.getByText("1 watching")).toBeVisible();
  mock.house.count(1234);
  await expect(page.getByText("1,234 watching")).toBeVisible();
  await page.keyboard.press("i");
  const figures = page.locator("dl", { hasText: "Round trip" });
  await expect(figures).toContainText("WebRTC");
  await expect(figures).toContainText(/\d+×\d+/);
  await expect(figures).toContainText(/Delay, estimated\s*\d+ ms/);
  await expect(page.getByLabel("Quality"), "one rendition is no choice").toHaveCount(0);
});

test("the source ends and comes back: so does the picture, with the sound as it was", async ({ page, origin }) => {
  await page.goto("/watch/aula");
  await moving(page);
  await page.getByRole("button", { name: "Turn on sound" }).click();
  await page.evaluate(() => Object.assign(document.querySelector("video") ?? {}, { same: true }));
  await origin.end();
  await expect(page.locator(".cover")).toContainText("The picture will be right back");
  // Told that there is nothing, nobody knocks.
  const knocks = origin.opened.length;
  await page.waitForTimeout(3000);
  expect(origin.opened.length).toBeLessThanOrEqual(knocks + 1);
  origin.back();
  await movingOn(page);
  await expect(page.locator(".cover")).toBeHidden();
  expect(await page.evaluate(() => ({ same: "same" in (document.querySelector("video") ?? {}), muted: document.querySelector("video")?.muted }))).toEqual({ same: true, muted: false });
  await expect.poll(() => origin.viewers).toBe(1);
});

test("comes back where nobody tells it, too", async ({ page, origin }) => {
  await page.goto("/watch/aula");
  await moving(page);
  await origin.end({ told: false });
  await expect(player(page)).not.toHaveAttribute("data-phase", "playing");
  origin.back({ told: false });
  await movingOn(page);
  await expect(player(page)).toHaveAttribute("data-phase", "playing");
});

test("where UDP is blocked it takes TCP, and climbs back when it is open again", async ({ page, origin }) => {
  test.setTimeout(300_000);
  origin.udp = false;
  await page.goto("/watch/aula");
  await expect(player(page)).toHaveAttribute("data-way", "webrtc_tcp", { timeout: 60_000 });
  await moving(page);
  origin.udp = true;
  await expect(player(page)).toHaveAttribute("data-way", "webrtc", { timeout: 200_000 });
  await movingOn(page);
  await expect.poll(() => origin.viewers, { message: "the old way is closed" }).toBe(1);
  // A try beside the picture may fail on a busy machine; then it is made again.
  const tcp = origin.opened.map((url) => url.includes("tcp"));
  expect(tcp.slice(0, 2)).toEqual([false, true]);
  expect(tcp.at(-1)).toBe(false);
});

test("a picture that stands still is fetched anew", async ({ page, origin }) => {
  await page.goto("/watch/aula");
  await moving(page);
  const phases = await follow(player(page));
  const before = origin.opened.length;
  await origin.freeze();
  // Where the page itself is held up, the word may be another than "stalled".
  await expect.poll(async () => (await phases()).some((one) => one !== "playing")).toBe(true);
  await expect.poll(() => origin.opened.length).toBeGreaterThan(before);
  await movingOn(page);
  await expect(player(page)).toHaveAttribute("data-phase", "playing");
  expect(origin.opened.length).toBeLessThan(before + 5);
});

test("a viewer whose time is up asks for a new address and goes on", async ({ page, mock, origin }) => {
  mock.house.playback = Origin.playback({ expires_at: new Date(Date.now() + 12_000).toISOString() });
  await page.goto("/watch/aula");
  await moving(page);
  const asked = mock.house.asked;
  await expect.poll(() => Date.now() > Date.parse((mock.house.playback as { expires_at: string }).expires_at)).toBe(true);
  mock.house.playback = Origin.playback({ expires_at: new Date(Date.now() + 60_000).toISOString(), sources: [{ type: "webrtc", url: "wss://ome.example/app/aula?policy=2" }] });
  await origin.cut();
  await expect.poll(() => origin.opened.at(-1)).toBe("wss://ome.example/app/aula?policy=2");
  await movingOn(page);
  expect(mock.house.asked).toBeGreaterThan(asked);
  expect(mock.house.asked).toBeLessThan(asked + 4);
});

test("another origin is another beginning", async ({ page, mock, origin }) => {
  await page.goto("/watch/aula");
  await moving(page);
  mock.house.playback = Origin.playback({ stream: "s2", sources: [{ type: "webrtc", url: "wss://ome.example/app/other" }] });
  mock.house.tellRoom("aula");
  await expect.poll(() => origin.opened.at(-1)).toBe("wss://ome.example/app/other");
  await movingOn(page);
  await expect.poll(() => origin.viewers).toBe(1);
});

test("a room that gets a door shows it", async ({ page, mock, origin }) => {
  await page.goto("/watch/aula");
  await moving(page);
  mock.house.playbackRefused = [403, "password_needed", "This room has a password."];
  const again = page.waitForEvent("framenavigated");
  await origin.end({ told: false });
  await again;
  // Once: a door that cannot be shown must not make the page go round and round.
  let loads = 0;
  page.on("framenavigated", () => (loads += 1));
  await page.waitForResponse((response) => response.url().includes("/playback") && response.status() === 403);
  await page.waitForTimeout(1000);
  expect(loads).toBe(0);
});

test("an origin that the page's policy does not know brings a new page", async ({ page, mock, origin }) => {
  mock.house.hosts = [];
  const loads: string[] = [];
  page.on("framenavigated", (frame) => loads.push(frame.url()));
  page.once("framenavigated", () => setTimeout(() => (mock.house.hosts = ["wss://ome.example"]), 0));
  await page.goto("/watch/aula");
  await expect.poll(() => loads.length).toBe(2);
  await moving(page);
  expect(loads).toHaveLength(2);
  await expect.poll(() => origin.viewers).toBe(1);
});

test("a phone that slept comes back", async ({ page, origin, context }) => {
  await page.goto("/watch/aula");
  await moving(page);
  const session = await context.newCDPSession(page);
  await session.send("Page.setWebLifecycleState", { state: "frozen" });
  await origin.cut();
  await session.send("Page.setWebLifecycleState", { state: "active" });
  await movingOn(page);
  await expect(player(page)).toHaveAttribute("data-phase", "playing");
  await expect.poll(() => origin.viewers).toBe(1);
});

test("however often it comes back, nothing is left behind", async ({ page, origin, context }) => {
  const session = await context.newCDPSession(page);
  const sounds = new Set<string>();
  session.on("WebAudio.contextCreated", ({ context: one }) => sounds.add(one.contextId));
  session.on("WebAudio.contextChanged", ({ context: one }) => one.contextState === "closed" && sounds.delete(one.contextId));
  await session.send("WebAudio.enable");
  await page.goto("/watch/aula");
  await moving(page);
  await page.getByRole("button", { name: "Turn on sound" }).click();
  for (let n = 0; n < 6; n += 1) {
    await origin.cut();
    await movingOn(page);
  }
  await expect.poll(() => origin.viewers).toBe(1);
  await expect.poll(() => sounds.size, { message: "sound contexts that are still open" }).toBeLessThanOrEqual(1);
});
