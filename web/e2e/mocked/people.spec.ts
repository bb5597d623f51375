import { expect, findings, test } from "../test";

test("a user comes with groups, roles and rooms, and gets a link for a password", async ({ page }) => {
  await page.goto("/admin#/people/users");
  await page.getByRole("button", { name: "Add a user" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog.getByText("Give a user name.")).toBeVisible();
  await dialog.getByLabel("User name").fill("grace");
  await dialog.getByLabel("Password").fill("short");
  await dialog.getByRole("checkbox", { name: "Physics", exact: true }).check();
  await dialog.getByRole("checkbox", { name: "Operator", exact: true }).check();
  await dialog.getByLabel("Read the activity log").check();
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog.getByText("at least 8 characters", { exact: false }).first()).toBeVisible();
  await expect(dialog.getByLabel("Password")).toHaveAttribute("aria-invalid", "true");
  expect(await findings(page)).toEqual([]);
  await dialog.getByLabel("Password").fill("zebra stapler 42");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog).toBeHidden();
  const card = page.getByRole("listitem").filter({ has: page.getByRole("heading", { name: "grace" }) });
  await expect(card.getByText("Physics")).toBeVisible();
  await card.getByRole("button", { name: "Link for a new password" }).click();
  await expect(page.getByRole("dialog").getByText("#reset=")).toBeVisible();
  await expect(page.getByRole("dialog")).toContainText("works once");
  await page.keyboard.press("Escape");
  await card.getByRole("button", { name: "Sign out everywhere" }).click();
  await expect(card.getByText("Signed out everywhere.")).toBeVisible();
});

test("groups and roles are made, renamed and given things", async ({ page, mock }) => {
  await page.goto("/admin#/people/groups");
  await expect(page.getByText("1 user · 2 servers · 1 room")).toBeVisible();
  await page.getByRole("button", { name: "Add a group" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("physics");
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("dialog").getByText("taken already")).toBeVisible();
  await page.getByRole("dialog").getByLabel("Name").fill("Chemistry");
  const server = mock.house.servers[0];
  await page.getByRole("dialog").getByRole("checkbox", { name: server?.name ?? "", exact: true }).check();
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("heading", { name: "Chemistry" })).toBeVisible();
  expect(server).toMatchObject({ groups: ["groups2"] });
  await page.getByRole("link", { name: "Roles" }).click();
  await page.getByRole("button", { name: "Edit Operator" }).click();
  await page.getByRole("dialog").getByLabel("Moderate comments").check();
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("See broadcasts · Start and stop broadcasts · List meetings and join · Moderate comments")).toBeVisible();
});

test("the log shows what was before and after, and is searched", async ({ page }) => {
  await page.goto("/admin#/people/activity");
  await expect(page.getByText("https://old.example/ → https://new.example/")).toBeVisible();
  await page.getByLabel("Who").fill("hannah");
  await page.getByLabel("From").fill("2026-11-22");
  const asked = page.waitForRequest((request) => request.url().includes("/activity?who=hannah&from="));
  await page.getByRole("button", { name: "Search" }).click();
  await asked;
  await expect(page.getByRole("link", { name: "Download as a table" })).toHaveAttribute("href", /activity\.csv\?who=hannah&from=2026-11-/);
});

test("one's own password is changed with the old one", async ({ page }) => {
  await page.goto("/admin#/people");
  const form = page.locator("form").filter({ has: page.getByRole("heading", { name: "Password" }) });
  await form.getByLabel("Your password now").fill("wrong");
  await form.getByLabel("New password", { exact: true }).fill("zebra stapler 42");
  await form.getByLabel("New password again").fill("zebra stapler 43");
  await form.getByRole("button", { name: "Change the password" }).click();
  await expect(form.getByText("The two are not the same.")).toBeVisible();
  await form.getByLabel("New password again").fill("zebra stapler 42");
  await form.getByRole("button", { name: "Change the password" }).click();
  await expect(form.getByText("That is not your password.")).toBeVisible();
  await form.getByLabel("Your password now").fill("correct horse battery");
  await form.getByRole("button", { name: "Change the password" }).click();
  await expect(page.getByText("Your password is changed.")).toBeVisible();
});

test("a second factor is set up, and turned off", async ({ page }) => {
  await page.goto("/admin#/people");
  const section = page.locator("section").filter({ has: page.getByRole("heading", { name: "Second factor" }) });
  await section.getByLabel("Your password now").fill("correct horse battery");
  await section.getByRole("button", { name: "Set it up" }).click();
  await expect(section.getByRole("img", { name: "QR code" })).toBeVisible();
  await expect(section.getByText("JBSW Y3DP")).toBeVisible();
  expect(await findings(page)).toEqual([]);
  await section.getByLabel("Code of your device").fill("000000");
  await section.getByRole("button", { name: "Confirm" }).click();
  await expect(section.getByText("The code is wrong")).toBeVisible();
  await section.getByLabel("Code of your device").fill("123456");
  await section.getByRole("button", { name: "Confirm" }).click();
  await expect(section.getByRole("listitem")).toHaveCount(10);
  await section.getByRole("button", { name: "I have kept them" }).click();
  await expect(section.getByText("10 recovery codes are left.")).toBeVisible();
  await section.getByLabel("Your password now").fill("correct horse battery");
  await section.getByRole("button", { name: "Turn it off" }).click();
  await expect(section.getByRole("button", { name: "Set it up" })).toBeVisible();
});

test.describe("at the door", () => {
  test.use({ mockOptions: { signedIn: false } });

  test("a code is asked for after the password", async ({ page, mock }) => {
    mock.house.code = "123456";
    await page.goto("/login");
    await page.getByLabel("User name").fill("admin");
    await page.getByLabel("Password").fill("correct horse");
    await page.getByRole("button", { name: "Log in", exact: true }).click();
    await expect(page.getByLabel("Code of your device")).toBeFocused();
    await page.keyboard.type("654321");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("alert")).toContainText("The code is wrong");
    expect(await findings(page)).toEqual([]);
    await page.getByLabel("Code of your device").fill("123456");
    await page.keyboard.press("Enter");
    await expect(page).toHaveURL(/\/admin/);
  });

  test("a link sets a new password and leaves the address", async ({ page }) => {
    await page.goto("/login?new#reset=good-token");
    await expect(page.getByRole("heading", { name: "Choose a new password" })).toBeVisible();
    await expect(page).toHaveURL(/\/login$/);
    await page.getByLabel("New password", { exact: true }).fill("zebra stapler 42");
    await page.getByLabel("New password again").fill("zebra stapler 42");
    expect(await findings(page)).toEqual([]);
    await page.getByRole("button", { name: "Set the password" }).click();
    await expect(page.getByText("Your new password is set.")).toBeVisible();
  });

  test("a link is sent, and a login elsewhere that failed says why", async ({ page }) => {
    await page.goto("/login?fault=oidc_no_access");
    await expect(page.getByRole("alert")).toContainText("have no access here");
    await expect(page.getByRole("link", { name: "Log in with Campus login" })).toHaveAttribute("href", "/login/oidc?next=%2Fadmin");
    await page.getByRole("button", { name: "Forgotten your password?" }).click();
    await page.getByLabel("User name").fill("admin");
    await page.getByRole("button", { name: "Send the link" }).click();
    await expect(page.getByText("a letter is on its way")).toBeVisible();
  });
});
