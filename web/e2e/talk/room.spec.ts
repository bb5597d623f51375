import { expect, test, type Browser, type Page, type WebSocketRoute } from "@playwright/test";

/** Against the program itself: nothing is pretended here but the people, and the breaks of their lines. */
const user = process.env["BLUECAST_USER"] ?? "admin";
const password = process.env["BLUECAST_PASSWORD"] ?? "";

const row = (page: Page, text: string) => page.locator("[data-id]").filter({ hasText: text });
const faults: string[] = [];

interface Person {
  page: Page;
  /** Breaks the line, and lets no other stand until the answer is called. */
  cut(): () => void;
}

async function person(browser: Browser): Promise<Person> {
  const page = await (await browser.newContext()).newPage();
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    if (/content security policy/i.test(message.text())) faults.push(message.text());
  });
  let lines: WebSocketRoute[] = [];
  let broken = false;
  await page.routeWebSocket(/\/ws\/rooms\//, (line) => {
    if (broken) return void line.close({ code: 1011 });
    lines.push(line, line.connectToServer());
  });
  const cut = () => {
    broken = true;
    for (const line of lines) void line.close({ code: 1011 });
    lines = [];
    return () => (broken = false);
  };
  return { page, cut };
}

async function write(page: Page, text: string): Promise<void> {
  await page.getByRole("textbox", { name: "Write a comment" }).fill(text);
  await page.getByRole("textbox", { name: "Write a comment" }).press("Enter");
}

async function introduce(page: Page, name: string): Promise<void> {
  await page.getByRole("dialog").getByLabel("Name").fill(name);
  await page.getByRole("dialog").getByRole("button", { name: "Comment" }).click();
  await expect(page.getByRole("dialog")).toBeHidden();
}

test("people talk, lines break, a moderator decides", async ({ browser }) => {
  const [{ page: ann, cut }, { page: bob }, { page: host }] = [await person(browser), await person(browser), await person(browser)];
  await ann.goto("/watch/aula");
  await bob.goto("/watch/aula");

  await write(ann, "Hello 👋🏽 <b>all</b>, see https://example.org");
  await introduce(ann, "Ann Lee");
  await expect(row(bob, "<b>all</b>")).toContainText("Ann Lee");
  await expect(row(bob, "Hello").getByRole("link")).toHaveAttribute("rel", "noopener noreferrer nofollow ugc");
  await row(bob, "Hello").hover();
  await bob.getByRole("button", { name: "React" }).click();
  await bob.getByRole("button", { name: "👏" }).click();
  await expect(row(ann, "Hello").getByRole("button", { name: "👏: 1" })).toBeVisible();

  // While her line is broken, both write: she gets what she missed, and what she wrote is there once.
  const mend = cut();
  await expect(ann.getByText("Connecting again…")).toBeVisible();
  await write(ann, "Written in a tunnel");
  await write(bob, "Missed by Ann");
  await introduce(bob, "Bob");
  await expect(row(bob, "Missed by Ann")).toBeVisible();
  await expect(row(ann, "Written in a tunnel")).toHaveCount(0);
  mend();
  await expect(row(ann, "Missed by Ann")).toBeVisible({ timeout: 60_000 });
  await expect(row(bob, "Written in a tunnel")).toBeVisible();
  await expect(row(ann, "Written in a tunnel")).toHaveCount(1);
  // The name was said once, and is known after a reload.
  await ann.reload();
  await expect(ann.locator("[data-id]")).toHaveText([/Hello/, /Missed by Ann/, /Written in a tunnel/]);
  await expect(ann.getByRole("button", { name: "Change your name" })).toContainText("Ann Lee");

  await host.goto("/login?next=/moderate");
  await host.getByLabel("User name").fill(user);
  await host.getByLabel("Password").fill(password);
  await host.getByRole("button", { name: "Log in" }).click();
  await host.getByRole("link", { name: "Aula" }).click();
  await host.getByRole("tab", { name: "Rules" }).click();
  await host.getByRole("radio", { name: "Everybody, once it is approved" }).check();
  await host.getByRole("button", { name: "Save" }).click();
  await expect(host.getByText("Saved.")).toBeVisible();
  await expect(ann.getByText("Comments appear once a moderator has approved them.")).toBeVisible();

  await write(ann, "May I ask something?");
  await expect(row(ann, "May I ask something?")).toContainText("only you see it");
  await host.getByRole("tab", { name: "Waiting" }).click();
  const queue = host.getByRole("list", { name: "Waiting" });
  await expect(queue.getByRole("listitem")).toHaveText([/May I ask something/]);
  await expect(row(bob, "May I ask something?")).toHaveCount(0);
  await queue.getByRole("button", { name: "Approve" }).click();
  await expect(row(bob, "May I ask something?")).toBeVisible();
  await expect(row(ann, "May I ask something?")).not.toContainText("only you see it");

  await host.getByRole("textbox", { name: "Write as host" }).fill("Of course.");
  await host.getByRole("textbox", { name: "Write as host" }).press("Enter");
  await expect(row(bob, "Of course.").getByText("Host", { exact: true })).toBeVisible();

  await host.getByRole("tab", { name: "Who is here" }).click();
  const here = host.getByRole("tabpanel");
  await here.getByRole("button", { name: "Ban Bob" }).click();
  await host.getByRole("dialog").getByLabel("Reason").fill("Only a test");
  await host.getByRole("dialog").getByRole("button", { name: "Ban" }).click();
  await expect(bob.getByText("You cannot write in this room until")).toBeVisible();
  await expect(bob.getByRole("textbox")).toHaveCount(0);
  await host.getByRole("tab", { name: "Bans" }).click();
  await here.getByRole("button", { name: "Lift the ban of Bob" }).click();
  await expect(bob.getByRole("textbox", { name: "Write a comment" })).toBeVisible();

  await row(ann, "Written in a tunnel").hover();
  await row(ann, "Written in a tunnel").getByRole("button", { name: "More" }).click();
  await ann.getByRole("button", { name: "Delete" }).click();
  await ann.getByRole("button", { name: "Really delete?" }).click();
  await expect(row(bob, "Written in a tunnel")).toHaveCount(0);
  expect(faults).toEqual([]);
});
