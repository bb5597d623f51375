import { follow } from "../phases";
import { expect, moving, test } from "../test";

test.use({ mockOptions: { signedIn: false } });

test("follows a broadcast from before it begins until it is over, without a reload", async ({ page, mock, media }) => {
  await media.bringToFront();
  await page.goto("/watch/aula");
  await page.evaluate(() => ((globalThis as unknown as { here: boolean }).here = true));
  const cover = page.locator(".cover");
  await expect(cover).toContainText("Nothing is on the air yet");

  const broadcast = mock.house.start({ source: "test", room: "aula", targets: [] });
  mock.house.change(broadcast, { phase: "waiting" });
  await expect(cover).toContainText("It begins soon");
  mock.house.goLive(broadcast);
  await moving(page);
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  await expect(cover).toBeHidden();

  mock.house.change(broadcast, { phase: "interrupted" });
  await expect(page.getByText("Interrupted, back soon")).toBeVisible();
  mock.house.change(broadcast, { phase: "live", paused: true });
  await expect(page.getByText("Paused", { exact: true })).toBeVisible();
  await expect.poll(() => mock.media.sessions.size).toBe(1);

  mock.house.end(broadcast);
  await expect(cover).toContainText("It is over");
  await expect.poll(() => mock.media.sessions.size).toBe(0);
  expect(await page.evaluate(() => (globalThis as unknown as { here?: boolean }).here)).toBe(true);
});

test("starts muted, and sound comes by one press, in stereo", async ({ page, mock, media }) => {
  await media.bringToFront();
  mock.house.goLive(mock.house.start({ source: "test", room: "aula", targets: [] }));
  const offer = page.waitForRequest((request) => request.url().includes("/whep/"));
  await page.goto("/watch/aula");
  expect((await offer).postData()).toMatch(/a=fmtp:\d+ .*;stereo=1/);
  await moving(page);
  const muted = () => page.evaluate(() => document.querySelector("video")?.muted);
  expect(await muted()).toBe(true);
  await page.getByRole("button", { name: "Turn on sound" }).click();
  expect(await muted()).toBe(false);
  await expect(page.getByRole("button", { name: "Turn on sound" })).toBeHidden();
});

test("obeys the keyboard", async ({ page, mock, media }) => {
  await media.bringToFront();
  mock.house.goLive(mock.house.start({ source: "test", room: "aula", targets: [] }));
  await page.goto("/watch/aula");
  const video = () => page.evaluate(() => ({ muted: document.querySelector("video")?.muted, paused: document.querySelector("video")?.paused, full: document.fullscreenElement !== null }));
  // At the first picture: the player looks at it twice a second only.
  await page.waitForFunction(() => document.querySelector("video") !== null);
  await page.evaluate(() => new Promise((shown) => document.querySelector("video")?.requestVideoFrameCallback(shown)));
  await page.keyboard.press("k");
  await expect.poll(video).toMatchObject({ paused: true });
  await page.keyboard.press("m");
  await expect.poll(video).toMatchObject({ muted: false });
  await page.keyboard.press("Space");
  await expect.poll(video).toMatchObject({ paused: false });
  await page.keyboard.press("f");
  await expect.poll(video).toMatchObject({ full: true });
  await page.getByRole("button", { name: "Figures" }).click();
  await expect(page.getByText("Round trip")).toBeVisible();
});

test("stays stopped for one who stopped it, whatever comes back", async ({ page, mock, media }) => {
  await media.bringToFront();
  const broadcast = mock.house.start({ source: "test", room: "aula", targets: [] });
  mock.house.goLive(broadcast);
  await page.goto("/watch/aula");
  await moving(page);
  await expect(page.locator("[data-phase=playing]")).toBeVisible();
  await page.keyboard.press("k");
  const goOn = page.getByRole("button", { name: "Go on" });
  await expect(goOn).toBeVisible();
  mock.house.end(broadcast);
  await expect(page.locator(".cover")).toContainText("It is over");
  mock.house.goLive(mock.house.start({ source: "test", room: "aula", targets: [] }));
  await expect(goOn).toBeVisible();
  await page.waitForFunction(() => (document.querySelector("video")?.readyState ?? 0) >= HTMLMediaElement.HAVE_ENOUGH_DATA);
  expect(await page.evaluate(() => document.querySelector("video")?.paused)).toBe(true);
  await goOn.click();
  await moving(page);
});

test("comes back by itself after the picture stands still", async ({ page, mock, media }) => {
  await media.bringToFront();
  mock.house.goLive(mock.house.start({ source: "test", room: "aula", targets: [] }));
  await page.goto("/watch/aula");
  await moving(page);
  const phases = await follow(page.locator(".player"));
  await media.evaluate(() => {
    const { connections } = globalThis as unknown as { connections: RTCPeerConnection[] };
    for (const connection of connections) connection.close();
  });
  await expect.poll(async () => (await phases()).some((one) => one !== "playing"), { timeout: 60_000 }).toBe(true);
  await expect(page.locator(".cover")).toBeHidden({ timeout: 60_000 });
  await expect(page.locator("[data-phase=playing]")).toBeVisible();
});

test("says why there is no picture, and keeps trying", async ({ page, mock, media }) => {
  await media.bringToFront();
  mock.house.goLive(mock.house.start({ source: "test", room: "aula", targets: [] }));
  await page.route("**/whep/aula", (route) => route.fulfill({ status: 503, headers: { "Retry-After": "30" }, contentType: "application/problem+json", body: '{"code":"full","status":503}' }));
  await page.goto("/watch/aula");
  await expect(page.locator(".cover")).toContainText("The server is full at the moment.");
  await page.unroute("**/whep/aula");
  await page.getByRole("button", { name: "Try now" }).click();
  await moving(page);
});

test("the player alone fills its frame", async ({ page, mock, media }) => {
  await media.bringToFront();
  mock.house.goLive(mock.house.start({ source: "test", room: "aula", targets: [] }));
  await page.goto("/embed/aula");
  await moving(page);
  const [stage, window] = await page.evaluate(() => [document.querySelector(".stage")?.clientHeight, innerHeight]);
  expect(stage).toBe(window);
  await expect(page.getByRole("banner")).toHaveCount(0);
});
