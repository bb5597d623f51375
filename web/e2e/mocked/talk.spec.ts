import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "@playwright/test";
import { expect, findings, overflow, test } from "../test";

test.use({ mockOptions: { signedIn: false } });

const field = (page: Page) => page.getByRole("textbox", { name: "Write a comment" });
const row = (page: Page, text: string) => page.getByRole("listitem").filter({ hasText: text });

async function write(page: Page, text: string): Promise<void> {
  await field(page).fill(text);
  await field(page).press("Enter");
}

/** Says once how one is called. */
async function introduce(page: Page, name: string): Promise<void> {
  await page.getByRole("dialog").getByLabel("Name").fill(name);
  await page.getByRole("dialog").getByRole("button", { name: "Comment" }).click();
  await expect(page.getByRole("dialog")).toBeHidden();
}

test("a name is asked for once, and nothing that was written is lost or doubled by broken lines", async ({ page, mock }) => {
  const talk = mock.house.talk("aula");
  await page.goto("/watch/aula");
  await write(page, "Hello 👋🏽");
  await expect(page.getByRole("dialog", { name: "What are you called?" })).toBeVisible();
  // Whoever does not want to say gets the words back.
  await page.keyboard.press("Escape");
  await expect(field(page)).toHaveValue("Hello 👋🏽");
  await field(page).press("Enter");
  await page.getByRole("dialog").getByLabel("Name").fill("<b>");
  await page.getByRole("dialog").getByRole("button", { name: "Comment" }).click();
  await expect(page.getByRole("dialog").getByText("This name cannot be used here.")).toBeVisible();
  await introduce(page, "Ann Lee");
  await expect(row(page, "Hello 👋🏽")).toContainText("Ann Lee");
  await expect.poll(() => talk.items.map((one) => [one.name, one.text])).toEqual([["Ann Lee", "Hello 👋🏽"]]);

  // The line breaks: what is sent waits, what is only written stays.
  talk.refused = 503;
  talk.cut();
  await expect(page.getByText("Connecting again…")).toBeVisible();
  await write(page, "Are you there?");
  await expect(row(page, "Are you there?")).toContainText("Goes out when the connection is back.");
  await field(page).fill("half a sent");
  talk.refused = 0;
  await expect(page.getByText("Connecting again…")).toBeHidden({ timeout: 45_000 });
  await expect(row(page, "Are you there?")).not.toContainText("Goes out");
  await expect(field(page)).toHaveValue("half a sent");

  // The answer is lost: it goes out again under the same name, and is one comment.
  talk.losesAnswers = true;
  await write(page, "Only once");
  await expect.poll(() => talk.items.length).toBe(3);
  talk.losesAnswers = false;
  talk.cut(1012);
  await expect.poll(() => talk.heard.filter((one) => one.text === "Only once").length, { timeout: 45_000 }).toBe(2);
  expect(new Set(talk.heard.filter((one) => one.text === "Only once").map((one) => one.ref)).size).toBe(1);
  await expect(row(page, "Only once")).toHaveCount(1);
  expect(talk.items).toHaveLength(3);

  // Neither does a new page lose what had not gone out.
  talk.refused = 503;
  talk.cut();
  await expect(page.getByText("Connecting again…")).toBeVisible();
  await write(page, "From an earlier life");
  await field(page).fill("and a draft");
  talk.refused = 0;
  await page.reload();
  await expect(field(page)).toHaveValue("and a draft");
  await expect.poll(() => talk.items.filter((one) => one.text === "From an earlier life").length).toBe(1);
  await expect(page.getByRole("dialog")).toBeHidden();
});

test("after a break exactly what is missing comes; after a long one, everything anew", async ({ page, mock }) => {
  const talk = mock.house.talk("aula");
  const first = talk.say("Ravi", "before");
  await page.goto("/watch/aula");
  await expect(row(page, "before")).toBeVisible();
  talk.refused = 503;
  talk.cut();
  talk.say("Ravi", "missed one");
  talk.remove(first);
  talk.say("Ravi", "missed two");
  talk.refused = 0;
  await expect(row(page, "missed two")).toBeVisible({ timeout: 45_000 });
  await expect(page.locator("[data-id]")).toHaveText([/missed one/, /missed two/]);
  expect(talk.heard.filter((one) => one.t === "hello").at(-1)?.since).toBe(1);
  talk.forget();
  talk.cut();
  talk.say("Ravi", "a new age");
  await expect(row(page, "a new age")).toBeVisible({ timeout: 45_000 });
  await expect(page.locator("[data-id]")).toHaveText([/missed one/, /missed two/, /a new age/]);
});

