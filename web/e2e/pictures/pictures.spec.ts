import { expect, furnishPlan, test } from "../test";

const screens = [
  ["wall", "/admin"],
  ["start", "/admin#/start?preset=PRESET"],
  ["meetings", "/admin#/meetings"],
  ["presets", "/admin#/presets"],
  ["rooms", "/admin#/rooms"],
  ["room-form", "/admin#/rooms/lecture/form"],
  ["origins", "/admin#/origins"],
  ["nodes", "/admin#/nodes"],
  ["users", "/admin#/people/users"],
  ["log", "/admin#/people/activity"],
  ["registration", "/watch/lecture/register"],
  ["moderation", "/moderate/aula"],
] as const;

test("the main screens", async ({ page, mock }) => {
  const names = ["council", "evening", "physics/2026 #1", "council", "evening", "physics/2026 #1", "council"];
  const broadcasts = names.map((meeting_id, number) =>
    mock.house.start({ source: "browser", meeting_id, ...(number === 0 ? { room: "aula" } : {}), targets: [{ url: "rtmp://a.example/live" }] }),
  );
  for (const broadcast of broadcasts) mock.house.goLive(broadcast);
  const target = broadcasts[2]?.targets[0];
  if (broadcasts[2] && target) mock.house.changeTarget(broadcasts[2], target, { state: "backing_off", detail: "Refused by the server, often a wrong key." });
  furnishPlan(mock.house);
  const talk = mock.house.talk("aula");
  talk.setRules({ mode: "approve" });
  talk.say("Ravi", "Good morning from Chennai! Sound and picture are fine here.");
  talk.say("Mia", "Are the slides shared afterwards?");
  talk.say("Anjali", "Could you show the second figure again?");
  talk.say("Tom", "Will this be asked in the exam?", { state: "held" });
  talk.say("Lena", "See https://example.org/notes for last week's notes", { state: "held" });
  for (const [name, path] of screens) {
    // A change behind the `#` alone would not load the page anew.
    await page.goto("about:blank");
    await page.goto(path.replace("PRESET", mock.house.presets[0]?.id ?? ""));
    await expect(page.getByRole("heading", { level: 1 }).first()).toBeVisible();
    if (name === "moderation") await expect(page.getByRole("list", { name: "Waiting" }).getByRole("listitem")).toHaveCount(2);
    await page.evaluate(() => Promise.all([...document.images].map((image) => image.decode().catch(() => undefined))));
    await page.screenshot({ path: `../docs/images/${name}.png`, animations: "disabled" });
  }
});
