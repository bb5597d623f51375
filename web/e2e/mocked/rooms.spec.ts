import { Buffer } from "node:buffer";
import { expect, test } from "../test";

test("a room is edited in parts, and only what changed is sent", async ({ page, mock }) => {
  await page.goto("/admin#/rooms");
  await page.getByRole("link", { name: "Physics, first year", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Physics, first year" })).toBeVisible();
  await page.getByLabel("Title").fill("Physics");
  const parts = page.getByRole("navigation", { name: "Parts of the room" });
  await parts.getByRole("link", { name: "Look" }).click();
  await page.getByText("Violet").click();
  await page.getByRole("button", { name: "Add a link" }).click();
  await page.getByRole("textbox", { name: "Address" }).fill("https://youtube.com/@physics");
  await parts.getByRole("link", { name: "Access" }).click();
  await page.getByLabel("Who may watch").selectOption("password");
  await expect(page.getByText("Not saved yet.")).toBeVisible();
  const sent = page.waitForRequest((request) => request.method() === "PATCH");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Give the room a password.").first()).toBeVisible();
  await page.getByLabel("Password").fill("open sesame");
  await page.getByRole("button", { name: "Save" }).click();
  expect((await sent).postDataJSON()).toEqual({
    title: "Physics",
    accent: "violet",
    links: [{ kind: "youtube", url: "https://youtube.com/@physics" }],
    visibility: "password",
    password: "open sesame",
  });
  await expect(page.getByText("Saved.")).toBeVisible();
  await expect(page.getByRole("heading", { level: 1, name: "Physics", exact: true })).toBeVisible();
  expect(mock.house.rooms.find((room) => room.key === "physics")).toMatchObject({ accent: "violet" });
});

test("what the server refuses leads to its field", async ({ page, mock }) => {
  await page.goto("/admin#/rooms/lecture/look");
  await page.getByText("Violet").click();
  mock.house.broken = [422, "invalid_field", "`sites[0]` must be a site such as https://www.example.org, without a path.", { field: "sites[0]" }];
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page).toHaveURL(/rooms\/lecture\/share$/);
  await expect(page.getByLabel("Sites that may show it")).toHaveAttribute("aria-invalid", "true");
  mock.house.broken = null;
});

test("a form is put together by keyboard alone", async ({ page, mock }) => {
  await page.goto("/admin#/rooms/physics/form");
  await page.getByRole("button", { name: /^Contact/ }).press("Enter");
  const rows = page.locator("ol.fields > li");
  await expect(rows).toHaveCount(4);
  // The mobile number goes up, and the keyboard stays with it.
  await rows.nth(2).getByRole("button", { name: "Move up" }).press("Enter");
  await expect(rows.nth(1).getByRole("textbox", { name: "What it asks for" })).toHaveValue("E-mail");
  await expect(rows.nth(1).getByRole("button", { name: "Move up" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(rows.nth(0).getByRole("textbox", { name: "What it asks for" })).toHaveValue("E-mail");
  await expect(page.getByRole("status").filter({ hasText: "E-mail is now number 1." })).toHaveCount(1);
  await page.getByRole("button", { name: "Choice", exact: true }).press("Enter");
  await expect(rows.nth(4).getByRole("textbox", { name: "What it asks for" })).toBeFocused();
  await page.keyboard.type("Hall");
  await rows.nth(4).getByLabel("Choices").fill("North\nSouth\n");
  await rows.nth(4).getByLabel("Required").check();
  await rows.nth(3).getByRole("button", { name: /^Delete/ }).press("Enter");
  await page.getByLabel("What they agree to").fill("We keep it for a year.");
  await page.getByRole("button", { name: "Save" }).press("Enter");
  await expect(page.getByText("Saved.")).toBeVisible();
  const form = mock.house.rooms.find((room) => room.key === "physics")?.form;
  expect(form).toEqual({
    consent: "We keep it for a year.",
    fields: [
      { id: "email", type: "email", label: "E-mail", required: true },
      { id: "name", type: "name", label: "Name", required: true },
      { id: "mobile", type: "phone", label: "Mobile number", required: true },
      { id: "choice", type: "choice", label: "Hall", required: true, choices: ["North", "South"] },
    ],
  });
});

test("pictures are sent, shown, refused in words and taken away", async ({ page, mock }) => {
  await page.goto("/admin#/rooms/physics/look");
  const cover = page.getByLabel("Cover picture");
  const file = (bytes: number) => ({ name: "a.png", mimeType: "image/png", buffer: Buffer.alloc(bytes, 1) });
  await cover.setInputFiles(file(9 * 1024 * 1024));
  await expect(page.getByRole("alert")).toHaveText("The file is larger than 8 MB.");
  await cover.setInputFiles(file(100));
  await expect(page.locator('.frame.wide img[src^="/pictures/"]')).toBeVisible();
  mock.house.pictureRefused = [422, "bad_image", "This is no PNG, JPEG or WebP picture.", { field: "logo" }];
  await page.getByLabel("Logo", { exact: true }).setInputFiles(file(100));
  await expect(page.getByRole("alert")).toHaveText("This is no PNG, JPEG or WebP picture.");
  mock.house.pictureRefused = null;
  await page.getByRole("button", { name: "Remove" }).click();
  await expect(page.locator(".frame img")).toHaveCount(0);
});

test("who has registered is read and deleted", async ({ page, mock }) => {
  await page.goto("/admin#/rooms/lecture/people");
  const people = page.locator("ul.people");
  await expect(people.getByText("Asha Rao")).toBeVisible();
  await expect(page.getByText("2 devices")).toBeVisible();
  await expect(page.getByRole("link", { name: "Download as CSV" })).toHaveAttribute("href", "/api/v1/rooms/lecture/registrations.csv");
  await page.getByRole("button", { name: "Delete Asha Rao" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
  await expect(people.getByText("Asha Rao")).toBeHidden();
  expect(mock.house.registrations.get("lecture")).toHaveLength(1);
});

test("a visit is counted only of those who agree", async ({ page }) => {
  const asked: string[] = [];
  await page.route("https://stats.example/**", (route) => {
    asked.push(route.request().url());
    return route.fulfill({ contentType: "text/javascript", body: "" });
  });
  await page.goto("/watch/lecture");
  const question = page.getByRole("region", { name: "Counting visits" });
  await question.getByRole("button", { name: "No" }).click();
  await expect(question).toBeHidden();
  await page.reload();
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(question).toBeHidden();
  expect(asked).toEqual([]);
  await page.evaluate(() => localStorage.clear());
  await page.reload();
  await question.getByRole("button", { name: "Yes" }).click();
  await expect.poll(() => asked).toEqual(["https://stats.example/matomo.js"]);
});

test("a room counts down in the visitor's own time", async ({ page }) => {
  await page.clock.install({ time: new Date("2037-05-06T16:29:00Z") });
  await page.goto("/watch/lecture");
  // On the stage, over the room's picture; what stood below for those without a script is gone.
  const stage = page.locator(".stage");
  await expect(stage.getByRole("time")).toContainText("2037");
  await expect(stage.getByRole("time")).not.toContainText("UTC");
  // However long the page took: from here on the clock stands still.
  await page.clock.pauseAt(new Date("2037-05-06T16:29:58Z"));
  await expect(stage.locator(".clock")).toHaveText(/^00:0[12]$/);
  await expect(stage.locator(".cover img")).toHaveAttribute("src", /^\/pictures\//);
  await expect(page.locator("[data-countdown]")).toBeHidden();
  await page.clock.runFor(3000);
  await expect(stage.locator(".clock")).toBeHidden();
});
