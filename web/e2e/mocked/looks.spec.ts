import { expect, findings, furnishPlan, overflow, test } from "../test";

const pages = [
  ["the front page", "/"],
  ["the login", "/login"],
  ["the page for nothing", "/nothing"],
  ["a room", "/watch/aula"],
  ["the player alone", "/embed/aula"],
  ["comments alone", "/embed/aula/comments"],
  ["on air", "/admin"],
  ["a broadcast", "/admin#/broadcasts/ID"],
  ["start", "/admin#/start"],
  ["start from a preset", "/admin#/start?preset=PRESET"],
  ["meetings", "/admin#/meetings"],
  ["presets", "/admin#/presets"],
  ["servers", "/admin#/servers"],
  ["a room's form", "/watch/lecture/register"],
  ["rooms", "/admin#/rooms"],
  ["a room's texts", "/admin#/rooms/lecture/texts"],
  ["a room's look", "/admin#/rooms/lecture/look"],
  ["a room's access", "/admin#/rooms/lecture/access"],
  ["a room's form in the making", "/admin#/rooms/lecture/form"],
  ["a room's embedding", "/admin#/rooms/lecture/share"],
  ["who has registered", "/admin#/rooms/lecture/people"],
  ["a room with all there is", "/watch/lecture"],
  ["origins", "/admin#/origins"],
  ["one's own account", "/admin#/people"],
  ["users", "/admin#/people/users"],
  ["groups", "/admin#/people/groups"],
  ["roles", "/admin#/people/roles"],
  ["the log", "/admin#/people/activity"],
  ["nodes", "/admin#/nodes"],
  ["webhooks", "/admin#/webhooks"],
] as const;

for (const theme of ["light", "dark"] as const) {
  test.describe(theme, () => {
    test.use({ colorScheme: theme });

    test("every page can be used by everybody", async ({ page, mock }) => {
      const broadcast = mock.house.start({ source: "browser", meeting_id: "council", room: "physics", targets: [{ url: "rtmp://a.example/live" }] });
      mock.house.goLive(broadcast);
      furnishPlan(mock.house);
      const target = broadcast.targets[0];
      if (target) mock.house.changeTarget(broadcast, target, { state: "backing_off", detail: "Refused by the server, often a wrong key." });
      for (const [name, path] of pages) {
        // A change behind the `#` alone would not load the page anew.
        await page.goto("about:blank");
        await page.goto(path.replace("PRESET", mock.house.presets[0]?.id ?? "").replace("ID", broadcast.id));
        await expect(page.locator("#island:not(:has(> noscript)), main .empty, .hero, .register").first()).toBeVisible();
        if (path.startsWith("/admin")) await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
        expect(await findings(page), name).toEqual([]);
      }
    });
  });
}

for (const language of ["en", "hi", "de"]) {
  test(`nothing is wider than a small phone in ${language}`, async ({ page, mock, context }) => {
    await page.setViewportSize({ width: 320, height: 640 });
    await context.addCookies([{ name: "lang", value: language, url: mock.url }]);
    const broadcast = mock.house.start({ source: "browser", meeting_id: "evening", room: "physics", targets: [{ url: "rtmp://a-rather-long-host-name.streaming.example.org/live" }] });
    mock.house.goLive(broadcast);
    furnishPlan(mock.house);
    for (const [name, path] of pages) {
      // A change behind the `#` alone would not load the page anew.
      await page.goto("about:blank");
      await page.goto(path.replace("PRESET", mock.house.presets[0]?.id ?? "").replace("ID", broadcast.id));
      if (path.startsWith("/admin")) await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      expect(await overflow(page), name).toBe(0);
    }
  });
}

test("a chosen theme stays, and is there before any script runs", async ({ page }) => {
  await page.goto("/");
  const button = page.getByRole("button", { name: /^Colours/ });
  await expect(button).toHaveAccessibleName("Colours: as the device");
  await button.click();
  await button.click();
  await expect(button).toHaveAccessibleName("Colours: dark");
  const html = await (await page.request.get("/login")).text();
  expect(html).toContain('data-theme="dark"');
});

test("a change of language keeps the place", async ({ page }) => {
  await page.goto("/admin#/servers");
  await page.locator("summary").first().click();
  await page.getByRole("link", { name: "Deutsch" }).click();
  await expect(page.getByRole("link", { name: "Räume" })).toBeVisible();
  await expect(page).toHaveURL(/#\/servers$/);
  await expect(page.getByRole("button", { name: "Server hinzufügen" })).toBeVisible();
});

test("the keyboard reaches the content first, and closes menus", async ({ page }) => {
  await page.goto("/");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to the content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.locator("main")).toBeFocused();
  await page.locator("summary").first().press("Enter");
  await expect(page.getByRole("link", { name: "हिन्दी" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("link", { name: "हिन्दी" })).toBeHidden();
});

test("nothing jumps while the pages load", async ({ page }) => {
  for (const path of ["/", "/login", "/watch/aula", "/admin", "/admin#/rooms"]) {
    await page.goto(path);
    const shift = await page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          new PerformanceObserver((list) => resolve((list.getEntries() as unknown as { value: number }[]).reduce((sum, entry) => sum + entry.value, 0))).observe({ type: "layout-shift", buffered: true });
          setTimeout(() => resolve(0), 300);
        }),
    );
    expect(shift, path).toBeLessThan(0.02);
  }
});
