import { expect, test } from "@playwright/test";

const user = process.env["BLUECAST_USER"] ?? "admin";
const password = process.env["BLUECAST_PASSWORD"] ?? "";
const broadcast = process.env["BLUECAST_BROADCAST"] ?? "";

const ROUNDS = 7;

/** Printed for whoever started this. */
const measured = (name: string, figure: number) => process.stdout.write(`\nmeasured: ${name} ${figure}\n`);

test("a page that was never seen before, until it can be used", async ({ browser }) => {
  for (let round = 0; round < ROUNDS; round += 1) {
    // A context of its own has a cold cache.
    const context = await browser.newContext();
    const answer = await context.request.post("/api/v1/session", { data: { username: user, password } });
    expect(answer.status()).toBe(204);
    const page = await context.newPage();
    await page.addInitScript(() => {
      // Usable is: everything that was asked for is shown, and the button that starts something is there to be pressed.
      const look = () => {
        const button = document.querySelector<HTMLElement>('main a[href="#/start"]');
        const card = document.querySelector("main article h2");
        if (button && card) performance.mark("ready");
        else requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    });
    await page.goto("/admin");
    await page.waitForFunction(() => performance.getEntriesByName("ready").length > 0);
    const { ready, bytes } = await page.evaluate(() => {
      const resources = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
      const scripts = resources.filter((one) => new URL(one.name).pathname.endsWith(".js"));
      return { ready: performance.getEntriesByName("ready")[0]?.startTime ?? NaN, bytes: scripts.reduce((sum, one) => sum + one.encodedBodySize, 0) };
    });
    measured("ready_ms", ready);
    measured("script_bytes", bytes);
    await page.locator('main a[href="#/start"]').click();
    await expect(page).toHaveURL(/#\/start/);
    await context.close();
  }
});

test("a change on one page, until another shows it", async ({ browser }) => {
  const context = await browser.newContext();
  await context.request.post("/api/v1/session", { data: { username: user, password } });
  const [desk, other] = [await context.newPage(), await context.newPage()];
  await other.goto("/admin");
  await expect(other.getByRole("article")).toBeVisible();
  await desk.goto(`/admin#/broadcasts/${broadcast}`);
  for (let round = 0; round < ROUNDS * 2; round += 1) {
    const act = round % 2 === 0 ? "Pause" : "Resume";
    await expect(desk.getByRole("button", { name: act, exact: true }).and(desk.locator(".button"))).toBeEnabled();
    // Behind another tab a page has no frames, but it still changes: a change of the page is what is waited for.
    const shown = other.evaluate(
      (words) =>
        new Promise<number>((resolve) => {
          const look = () => {
            if (document.querySelector("main article .badge")?.textContent?.trim() !== words) return;
            observer.disconnect();
            resolve(performance.timeOrigin + performance.now());
          };
          const observer = new MutationObserver(look);
          observer.observe(document.body, { subtree: true, childList: true, characterData: true });
        }),
      act === "Pause" ? "Paused" : "Live",
    );
    const pressed = await desk.evaluate(async (words) => {
      const button = [...document.querySelectorAll<HTMLElement>("main button")].find((one) => one.textContent?.trim() === words);
      const at = performance.timeOrigin + performance.now();
      button?.click();
      return button ? at : NaN;
    }, act);
    expect(pressed, `there is a button ${act}`).not.toBeNaN();
    measured("told_ms", (await shown) - pressed);
  }
});
