import { expect, test } from "vitest";
import { emptyForm, formOf, NEW_ROOM, toStart } from "./start";

const empty = emptyForm(["480p30", "720p30"]);

test("only what was filled in is sent", () => {
  expect(toStart({ ...empty, source: "test" }, "")).toEqual({ source: "test", profile: "720p30", targets: [] });
  const form = { ...empty, server: "s", meeting: " m ", layout: "SMART_LAYOUT", rules: { empty_minutes: "", longest_minutes: " 90 ", dead_minutes: "soon" } };
  expect(toStart(form, NEW_ROOM)).toEqual({
    source: "browser",
    profile: "720p30",
    targets: [],
    server_id: "s",
    meeting_id: "m",
    announce: true,
    bot: { role: "viewer" },
    layout: "SMART_LAYOUT",
    rules: { longest_minutes: 90 },
  });
});

test("a preset fills the form, and the form gives the same Start again", () => {
  const start = { source: "browser" as const, profile: "480p30", server_id: "s", meeting_id: "m", room: "aula", announce: false, bot: { name: "Camera", role: "moderator" as const }, rules: { dead_minutes: 5 } };
  const targets = [{ id: "t", label: "rtmp://a/live", protocol: "rtmp" }];
  const form = formOf({ id: "p", name: "Weekly", start, targets, auto_start: false, has_slate: false, created_by: "admin", created_at: "2026-11-22T10:00:00Z", changed_at: "2026-11-22T10:00:00Z" }, empty);
  expect(form.kept).toEqual(targets);
  expect(toStart(form, form.room)).toEqual({ ...start, targets: [] });
});
