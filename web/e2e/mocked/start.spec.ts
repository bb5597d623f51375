import { expect, test } from "../test";

test("a meeting from the list goes on the air with two targets in a new room", async ({ page, mock }) => {
  await page.goto("/admin#/start");
  await expect(page.getByText("3 meetings, 49 people")).toBeVisible();
  await page.getByText("Physics: waves and fields").click();

  await page.getByLabel("Room", { exact: true }).selectOption({ label: "Make a new room…" });
  await page.getByLabel("Title").fill("Physics: Übung!");
  await expect(page.getByLabel("Key")).toHaveValue("physics-ubung");

  await page.getByRole("button", { name: "Add a target" }).click();
  await page.getByLabel("Stream name").fill("physics");
  await page.getByRole("button", { name: "Add a target" }).click();
  await page.getByLabel("Plain address").nth(1).check();
  await page.getByLabel("Address", { exact: true }).fill("rtmp://a.example/live2");
  await page.getByLabel("Stream key").fill("secret");
  await page.getByText("More settings").click();
  await page.getByLabel("Profile").selectOption("1080p30");
  await page.getByLabel("Name of the bot").fill("Camera");

  const [request] = await Promise.all([page.waitForRequest((r) => r.url().endsWith("/broadcasts") && r.method() === "POST"), page.getByRole("button", { name: "Go on the air" }).click()]);
  expect(request.postDataJSON()).toEqual({
    source: "browser",
    server_id: mock.house.servers[0]?.id,
    meeting_id: "physics/2026 #1",
    profile: "1080p30",
    room: "physics-ubung",
    announce: true,
    bot: { name: "Camera", role: "viewer" },
    targets: [
      { origin_id: mock.house.origins[0]?.id, stream_name: "physics" },
      { url: "rtmp://a.example/live2", stream_key: "secret" },
    ],
  });
  await expect(page.getByRole("heading", { name: "Physics: waves and fields", level: 1 })).toBeVisible();
  await expect(page.getByText("/watch/physics-ubung")).toBeVisible();
});

test("what is missing is said where it is missing", async ({ page }) => {
  await page.goto("/admin#/start");
  const start = page.getByRole("button", { name: "Go on the air" });
  await start.click();
  await expect(page.getByText("Choose a meeting, or type its id.")).toBeVisible();
  await page.getByRole("button", { name: "Type a meeting id instead" }).click();
  await start.click();
  await expect(page.getByLabel("Meeting id")).toBeFocused();
  await page.getByLabel("Meeting id").fill("later & 'odd'");
  await page.getByRole("button", { name: "Add a target" }).click();
  await start.click();
  await expect(page.getByLabel("Stream name")).toBeFocused();
  await expect(page.getByText("Give a stream name.")).toBeVisible();
});

test("what the server refuses is shown at its field", async ({ page }) => {
  await page.goto("/admin#/start");
  await page.getByText("Student council").click();
  for (const url of ["rtmp://fine.example/live", "rtmp://not fine/live"]) {
    await page.getByRole("button", { name: "Add a target" }).click();
    await page.getByLabel("Plain address").last().check();
    await page.getByLabel("Address", { exact: true }).last().fill(url);
  }
  await page.getByRole("button", { name: "Go on the air" }).click();
  const [fine, wrong] = [page.getByLabel("Address", { exact: true }).first(), page.getByLabel("Address", { exact: true }).last()];
  await expect(wrong).toHaveAttribute("aria-invalid", "true");
  await expect(wrong).toHaveAccessibleDescription(/must begin with rtmp/);
  await expect(wrong).toBeFocused();
  await expect(fine).not.toHaveAttribute("aria-invalid");
});

test("meetings can be searched", async ({ page, mock }) => {
  const server = mock.house.servers[0]?.id ?? "";
  const meeting = (n: number) => ({ meeting_id: `m${n}`, name: `Seminar ${n}`, running: true, participants: n, listeners: 0, videos: 0 });
  mock.house.meetings.set(server, [1, 2, 3, 4, 5, 6, 7, 8].map(meeting));
  await page.goto("/admin#/start");
  await page.getByLabel("Search meetings").fill("nar 7");
  await expect(page.getByRole("radio", { name: /Seminar/ })).toHaveCount(1);
  await page.getByLabel("Search meetings").fill("none");
  await expect(page.getByText("No meeting matches.")).toBeVisible();
});