test("without a socket the room follows the broadcast all the same, and comments say that they are away", async ({ page, mock }) => {
  mock.house.talk("aula").refused = 403;
  await page.goto("/watch/aula");
  const broadcast = mock.house.start({ source: "test", room: "aula", targets: [] });
  mock.house.change(broadcast, { phase: "waiting" });
  await expect(page.locator(".cover")).toContainText("It begins soon");
  mock.house.goLive(broadcast);
  mock.house.count(7);
  await expect(page.getByText("7 watching")).toBeVisible();
  await expect(page.getByText("Connecting again…")).toBeVisible();
  // One line again, once it can be had.
  const streams = await page.evaluate(() => performance.getEntriesByType("resource").filter((one) => one.name.endsWith("/events")).length);
  mock.house.talk("aula").refused = 0;
  await expect(page.getByText("Connecting again…")).toBeHidden({ timeout: 45_000 });
  mock.house.change(broadcast, { paused: true });
  await expect(page.getByText("Paused", { exact: true })).toBeVisible();
  expect(await page.evaluate(() => performance.getEntriesByType("resource").filter((one) => one.name.endsWith("/events")).length)).toBeLessThanOrEqual(streams + 1);
});

test("the room's rules: waiting, slow, closed, banned, off", async ({ page, mock }) => {
  const talk = mock.house.talk("aula");
  talk.setRules({ mode: "approve", slow_s: 30 });
  await page.goto("/watch/aula");
  await expect(page.getByText("Slow mode: one comment every 30 seconds.")).toBeVisible();
  await write(page, "May I?");
  await introduce(page, "Ann");
  await expect(row(page, "May I?")).toContainText("Waits for a moderator; only you see it.");
  await write(page, "And this?");
  await expect(row(page, "And this?")).toContainText(/Goes out in \d|one second/);
  await expect(row(page, "And this?")).toContainText("only you see it", { timeout: 90_000 });
  const asked = talk.items.find((one) => one.text === "May I?");
  if (asked) talk.change(asked, { state: "shown" });
  await expect(row(page, "May I?")).not.toContainText("Waits");

  talk.setRules({ mode: "open", slow_s: 0, links: "refuse", max_chars: 60 });
  await write(page, "see https://example.org");
  await expect(row(page, "see https://example.org")).toContainText("Links are not taken here.");
  await row(page, "see https://example.org").getByRole("button", { name: "Change it" }).click();
  await expect(field(page)).toHaveValue("see https://example.org");
  await field(page).fill("x".repeat(62));
  await expect(page.getByText("2 characters too many")).toBeVisible();
  await expect(page.getByRole("button", { name: "Send" })).toBeDisabled();

  talk.setRules({ mode: "closed" });
  await expect(page.getByText("Comments are closed at the moment.")).toBeVisible();
  talk.setRules({ mode: "open" });
  await expect(field(page)).toHaveValue("x".repeat(62));
  talk.setRules({ mode: "off" });
  await expect(page.getByRole("region", { name: "Comments" })).toBeHidden();
  expect(await page.evaluate(() => document.querySelector(".stage")?.clientWidth)).toBeGreaterThan(1000);
});

test("what people write is text: links are links, nothing runs, every script has its direction", async ({ page, mock }) => {
  const talk = mock.house.talk("aula");
  talk.say("<i>Eve</i>", '<img src=x onerror="alert(1)"><b>bold</b> javascript:alert(1)');
  talk.say("شيماء", "مرحبا https://example.org/path?x=1.");
  talk.say("abc\u202egpj.exe", "\u202edesrever");
  await page.goto("/watch/aula");
  await expect(row(page, "<b>bold</b>")).toContainText("<i>Eve</i>");
  await expect(page.locator("[data-id] img, [data-id] b, [data-id] i")).toHaveCount(0);
  const link = page.locator("[data-id]").getByRole("link");
  await expect(link).toHaveCount(1);
  await expect(link).toHaveAttribute("href", "https://example.org/path?x=1");
  await expect(link).toHaveAttribute("rel", "noopener noreferrer nofollow ugc");
  await expect(link).toHaveAttribute("target", "_blank");
  const direction = (text: string) => row(page, text).locator(".text").evaluate((node) => getComputedStyle(node).direction);
  expect(await direction("مرحبا")).toBe("rtl");
  expect(await direction("bold")).toBe("ltr");
  expect(await overflow(page)).toBe(0);
});

