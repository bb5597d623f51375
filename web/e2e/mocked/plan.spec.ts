import { gzipSync } from "node:zlib";
import { expect, furnishPlan, test } from "../test";

test("a Start is checked before the button is pressed, and named again when it fails", async ({ page, mock }) => {
  await page.goto("/admin#/start");
  await page.getByText("Physics: waves and fields").click();
  const panel = page.getByRole("region", { name: "Before you go on the air" });
  await expect(panel.getByText("42 people are in it")).toBeVisible();
  await expect(panel.getByText("Everything is ready.")).toBeVisible();

  await page.getByRole("button", { name: "Add a target" }).click();
  await page.getByLabel("Plain address").check();
  await page.getByLabel("Service").selectOption("YouTube");
  await expect(page.getByLabel("Address", { exact: true })).toHaveValue("rtmps://a.rtmps.youtube.com:443/live2");
  await expect(page.getByLabel("Service")).toHaveAccessibleDescription(/YouTube Studio/);
  await page.getByLabel("Address", { exact: true }).fill("rtmp://down.example/live");
  await page.getByLabel("Stream key").fill("k");
  await page.getByLabel("Stream key").blur();
  await expect(panel.getByText("1 problem")).toBeVisible();
  await expect(panel.getByText("nothing listens at that address")).toBeVisible();

  await page.getByText("More settings").click();
  await page.getByLabel("Role of the bot").selectOption("Moderator");
  await expect(page.getByText("hides from viewers, cameras and names included")).toBeVisible();
  await page.getByLabel("… on the air").fill("90");
  mock.house.rooms.push({ key: "busy", title: "Busy", description: "" });
  mock.house.start({ source: "test", room: "aula", targets: [] });
  const [request] = await Promise.all([page.waitForRequest((r) => r.url().endsWith("/broadcasts") && r.method() === "POST"), page.getByRole("button", { name: "Go on the air" }).click()]);
  expect(request.postDataJSON()).toMatchObject({ bot: { role: "moderator" }, rules: { longest_minutes: 90 } });
});