test.describe("an empty house", () => {
  test.use({ mockOptions: { signedIn: true, furnished: false } });

  test("leads from the first server to its meetings", async ({ page }) => {
    await page.goto("/admin");
    await page.getByRole("link", { name: "Add a server" }).click();
    await page.getByRole("button", { name: "Add a server" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("Campus");
    await dialog.getByLabel("Address").fill("bbb.example");
    await dialog.getByLabel("Shared secret").fill("s3cret");
    await dialog.getByRole("button", { name: "Save" }).click();
    await expect(dialog.getByLabel("Address")).toHaveAccessibleDescription(/must begin with http/);
    await dialog.getByLabel("Address").fill("https://wrong.example/bigbluebutton");
    await dialog.getByRole("button", { name: "Save" }).click();
    await expect(page.getByRole("alert")).toContainText("the secret is wrong");

    await page.getByRole("button", { name: "Edit Campus" }).click();
    await expect(dialog.getByLabel("Shared secret")).toHaveValue("");
    await dialog.getByLabel("Address").fill("https://bbb.example/bigbluebutton");
    const [request] = await Promise.all([page.waitForRequest((r) => r.method() === "PATCH"), dialog.getByRole("button", { name: "Save" }).click()]);
    expect(request.postDataJSON()).not.toHaveProperty("secret");
    await expect(page.getByText("It works: 0 meetings.")).toBeVisible();

    await page.getByRole("link", { name: "Meetings" }).click();
    await expect(page.getByText("No meeting is known on this server")).toBeVisible();
  });

  test("rooms and origins are made, changed and removed", async ({ page, mock }) => {
    await page.goto("/admin#/rooms");
    await page.getByRole("button", { name: "Make a room" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Make it and go on" }).click();
    await expect(dialog.getByText("Give the room a title.")).toBeVisible();
    await dialog.getByLabel("Title").fill("Aula");
    await dialog.getByRole("button", { name: "Make it and go on" }).click();
    await page.getByLabel("Description").fill("Ceremonies.");
    await page.getByRole("button", { name: "Save" }).click();
    await expect(page.getByText("Saved.")).toBeVisible();
    expect(mock.house.rooms[0]).toMatchObject({ key: "aula", title: "Aula", description: "Ceremonies." });
    await page.getByRole("link", { name: "Rooms" }).first().click();
    await expect(page.getByText("/watch/aula")).toBeVisible();
    await page.getByRole("button", { name: "Delete Aula" }).click();
    await dialog.getByRole("button", { name: "Delete", exact: true }).click();
    await expect(page.getByRole("heading", { name: "No room yet" })).toBeVisible();
    expect(mock.house.rooms).toEqual([]);

    await page.getByRole("link", { name: "Origins" }).click();
    await page.getByRole("button", { name: "Add an origin" }).click();
    await dialog.getByLabel("Name").fill("Delhi");
    await dialog.getByRole("button", { name: "Save" }).click();
    await expect(dialog.getByLabel("WHIP address")).toHaveAttribute("aria-invalid", "true");
    await dialog.getByLabel("WHIP address").fill("https://ome.example:3334");
    await dialog.getByRole("button", { name: "Save" }).click();
    await expect(page.getByText("WHIP", { exact: true })).toBeVisible();

    await page.getByRole("button", { name: "Edit Delhi" }).click();
    await dialog.getByLabel("Address of its API").fill("http://ome.example:8081");
    await dialog.getByLabel("API token").fill("user:token");
    await dialog.getByRole("button", { name: "Add an edge" }).click();
    await dialog.getByLabel("Name of the edge").fill("far");
    await dialog.getByLabel("Address of the edge’s API").fill("http://edge.example:8081");
    const [request] = await Promise.all([page.waitForRequest((r) => r.method() === "PATCH"), dialog.getByRole("button", { name: "Save" }).click()]);
    expect(request.postDataJSON()).toMatchObject({ api_token: "user:token", rtmp_url: null, edges: [{ name: "far", api_url: "http://edge.example:8081" }] });
    await expect(page.getByText("Delhi answers (v0.20.0).")).toBeVisible();
    await expect(page.getByText("far: edge.example cannot be reached.")).toBeVisible();
    await page.getByRole("button", { name: "Edit Delhi" }).click();
    await expect(dialog.getByLabel("API token")).toHaveValue("");
    await dialog.getByRole("button", { name: "Remove the edge far" }).click();
    await dialog.getByRole("button", { name: "Save" }).click();
    await expect(page.getByText("far: edge.example")).toBeHidden();
    await page.keyboard.press("Escape");
  });
});