test("a long thread stays small, keeps its place, and says what is new", async ({ page, mock }) => {
  const talk = mock.house.talk("aula");
  for (let at = 1; at <= 420; at += 1) talk.say(`P${at % 7}`, `comment ${at}.`);
  await page.goto("/watch/aula");
  await expect(row(page, "comment 420.")).toBeInViewport();
  const list = page.locator(".list");
  const nodes = () => page.locator("[data-id]").count();
  // Up to the beginning, a page of history at a time, without a jump.
  for (let step = 0; step < 60 && !(await row(page, "comment 1.").isVisible()); step += 1) {
    const before = await list.evaluate((node) => {
      node.scrollTop = Math.min(node.scrollTop, 200);
      const rows = [...node.querySelectorAll<HTMLElement>("[data-id]")];
      const seen = rows.find((one) => one.getBoundingClientRect().bottom > node.getBoundingClientRect().top);
      return { id: seen?.dataset["id"] ?? "", top: seen?.getBoundingClientRect().top ?? 0, first: rows[0]?.dataset["id"] ?? "" };
    });
    // As a person does: whoever scrolls while the place is being kept scrolls once more.
    const first = async () => {
      const id = await page.locator("[data-id]").first().getAttribute("data-id");
      if (id === before.first) await list.evaluate((node) => node.dispatchEvent(new Event("scroll")));
      return id;
    };
    await expect.poll(first).not.toBe(before.first);
    const top = await page.locator(`[data-id="${before.id}"]`).evaluate((node) => node.getBoundingClientRect().top);
    expect(Math.abs(top - before.top)).toBeLessThan(4);
    expect(await nodes()).toBeLessThanOrEqual(300);
  }
  await expect(row(page, "comment 1.")).toBeVisible();

  for (let at = 1; at <= 3; at += 1) talk.say("Ravi", `news ${at}.`);
  await expect(page.getByRole("button", { name: "3 new comments" })).toBeVisible();
  // In sums, however many there are.
  await expect(page.locator("[data-says]")).toHaveText(/new comments, the last by Ravi|Ravi: news/, { timeout: 30_000 });
  await page.getByRole("button", { name: "3 new comments" }).click();
  await expect(row(page, "news 3.")).toBeInViewport();
  talk.say("Ravi", "and one more.");
  await expect(row(page, "and one more.")).toBeInViewport();
  expect(await nodes()).toBeLessThanOrEqual(300);
});

test("everything can be done by the keyboard: read, answer, react, delete, rename", async ({ page, mock }) => {
  const talk = mock.house.talk("aula");
  const question = talk.say("Sophie", "Will there be slides?");
  talk.say("Tom", "Nice.");
  await page.goto("/watch/aula");
  await expect(row(page, "Nice.")).toBeVisible();
  await field(page).focus();
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Shift+Tab");
  await row(page, "Nice.").focus();
  await page.keyboard.press("ArrowUp");
  await expect(row(page, "Will there be slides?")).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("button", { name: "React" })).toBeFocused();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("button", { name: "👍: 1" })).toHaveAttribute("aria-pressed", "true");
  await page.getByRole("button", { name: "Reply to Sophie" }).press("Enter");
  await expect(field(page)).toBeFocused();
  await page.keyboard.type("Yes, afterwards.");
  await page.keyboard.press("Enter");
  await introduce(page, "Ann");
  await expect(row(page, "Yes, afterwards.")).toContainText("Sophie");
  expect(talk.items.at(-1)?.reply_to?.id).toBe(question.id);

  await page.getByRole("button", { name: "Change your name" }).click();
  await introduceAs(page, "Ann Lee");
  await write(page, "As I am called now.");
  await expect(row(page, "As I am called now.")).toContainText("Ann Lee");

  await row(page, "Yes, afterwards.").focus();
  await page.getByRole("button", { name: "More" }).press("Enter");
  await page.getByRole("button", { name: "Delete" }).press("Enter");
  await page.getByRole("button", { name: "Really delete?" }).press("Enter");
  await expect(row(page, "Yes, afterwards.")).toHaveCount(0);
  expect(talk.items).toHaveLength(3);
});