test("a Start is saved, and goes on the air again with one press", async ({ page, mock }) => {
  await page.goto("/admin#/presets");
  await page.getByRole("link", { name: "Make a preset" }).click();
  await page.getByText("Student council").click();
  await page.getByRole("button", { name: "Add a target" }).click();
  await page.getByLabel("Plain address").check();
  await page.getByLabel("Address", { exact: true }).fill("rtmp://a.example/live");
  await page.getByLabel("Stream key").fill("hidden");
  await page.getByRole("button", { name: "Save as a preset" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog.getByText("Give the preset a name.")).toBeVisible();
  await dialog.getByLabel("Name").fill("Council");
  await dialog.getByLabel("Start by itself whenever this meeting runs").check();
  const [request] = await Promise.all([page.waitForRequest((r) => r.url().endsWith("/presets") && r.method() === "POST"), dialog.getByRole("button", { name: "Save" }).click()]);
  expect(request.postDataJSON()).toMatchObject({ name: "Council", auto_start: true, start: { meeting_id: "council", targets: [{ url: "rtmp://a.example/live", stream_key: "hidden" }] } });

  const card = page.getByRole("listitem").filter({ hasText: "Council" }).first();
  await expect(card.getByText("starts by itself")).toBeVisible();
  await card.getByRole("button", { name: "Start" }).click();
  await expect(page.getByRole("heading", { name: "Student council", level: 1 })).toBeVisible();
  expect(mock.house.broadcasts[0]?.targets).toHaveLength(1);
});

test("a preset fills the form and keeps its targets, secrets and all", async ({ page, mock }) => {
  furnishPlan(mock.house);
  await page.goto("/admin#/presets");
  await page.getByRole("link", { name: "Edit Physics, every Monday" }).click();
  await expect(page.getByLabel("Begin with a preset")).toHaveValue("p-lecture");
  await expect(page.getByRole("radio", { name: /Physics: waves/ })).toBeChecked();
  await page.getByRole("button", { name: "Remove rtmps://a.rtmps.youtube.com:443/live2" }).click();
  await page.getByRole("button", { name: "Save to the preset" }).click();
  const dialog = page.getByRole("dialog");
  const [request] = await Promise.all([page.waitForRequest((r) => r.method() === "PATCH"), dialog.getByRole("button", { name: "Save" }).click()]);
  expect(request.postDataJSON()).toMatchObject({ keep_targets: ["pt1"], start: { targets: [], room: "physics" } });
  await expect(page.getByText("1 target: Origin Delhi / physics")).toBeVisible();

  // What schedules need is not removed, and why is said.
  await page.getByRole("button", { name: "Delete Physics, every Monday" }).click();
  await dialog.getByRole("button", { name: "Delete", exact: true }).click();
  await expect(dialog.getByText("Schedules start this preset: Mondays.")).toBeVisible();
});

test("a schedule is made, says when it comes, and is changed", async ({ page, mock }) => {
  furnishPlan(mock.house);
  await page.goto("/admin#/presets");
  await expect(page.getByText("Nothing of ours was running at the time.")).toBeVisible();
  await page.getByRole("button", { name: "Make a schedule" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("Thursdays");
  await dialog.getByLabel("Preset").selectOption("Student council");
  await dialog.getByLabel("Starts at").fill("14:15");
  await dialog.getByLabel("Stops at").fill("16:00");
  await dialog.getByLabel("Time zone").selectOption("UTC");
  await dialog.getByLabel("Mon").uncheck();
  await expect(dialog.getByText("Give 1 to 7 days of the week.")).toBeVisible();
  await dialog.getByLabel("Thu").check();
  await expect(dialog.getByText("Then it starts:")).toBeVisible();
  const [request] = await Promise.all([page.waitForRequest((r) => r.url().endsWith("/schedules") && r.method() === "POST"), dialog.getByRole("button", { name: "Save" }).click()]);
  expect(request.postDataJSON()).toEqual({ name: "Thursdays", preset_id: "p-council", enabled: true, plan: { zone: "UTC", start: "14:15", stop: "16:00", days: ["thu"] } });
  await expect(page.getByText("Thu · 14:15–16:00 · UTC")).toBeVisible();
  await page.getByRole("button", { name: "Edit Thursdays" }).click();
  await dialog.getByLabel("Repeats").selectOption("On dates");
  await dialog.getByLabel("On dates", { exact: true }).fill("2026-12-01\n2026-12-08");
  await dialog.getByLabel("Switched on").uncheck();
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Switched off")).toBeVisible();
  expect(mock.house.schedules[1]?.plan).toEqual({ zone: "UTC", start: "14:15", stop: "16:00", dates: ["2026-12-01", "2026-12-08"] });
});

test("meetings of all servers, with one that is down not holding up the other", async ({ page, mock, context }) => {
  mock.house.servers.push({ id: "s-wrong", name: "Broken", url: "https://wrong.example" });
  const campus = mock.house.servers[0]?.id ?? "";
  mock.house.meetings.get(campus)?.push({ meeting_id: "b1", name: "Group 1", running: true, participants: 3, listeners: 0, videos: 1, breakout: true });
  await page.goto("/admin#/meetings");
  const [good, bad] = [page.getByRole("region", { name: "Campus" }), page.getByRole("region", { name: "Broken" })];
  await expect(good.getByText("4 meetings · 3 running · 52 people · 9 cameras")).toBeVisible();
  await expect(bad.getByRole("alert")).toContainText("the secret is wrong");
  await expect(good.getByText("Breakout room")).toBeVisible();
  await page.getByLabel("Search meetings").fill("council");
  await expect(good.getByRole("listitem")).toHaveCount(1);
  await good.getByRole("button", { name: "Join Student council" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Your name in the meeting").fill("Ada & Co");
  const [tab] = await Promise.all([context.waitForEvent("page"), dialog.getByRole("button", { name: "Join" }).click()]);
  await expect(tab).toHaveURL(/joined\?name=Ada%20%26%20Co/);
  await good.getByRole("link", { name: "Broadcast Student council" }).click();
  await expect(page.getByRole("radio", { name: /Student council/ })).toBeChecked();
});

test("the desk shows graphs, tries a target again, pauses with a note, and gives out the flight recorder", async ({ page, mock }) => {
  const broadcast = mock.house.start({ source: "test", targets: [{ url: "rtmp://a.example/live" }] });
  mock.house.goLive(broadcast);
  const target = broadcast.targets[0];
  if (!target) throw new Error("the broadcast has a target");
  mock.house.changeTarget(broadcast, target, { state: "backing_off", detail: "Refused." });
  await page.goto(`/admin#/broadcasts/${broadcast.id}`);
  const graphs = page.getByRole("region", { name: "The last ten minutes" });
  await expect(graphs.locator("canvas")).toHaveCount(4);
  await expect(graphs.getByRole("img", { name: /Bit rate: video .* kbit\/s, a.example/ })).toBeVisible();
  const [retry] = await Promise.all([page.waitForRequest((r) => r.url().endsWith("/retry")), page.getByRole("button", { name: "Try now: a.example" }).click()]);
  expect(retry.method()).toBe("POST");

  await page.getByRole("button", { name: "Pause with a note" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Note").fill("Exam questions");
  await dialog.getByRole("button", { name: "Pause", exact: true }).click();
  await expect(page.getByText("Paused by admin: Exam questions")).toBeVisible();

  await page.getByRole("button", { name: "Show the pipelines" }).click();
  await expect(page.getByAltText("The running pipelines")).toBeVisible();
  await expect(page.getByRole("link", { name: "Flight recorder" })).toHaveAttribute("href", `/api/v1/broadcasts/${broadcast.id}/flight.zip`);
  await page.locator('input[type="file"]').setInputFiles({ name: "slate.png", mimeType: "image/png", buffer: Buffer.from("png") });
  await expect(page.getByText("The image is set.")).toBeVisible();
});

test("the control room is small, and the chart library is loaded on the desk and nowhere else", async ({ page, mock }) => {
  const scripts: string[] = [];
  const sizes = new Map<string, Promise<number>>();
  page.on("request", (request) => request.resourceType() === "script" && scripts.push(request.url()));
  page.on("response", (response) => {
    if (response.request().resourceType() === "script") sizes.set(response.url(), response.body().then((body) => gzipSync(body).length));
  });
  const broadcast = mock.house.start({ source: "test", targets: [] });
  mock.house.goLive(broadcast);
  for (const path of ["/admin", "/admin#/start", "/admin#/presets", "/admin#/meetings"]) {
    await page.goto(path);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  }
  expect(scripts.filter((url) => url.includes("Chart"))).toEqual([]);
  await page.goto(`/admin#/broadcasts/${broadcast.id}`);
  await expect.poll(() => scripts.filter((url) => url.includes("Chart")).length).toBe(1);
  // Asked for is not there yet.
  await expect.poll(() => scripts.every((url) => sizes.has(url))).toBe(true);
  page.removeAllListeners("response");
  const all = (await Promise.all(sizes.values())).reduce((sum, size) => sum + size, 0);
  expect(all, "bytes of script, compressed, the desk and its charts included").toBeLessThan(150_000);
});
