import { expect, test, type Page } from "@playwright/test";

/** Against the program itself: nothing is pretended here but the person. */
const user = process.env["BLUECAST_USER"] ?? "admin";
const password = process.env["BLUECAST_PASSWORD"] ?? "";

async function frames(page: Page): Promise<number> {
  return page.evaluate(() => document.querySelector("video")?.getVideoPlaybackQuality().totalVideoFrames ?? 0);
}

/** The test picture moves: its pixels differ between two moments, and it is no flat colour. */
async function picture(page: Page): Promise<{ sum: number; colours: number }> {
  return page.evaluate(() => {
    const video = document.querySelector("video");
    if (!video) return { sum: 0, colours: 0 };
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [160, 90];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (!context) return { sum: 0, colours: 0 };
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    const seen = new Set<number>();
    let sum = 0;
    for (let at = 0; at < data.length; at += 4) {
      const colour = ((data[at] ?? 0) << 16) | ((data[at + 1] ?? 0) << 8) | (data[at + 2] ?? 0);
      seen.add(colour & 0xf0f0f0);
      sum = (sum * 31 + colour) % 1_000_000_007;
    }
    return { sum, colours: seen.size };
  });
}

async function plays(page: Page): Promise<void> {
  await expect.poll(() => frames(page), { timeout: 60_000, message: "pictures are decoded" }).toBeGreaterThan(30);
  await expect.poll(async () => (await picture(page)).colours, { message: "it shows something" }).toBeGreaterThan(3);
  const first = await picture(page);
  await expect.poll(async () => (await picture(page)).sum, { message: "the picture moves" }).not.toBe(first.sum);
}

test("one press puts the test picture on the air: preview, room, pause, stop", async ({ page, context }) => {
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    if (/content security policy/i.test(message.text())) faults.push(message.text());
  });

  await page.goto("/admin");
  await expect(page).toHaveURL(/\/login\?next=%2Fadmin/);
  await page.getByLabel("User name").fill(user);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("button", { name: "Start a test broadcast" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.getByText("The test picture is going out.")).toBeVisible();
  await plays(page);
  await expect(page.getByRole("meter")).toHaveAttribute("aria-valuetext", /dB|silent/);

  const [room] = await Promise.all([context.waitForEvent("page"), page.getByRole("link", { name: "Open the room" }).click()]);
  await plays(room);
  await expect(room.getByText("Live", { exact: true })).toBeVisible();
  // The sound is there as well: bytes of it are received.
  await room.getByRole("button", { name: "Turn on sound" }).click();
  await expect.poll(() => room.evaluate(() => (document.querySelector("video")?.srcObject as MediaStream).getAudioTracks().length)).toBe(1);

  await page.getByRole("button", { name: "Pause", exact: true }).and(page.locator(".button")).click();
  await expect(room.getByText("Paused", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Resume" }).click();
  await expect(room.getByText("Live", { exact: true })).toBeVisible();

  await page.getByRole("link", { name: "On air", exact: false }).first().click();
  const card = page.getByRole("article").first();
  // The picture is a second way to the broadcast beside its name, so it is hidden from screen readers.
  const snapshot = card.locator("img");
  await expect(snapshot).toBeVisible();
  expect(await snapshot.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(100);

  const front = await context.newPage();
  await front.goto("/");
  await expect(front.getByRole("link", { name: "Test broadcast" })).toBeVisible();

  await card.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Stop the broadcast" }).click();
  await expect(page.getByRole("heading", { name: "Nothing is on the air" })).toBeVisible();
  await expect(room.locator(".cover")).toContainText("It is over");

  await page.getByRole("link", { name: "Test broadcast" }).first().click();
  const events = page.getByRole("region", { name: "Events" });
  await expect(events.getByRole("listitem").nth(1)).toBeVisible();
  expect(faults).toEqual([]);
});

test("a wrong server is said to be wrong, in words", async ({ page }) => {
  await page.goto("/login?next=/admin");
  await page.getByLabel("User name").fill(user);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("link", { name: "Servers" }).click();
  await page.getByRole("button", { name: "Add a server" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("Nowhere");
  await dialog.getByLabel("Shared secret").fill("s3cret");
  await dialog.getByLabel("Address").fill("nonsense with spaces");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog.getByLabel("Address")).toHaveAttribute("aria-invalid", "true");
  // Port 9 of this machine: nothing listens there.
  await dialog.getByLabel("Address").fill("http://127.0.0.1:9/bigbluebutton/");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("alert")).toBeVisible({ timeout: 80_000 });
  await expect(page.getByRole("alert")).not.toBeEmpty();
});