async function introduceAs(page: Page, name: string): Promise<void> {
  await page.getByRole("dialog").getByLabel("Name").fill(name);
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("dialog")).toBeHidden();
}

test.describe("on a phone", () => {
  test.use({ hasTouch: true, isMobile: true, viewport: { width: 390, height: 844 } });

  test("the writing field is in sight, above the keyboard and beside the picture", async ({ page, mock }) => {
    for (let at = 0; at < 30; at += 1) mock.house.talk("aula").say("Ravi", `comment ${at}`);
    await page.goto("/watch/aula");
    await expect(row(page, "comment 29")).toBeInViewport();
    const whole = () => Promise.all([".stage", "textarea"].map((one) => page.locator(one).evaluate((node) => node.getBoundingClientRect().bottom <= innerHeight && node.getBoundingClientRect().top >= 0)));
    expect(await whole()).toEqual([true, true]);
    await field(page).tap();
    // The keyboard takes its part of the window.
    await page.setViewportSize({ width: 390, height: 460 });
    await expect(page.locator("html")).toHaveAttribute("data-keyboard", "");
    await expect.poll(whole).toEqual([true, true]);
    await expect(row(page, "comment 29")).toBeInViewport();
    await page.setViewportSize({ width: 844, height: 390 });
    await expect.poll(whole).toEqual([true, true]);
    await page.setViewportSize({ width: 320, height: 568 });
    await expect.poll(whole).toEqual([true, true]);
    expect(await overflow(page)).toBe(0);
  });
});

test("another site shows the comments by one tag, as high as they are", async ({ page, mock }) => {
  const talk = mock.house.talk("aula");
  const tag = `<script src="${mock.url}/embed.js" data-room="aula" data-theme="dark" data-lang="de" data-title="Fragen" data-min-height="240" data-max-height="500" async></script>`;
  // A site of its own, which an address that the test only made up would not be to the browser.
  const site = createServer((_, response) => response.writeHead(200, { "Content-Type": "text/html" }).end(`<!doctype html><h1>Elsewhere</h1>${tag}<p>below`));
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  await page.goto(`http://localhost:${(site.address() as AddressInfo).port}/`);
  const frame = page.locator("iframe[title=Fragen]");
  const height = () => frame.evaluate((node) => node.clientHeight);
  const inside = page.frameLocator("iframe");
  await expect(inside.getByText("Noch hat niemand geschrieben")).toBeVisible();
  await expect(inside.locator("html")).toHaveAttribute("data-theme", "dark");
  expect(await height()).toBe(240);
  for (let at = 0; at < 4; at += 1) talk.say("Ravi", `comment ${at}`);
  await expect.poll(height).toBeGreaterThan(280);
  for (let at = 0; at < 30; at += 1) talk.say("Ravi", `more ${at}`);
  await expect.poll(height).toBe(500);
  // Nobody but that frame may say how high it is.
  await page.evaluate(() => window.postMessage({ bluecast: "height", height: 300 }, "*"));
  await inside.getByRole("textbox").fill("Von anderswo");
  await inside.getByRole("textbox").press("Enter");
  await inside.getByRole("dialog").getByLabel("Name").fill("Ida");
  await inside.getByRole("dialog").getByRole("button", { name: "Kommentieren" }).click();
  await expect.poll(() => talk.items.at(-1)?.text).toBe("Von anderswo");
  expect(await height()).toBe(500);
  site.closeAllConnections();
  site.close();
});

for (const theme of ["light", "dark"] as const) {
  test.describe(theme, () => {
    test.use({ colorScheme: theme });

    test("comments of every kind can be used by everybody", async ({ page, mock }) => {
      const talk = mock.house.talk("aula");
      const asked = talk.say("Sophie Müller", "Will the slides be shared?");
      talk.say("Prof. Rossi", "Yes, at https://example.org/slides", { host: true, pinned: true, reply_to: { id: asked.id, name: asked.name, text: asked.text } });
      talk.say("رشا", "شكرا");
      await page.goto("/watch/aula");
      await write(page, "Thank you");
      await introduce(page, "Ann");
      await row(page, "Will the slides be shared?").first().focus();
      await page.getByRole("button", { name: "React" }).click();
      expect(await findings(page)).toEqual([]);
      talk.setRules({ mode: "closed" });
      await expect(page.getByText("Comments are closed")).toBeVisible();
      expect(await findings(page)).toEqual([]);
    });
  });
}
