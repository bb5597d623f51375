import { expect, test } from "../test";

test.use({ mockOptions: { signedIn: false } });

test("leads back to where one came from", async ({ page, mock }) => {
  await page.goto("/admin#/servers");
  await expect(page).toHaveURL(/\/login\?next=/);
  await expect(page.getByLabel("User name")).toBeFocused();
  await page.keyboard.type("admin");
  await page.keyboard.press("Tab");
  await page.keyboard.type("correct horse");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Servers", level: 1 })).toBeVisible();
  await expect(page.getByText(mock.house.servers[0]?.url ?? "")).toBeVisible();
});

test("says what is wrong, and how long to wait", async ({ page }) => {
  await page.goto("/login");
  const submit = page.getByRole("button", { name: "Log in" });
  await submit.click();
  await expect(page.getByRole("alert")).toContainText("Give a user name and a password");
  for (let tries = 0; tries < 4; tries += 1) {
    await page.getByLabel("User name").fill("admin");
    await page.getByLabel("Password").fill("wrong");
    await submit.click();
    await expect(page.getByRole("alert")).toContainText(tries < 3 ? "is wrong" : "Too many tries");
    await expect(page.getByLabel("Password")).toBeFocused();
    await expect(page.getByLabel("Password")).toHaveValue("");
  }
  await expect(page.getByRole("alert")).toContainText(/wait (\d+ seconds|one second)/);
  await expect(submit).toHaveAttribute("aria-disabled", "true");
  await expect(submit).toHaveAttribute("aria-disabled", "false", { timeout: 90_000 });
});

test("says that the server is away", async ({ page }) => {
  await page.goto("/login");
  await page.route("**/api/v1/session", (route) => route.abort());
  await page.getByLabel("User name").fill("admin");
  await page.getByLabel("Password").fill("x");
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page.getByRole("alert")).toContainText("does not answer");
});

test("a session that ends leads to the login", async ({ page, context }) => {
  await page.goto("/login");
  await page.getByLabel("User name").fill("admin");
  await page.getByLabel("Password").fill("correct horse");
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page.getByRole("button", { name: "Start a test broadcast" })).toBeVisible();
  await context.clearCookies();
  await page.getByRole("button", { name: "Start a test broadcast" }).click();
  await expect(page).toHaveURL(/\/login\?next=%2Fadmin/);
});

test("the header logs out", async ({ page }) => {
  await page.goto("/login");
  await page.getByLabel("User name").fill("admin");
  await page.getByLabel("Password").fill("correct horse");
  await page.getByRole("button", { name: "Log in" }).click();
  // Its script runs before that of the page.
  await expect(page.getByRole("button", { name: "Start a test broadcast" })).toBeVisible();
  await page.getByRole("button", { name: "Log out" }).click();
  await expect(page).toHaveURL(/\/login$/);
  await page.goto("/admin");
  await expect(page).toHaveURL(/\/login\?next=/);
});
