import { expect, moving, test } from "../test";

test("the first five minutes: one press leads to the picture and the room", async ({ page, mock, media, context }) => {
  await media.bringToFront();
  await page.goto("/admin");
  await page.getByRole("button", { name: "Start a test broadcast" }).click();
  await expect(page.getByRole("heading", { name: "Test broadcast", level: 1 })).toBeVisible();
  await moving(page);
  expect(mock.house.broadcasts).toHaveLength(1);
  expect(mock.house.broadcasts[0]).toMatchObject({ source: "test", room: "test", targets: [] });
  expect(mock.house.rooms.map((room) => room.key)).toContain("test");

  const [room] = await Promise.all([context.waitForEvent("page"), page.getByRole("link", { name: "Open the room" }).click()]);
  await moving(room);
  await expect(room.getByRole("heading", { name: "Test broadcast" })).toBeVisible();

  await page.getByRole("button", { name: "Close the preview" }).click();
  await expect.poll(() => mock.media.sessions.size, { message: "the preview's session is closed on the server" }).toBe(1);
});

test("a second test gets a room of its own", async ({ page, mock }) => {
  mock.house.rooms.push({ key: "test", title: "Test broadcast", description: "" });
  mock.house.start({ source: "test", room: "test", targets: [] });
  await page.goto("/admin");
  await page.getByRole("button", { name: "Start a test broadcast" }).click();
  await expect(page.getByText("/watch/test-2")).toBeVisible();
});

test("shows what happens without a reload", async ({ page, mock }) => {
  const broadcast = mock.house.start({ source: "browser", meeting_id: "council", targets: [{ url: "rtmp://a.example/live" }] });
  await page.goto("/admin");
  const card = page.getByRole("article", { name: "Student council" });
  await expect(card.getByText("Live", { exact: true })).toBeVisible();
  await expect(card.getByRole("meter")).toHaveAttribute("aria-valuetext", /dB/);

  await expect.poll(() => mock.house.listeners.size).toBe(1);
  mock.house.change(broadcast, { phase: "interrupted" }, ["interrupted", "The page crashed."]);
  await expect(card.getByText("Interrupted")).toBeVisible();
  await expect(card.getByText("viewers see the slate")).toBeVisible();

  const target = broadcast.targets[0];
  if (!target) throw new Error("the broadcast has a target");
  mock.house.changeTarget(broadcast, target, { state: "backing_off", detail: "Refused by the server, often a wrong key." });
  await expect(card.getByText("often a wrong key")).toBeVisible();

  mock.house.change(broadcast, { phase: "live", step: "lobby" });
  await expect(card.getByText("a moderator has to let the bot in")).toBeVisible();

  await card.getByText("Figures for experts").click();
  await expect(card.getByText("Frames a second")).toBeVisible();

  mock.house.end(broadcast, "meeting_ended");
  await expect(card).toBeHidden();
  await expect(page.getByText("The meeting is over.")).toBeVisible();
  await expect(page.getByRole("heading", { name: "Nothing is on the air" })).toBeVisible();
});

test("what somebody else starts appears by itself", async ({ page, mock }) => {
  await page.goto("/admin");
  await expect(page.getByRole("heading", { name: "Nothing is on the air" })).toBeVisible();
  mock.house.start({ source: "browser", meeting_id: "council", targets: [] });
  await expect(page.getByRole("article", { name: "Student council" })).toBeVisible();
});

test("pauses, resumes, and stops when asked twice", async ({ page, mock }) => {
  const broadcast = mock.house.start({ source: "test", targets: [], room: "aula" });
  mock.house.goLive(broadcast);
  await page.goto(`/admin#/broadcasts/${broadcast.id}`);
  await page.getByRole("button", { name: "Pause", exact: true }).first().click();
  await expect(page.getByText("Viewers see the slate until you resume.")).toBeVisible();
  await page.getByRole("button", { name: "Resume" }).click();
  await expect(page.getByText("The test picture is going out.")).toBeVisible();

  await page.getByRole("button", { name: "Stop", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("goes off the air for all viewers");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  expect(broadcast.phase).toBe("live");
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await dialog.getByRole("button", { name: "Stop the broadcast" }).click();
  await expect(page.getByText("Over", { exact: true })).toBeVisible();
  await expect(page.getByText("Over: stopped.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Stop", exact: true })).toBeHidden();
});

test("targets come and go while live", async ({ page, mock }) => {
  const broadcast = mock.house.start({ source: "test", targets: [] });
  await page.goto(`/admin#/broadcasts/${broadcast.id}`);
  await page.getByRole("button", { name: "Add a target" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Plain address").check();
  await dialog.getByLabel("Address", { exact: true }).fill("rtmp://with space/");
  await dialog.getByRole("button", { name: "Add a target" }).click();
  await expect(dialog.getByLabel("Address", { exact: true })).toHaveAttribute("aria-invalid", "true");
  await expect(dialog.getByText("must begin with rtmp://")).toBeVisible();
  await dialog.getByLabel("Address", { exact: true }).fill("srt://relay.example:9000");
  await dialog.getByLabel("Passphrase").fill("long enough one");
  await dialog.getByRole("button", { name: "Add a target" }).click();
  await expect(page.getByRole("region", { name: "Targets" }).getByText("relay.example:9000", { exact: true })).toBeVisible();
  await expect(page.getByText("relay.example:9000: added by admin.")).toBeVisible();
  await page.getByRole("button", { name: "Remove relay.example:9000" }).click();
  await expect(page.getByRole("region", { name: "Targets" }).getByText("relay.example:9000", { exact: true })).toBeHidden();
  expect(broadcast.targets).toEqual([]);
});

test("says when the connection is lost, and catches up", async ({ page, mock }) => {
  await page.goto("/admin");
  await expect(page.getByRole("heading", { name: "Nothing is on the air" })).toBeVisible();
  await page.route("**/api/v1/events", (route) => route.abort());
  mock.cutStreams();
  await expect(page.getByText("connection to the server is lost")).toBeVisible();
  mock.house.start({ source: "browser", meeting_id: "council", targets: [] });
  await page.unroute("**/api/v1/events");
  await expect(page.getByText("connection to the server is lost")).toBeHidden({ timeout: 60_000 });
  await expect(page.getByRole("article", { name: "Student council" })).toBeVisible();
});

test("says what the server says when it fails, and recovers", async ({ page, mock }) => {
  mock.house.broken = [503, "database_unavailable", "The database does not answer at the moment. Try again."];
  // The stream's return would mend it as well.
  await page.route("**/api/v1/events", (route) => route.abort());
  await page.goto("/admin");
  await expect(page.getByRole("alert")).toContainText("database does not answer");
  mock.house.broken = null;
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("heading", { name: "Nothing is on the air" })).toBeVisible();
  await expect(page.getByRole("alert")).toBeHidden();
});

test("a broadcast that is gone is said to be", async ({ page }) => {
  await page.goto("/admin#/broadcasts/none");
  await expect(page.getByRole("heading", { name: "This broadcast is not there" })).toBeVisible();
});
