import type { Browser, Page } from "@playwright/test";
import { expect, findings, overflow, test } from "../test";

test.use({ mockOptions: { signedIn: false } });

const row = (page: Page, text: string) => page.locator("[data-id]").filter({ hasText: text });

async function more(page: Page, text: string): Promise<void> {
  await row(page, text).first().hover();
  await row(page, text).first().getByRole("button", { name: "More" }).click();
}

/** A second person, who may moderate. */
async function moderator(browser: Browser, url: string): Promise<Page> {
  const context = await browser.newContext({ baseURL: url, locale: "en-GB" });
  await context.addCookies([{ name: "session", value: "1", url }]);
  return context.newPage();
}

test("is for those who are logged in", async ({ page }) => {
  await page.goto("/moderate/aula");
  await expect(page).toHaveURL(/\/login\?next=%2Fmoderate%2Faula/);
});

test("a queue is worked through by the keyboard, and viewers see what was approved", async ({ page, browser, mock }) => {
  const talk = mock.house.talk("aula");
  talk.setRules({ mode: "approve" });
  for (const text of ["one?", "two?", "three?"]) talk.say("Ravi", text, { state: "held" });
  await page.goto("/watch/aula");
  await expect(page.getByText("Nobody has written yet")).toBeVisible();

  const desk = await moderator(browser, mock.url);
  await desk.goto("/moderate");
  await expect(desk.getByRole("listitem").filter({ hasText: "Aula" })).toContainText("3 waiting");
  await desk.getByRole("link", { name: "Aula" }).click();
  const queue = desk.getByRole("list", { name: "Waiting" });
  await expect(queue.getByRole("listitem")).toHaveCount(3);
  await queue.getByRole("listitem").first().focus();
  await desk.keyboard.press("a");
  await expect(row(page, "one?")).toBeVisible();
  await expect(queue.getByRole("listitem").first()).toBeFocused();
  await desk.keyboard.press("r");
  await expect(queue.getByRole("listitem")).toHaveCount(1);
  await expect(desk).toHaveTitle(/^\(1\) Aula/);
  talk.say("Mia", "just now?", { state: "held" });
  await expect(queue.getByRole("listitem")).toHaveCount(2);

  // A line that breaks brings the queue anew, without what was decided meanwhile.
  talk.refused = 503;
  talk.cut();
  const third = talk.items.find((one) => one.text === "three?");
  if (third) talk.change(third, { state: "rejected" });
  talk.refused = 0;
  await expect(queue.getByRole("listitem")).toHaveText([/just now/], { timeout: 45_000 });
  expect(await page.locator("[data-id]").allTextContents()).toHaveLength(1);
  await desk.context().close();
});

test("in the room, in place: answer as host, pin, hide, ban", async ({ page, browser, mock }) => {
  const talk = mock.house.talk("aula");
  talk.say("Troll", "nonsense");
  await page.goto("/watch/aula");
  await page.getByRole("textbox").fill("Where are the slides?");
  await page.getByRole("textbox").press("Enter");
  await page.getByRole("dialog").getByLabel("Name").fill("Ann");
  await page.getByRole("dialog").getByRole("button", { name: "Comment" }).click();
  await expect(row(page, "Where are the slides?")).toBeVisible();

  const room = await moderator(browser, mock.url);
  await room.goto("/watch/aula");
  await row(room, "Where are the slides?").hover();
  await room.getByRole("button", { name: "Reply to Ann" }).click();
  await room.getByRole("textbox", { name: "Write as host" }).fill("At the end.");
  await room.getByRole("textbox", { name: "Write as host" }).press("Enter");
  await expect(row(page, "At the end.").getByText("Host", { exact: true })).toBeVisible();
  await more(room, "At the end.");
  await room.getByRole("button", { name: "Pin" }).click();
  await expect(page.getByRole("region", { name: "Pinned" })).toContainText("At the end.");
  // The bar moves the rows.
  await expect(room.getByRole("region", { name: "Pinned" })).toContainText("At the end.");

  await more(room, "nonsense");
  await room.getByRole("button", { name: "Hide from others" }).click();
  await expect(row(page, "nonsense")).toHaveCount(0);
  await expect(row(room, "nonsense")).toContainText("Not shown to others");

  await more(room, "Where are the slides?");
  await room.getByRole("button", { name: "Ban" }).click();
  const dialog = room.getByRole("dialog", { name: "Ban Ann" });
  await dialog.getByLabel("For how long").selectOption({ label: "10 minutes" });
  await dialog.getByLabel("Reason").fill("Only a test");
  await dialog.getByRole("button", { name: "Ban" }).click();
  await expect(page.getByText("You cannot write in this room until")).toBeVisible();
  await expect(page.getByText("Only a test")).toBeVisible();
  await expect(page.getByRole("textbox")).toHaveCount(0);

  await room.getByRole("link", { name: "Moderate" }).click();
  await room.getByRole("tab", { name: "Bans" }).click();
  const tab = room.getByRole("tabpanel");
  await expect(tab.getByRole("listitem").filter({ hasText: "Ann" })).toContainText("Only a test");
  await room.getByRole("button", { name: "Lift the ban of Ann" }).click();
  await expect(room.getByText("Nobody is banned.")).toBeVisible();
  await room.getByLabel("Ban an address or a range").fill("nonsense");
  await room.getByRole("button", { name: "Ban", exact: true }).click();
  await expect(room.getByText("This is no range of addresses.")).toBeVisible();
  await room.getByLabel("Ban an address or a range").fill("192.0.2.0/24");
  await room.getByRole("button", { name: "Ban", exact: true }).click();
  await expect(tab.getByRole("listitem").filter({ hasText: "192.0.2.0/24" })).toContainText("For good");

  await room.getByRole("tab", { name: "Who is here" }).click();
  await expect(tab.getByRole("listitem").filter({ hasText: "Ann" })).toBeVisible();
  await room.getByRole("tab", { name: "Rules" }).click();
  await room.getByRole("radio", { name: "Comments are closed" }).check();
  await room.getByLabel("Seconds between two comments").fill("20");
  await room.getByRole("button", { name: "Save" }).click();
  await expect(room.getByText("Saved.")).toBeVisible();
  expect(talk.rules).toMatchObject({ mode: "closed", slow_s: 20 });
  await room.context().close();
});

for (const theme of ["light", "dark"] as const) {
  test.describe(theme, () => {
    test.use({ colorScheme: theme, mockOptions: { signedIn: true } });

    test("the moderators' pages can be used by everybody, on every screen", async ({ page, mock }) => {
      const talk = mock.house.talk("aula");
      talk.say("Ravi", "shown", { pinned: true });
      talk.say("Ravi", "May I? https://example.org/a-rather-long-address-that-goes-on-and-on-and-on", { state: "held" });
      await page.goto("/moderate");
      await expect(page.getByRole("link", { name: "Aula" })).toBeVisible();
      expect(await findings(page)).toEqual([]);
      await page.goto("/moderate/aula");
      await expect(row(page, "May I?")).toBeVisible();
      for (const tab of ["Waiting", "Who is here", "Bans", "Rules"]) {
        await page.getByRole("tab", { name: tab }).click();
        expect(await findings(page), tab).toEqual([]);
      }
      await page.setViewportSize({ width: 320, height: 640 });
      for (const tab of ["Waiting", "Comments", "Who is here", "Bans", "Rules"]) {
        await page.getByRole("tab", { name: tab }).click();
        expect(await overflow(page), tab).toBe(0);
      }
    });
  });
}
