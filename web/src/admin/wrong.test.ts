import { expect, test } from "vitest";
import { Problem } from "../api/client";
import { at, elsewhere, wrongOf } from "./wrong";

const wrong = wrongOf(new Problem(422, "invalid_field", "No spaces.", undefined, "targets[1].url"));

test("a problem is shown at its field", () => {
  expect(at(wrong, "targets.1.url")).toBe("No spaces.");
  expect(at(wrong, "targets[1].url")).toBe("No spaces.");
  expect(at(wrong, "targets.0.url")).toBeUndefined();
  expect(elsewhere(wrong, ["name", "targets.1.url"])).toBe("");
});

test("a problem without a field of the form is shown as a whole", () => {
  expect(elsewhere(wrong, ["name"])).toBe("No spaces.");
  expect(elsewhere(wrongOf(new Problem(409, "x", "Busy.")), ["name"])).toBe("Busy.");
  expect(elsewhere(null, ["name"])).toBe("");
});
