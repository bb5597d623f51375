import { expect, test } from "vitest";
import { dayName, ownZone, scheduleDraft, toPlan, zones } from "./schedule";

const draft = scheduleDraft(null, "p", "Asia/Kolkata");

test("a plan has what its kind of repeat needs and no more", () => {
  const all = { ...draft, stop: "11:30", days: ["thu", "mon"] as ("thu" | "mon")[], dates: "2026-12-01, 2026-12-08\n", from: "2026-11-01", until: "" };
  expect(toPlan(all)).toEqual({ zone: "Asia/Kolkata", start: "10:00", stop: "11:30", days: ["mon", "thu"], from: "2026-11-01" });
  expect(toPlan({ ...all, repeat: "daily", stop: "" })).toEqual({ zone: "Asia/Kolkata", start: "10:00", from: "2026-11-01" });
  expect(toPlan({ ...all, repeat: "dates" })).toEqual({ zone: "Asia/Kolkata", start: "10:00", stop: "11:30", dates: ["2026-12-01", "2026-12-08"] });
});

test.each([
  { zone: "UTC", start: "09:00", days: ["fri"] },
  { zone: "UTC", start: "09:00", stop: "10:00" },
  { zone: "UTC", start: "09:00", dates: ["2026-12-01"] },
] as const)("%j comes back from the form as it was", (plan) => {
  const schedule = { id: "s", name: "Weekly", preset_id: "p", preset_name: "P", plan: structuredClone(plan) as never, enabled: true, next: [], created_by: "admin", created_at: "2026-11-22T10:00:00Z", changed_at: "2026-11-22T10:00:00Z" };
  expect(toPlan(scheduleDraft(schedule, "", "Europe/Berlin"))).toEqual(plan);
});

test("days have names, and zones begin with one's own", () => {
  expect(dayName("mon", "en")).toBe("Mon");
  expect(dayName("sun", "de")).toMatch(/^So/);
  expect(zones("Asia/Kolkata")).toEqual(expect.arrayContaining(["Asia/Kolkata", "UTC", ownZone()]));
  expect(zones("Asia/Kolkata")[0]).toBe("Asia/Kolkata");
});
