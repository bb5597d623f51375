import { expect, test } from "vitest";
import { safeNext } from "./next";

const home = "https://cast.example";

test.each([
  ["/admin", "/admin"],
  ["/admin#/broadcasts/1", "/admin#/broadcasts/1"],
  ["/watch/a%20b?lang=hi", "/watch/a%20b?lang=hi"],
])("goes to %s", (next, path) => expect(safeNext(next, home)).toBe(path));

test.each(["", "//evil.example", "/\\evil.example", "/\t/evil.example", "https://evil.example/", "javascript:alert(1)", "admin", "http://[", "\\\\evil.example"])(
  "stays at home for %j",
  (next) => expect(safeNext(next, home)).toBe("/admin"),
);
