import { describe, expect, test } from "vitest";
import type { Room } from "../../api/types";
import { changeOf, draftOf, embedCode, localOf, momentOf, partOf } from "./draft";
import { idFor, moved, preset, withoutEmpty } from "./form";

const room: Room = {
  id: "r",
  key: "hall",
  title: "Hall",
  description: "",
  visibility: "public",
  has_password: false,
  groups: [],
  accent: "blue",
  promoted: false,
  indexed: true,
  playback: {},
  sites: ["*"],
  links: [],
  form: null,
  created_at: "2026-11-22T10:00:00Z",
  changed_at: "2026-11-22T10:00:00Z",
};

describe("a room's draft", () => {
  test("nothing changed is nothing to send", () => {
    expect(changeOf(draftOf(room), draftOf(room))).toEqual({});
  });

  test("only what changed is sent, and what was emptied goes", () => {
    const before = draftOf({ ...room, language: "hi", logo_link: "https://a.example", matomo_site: 7 });
    const draft = { ...before, title: " Great hall ", language: "", matomoSite: "", anywhere: false, sites: "https://a.example\n https://b.example" };
    expect(changeOf(draft, before)).toEqual({ title: "Great hall", language: null, matomo_site: null, sites: ["https://a.example", "https://b.example"] });
  });

  test("a password is sent where the room asks for one", () => {
    const before = draftOf(room);
    expect(changeOf({ ...before, password: "open sesame" }, before)).toEqual({});
    expect(changeOf({ ...before, visibility: "password", password: "open sesame" }, before)).toEqual({ visibility: "password", password: "open sesame" });
  });

  test("a room that becomes unlisted leaves the front page", () => {
    const before = draftOf({ ...room, promoted: true });
    expect(changeOf({ ...before, visibility: "unlisted" }, before)).toEqual({ visibility: "unlisted", promoted: false });
  });

  test("a number that is none is left to the server to refuse", () => {
    const before = draftOf(room);
    expect(changeOf({ ...before, matomoSite: "seven" }, before)).toEqual({ matomo_site: 0 });
  });

  test("a form without fields is none", () => {
    const before = draftOf({ ...room, form: { fields: [{ id: "name", type: "name", label: "Name", required: true }], consent: "" } });
    expect(changeOf({ ...before, fields: [] }, before)).toEqual({ form: null });
  });

  test("times go to the server and come back", () => {
    expect(localOf(momentOf("2031-01-02T10:30"))).toBe("2031-01-02T10:30");
    expect(localOf(null)).toBe("");
    expect(localOf("rubbish")).toBe("");
  });

  test("every refusal leads to a part of the editor", () => {
    const fields = ["title", "links[1].url", "playback.webrtc", "form.fields[2].choices", "sites[0]", "password", "starts_at"];
    expect(fields.map(partOf)).toEqual(["texts", "look", "access", "form", "share", "access", "texts"]);
    expect(partOf(undefined)).toBeUndefined();
  });

  test("a title cannot break out of the code that embeds it", () => {
    expect(embedCode("https://a.example/embed/x", '"><script>')).toContain('title="&quot;>&lt;script>"');
  });
});

describe("a form", () => {
  test("fields move as far as the list goes", () => {
    expect(moved(["a", "b", "c"], 0, 1)).toEqual(["b", "a", "c"]);
    expect(moved(["a", "b", "c"], 0, -1)).toEqual(["a", "b", "c"]);
    expect(moved(["a", "b", "c"], 2, -9)).toEqual(["c", "a", "b"]);
    expect(moved(["a"], 5, 1)).toEqual(["a"]);
  });

  test("an id is given once", () => {
    expect(idFor("text", [])).toBe("text");
    expect(idFor("long_text", ["text", "text_2"])).toBe("text_3");
  });

  test("choices are lines", () => {
    const field = { serial: 1, id: "c", type: "choice" as const, label: " C ", required: false, help: " ", choices: "a\n\n b \n" };
    expect(withoutEmpty(field)).toEqual({ id: "c", type: "choice", label: "C", required: false, choices: ["a", "b"] });
    expect(withoutEmpty({ ...field, type: "text" })).not.toHaveProperty("choices");
  });

  test("both presets ask for one name first", () => {
    for (const name of ["contact", "faculty"] as const) {
      const fields = preset(name, (id) => id, () => 0);
      expect(fields[0]).toMatchObject({ type: "name", required: true });
      expect(fields.filter((field) => field.type === "name")).toHaveLength(1);
    }
    expect(preset("faculty", (id) => id, () => 0).map((field) => field.id)).toEqual(["name", "mobile", "email", "unique_id", "department", "institute", "state", "country"]);
  });
});
