/** Presets, schedules, checks and the numbers of a broadcast, as the mock answers them. */
import { newId, Refusal } from "./house.mjs";

const list = (items) => [200, { items, next: null }];
const one = (items, id, what) => {
  const found = items.find((item) => item.id === id);
  if (!found) throw new Refusal(404, "not_found", `There is no such ${what}.`);
  return found;
};

const services = [
  { id: "youtube", name: "YouTube", url: "rtmps://a.rtmps.youtube.com:443/live2", key: "stream_key" },
  { id: "owncast", name: "Owncast", url: "rtmp://{host}:1935/live", key: "stream_key" },
  { id: "whip", name: "WHIP", url: "https://{host}/whip", key: "bearer" },
];

/** What a check finds: everything good, but for hosts that are called “down”. */
function check(house, start, kept = []) {
  const findings = [{ severity: "ok", code: "capacity", message: "It fits on this machine.", field: "profile" }];
  if (start.source === "browser") {
    const meeting = [...house.meetings.values()].flat().find((other) => other.meeting_id === start.meeting_id);
    findings.push({ severity: "ok", code: "server", message: "bbb.campus.example answers and takes the secret (BBB 3.0 or later).", field: "server_id" });
    if (meeting?.running) findings.push({ severity: "ok", code: "meeting_running", message: `“${meeting.name}” is running; ${meeting.participants} people are in it.`, field: "meeting_id" });
    else findings.push({ severity: "info", code: "meeting_not_running", message: "The meeting is not running yet: the broadcast waits until somebody is in it.", field: "meeting_id" });
  }
  const urls = [...kept.map((target) => target.label), ...(start.targets ?? []).map((target) => target.url ?? `Origin Delhi / ${target.stream_name}`)];
  urls.forEach((url, index) => {
    const field = `targets[${index}]`;
    if (url.includes("down")) findings.unshift({ severity: "error", code: "refused", message: `${url} refused the connection: nothing listens at that address and port.`, field });
    else findings.push({ severity: "ok", code: "target_accepts", message: `${url} answers and takes the application.`, field });
  });
  return [200, { ok: findings.every((finding) => finding.severity !== "error"), findings }];
}

const presetOf = (house, body, old) => {
  if (!body.name?.trim()) throw new Refusal(422, "invalid_field", "`name` must be one line of 1 to 100 characters.", { field: "name" });
  const { targets = [], ...start } = body.start;
  const kept = (old?.targets ?? []).filter((target) => body.keep_targets?.includes(target.id));
  const added = targets.map((target) => house.target(target, "start.targets")).map(({ id, label, protocol }) => ({ id, label, protocol }));
  return { id: old?.id ?? newId(), name: body.name, start, targets: [...kept, ...added], auto_start: body.auto_start ?? false, has_slate: false };
};

const next = () => [1, 8, 15].map((days) => ({ starts_at: new Date(Date.UTC(2026, 10, 22 + days, 4, 30)).toISOString(), stops_at: new Date(Date.UTC(2026, 10, 22 + days, 6)).toISOString() }));
const scheduleOf = (house, body, old) => {
  const preset = one(house.presets, body.preset_id ?? old?.preset_id, "preset");
  return { id: newId(), enabled: true, ...old, ...body, preset_name: preset.name, next: next() };
};

function samples(broadcast, since) {
  const now = Math.floor(Date.now() / 1000);
  const first = Math.max(now - 599, since ? Math.floor(since / 1000) + 1 : 0);
  const seconds = Array.from({ length: Math.max(0, now - first + 1) }, (_, index) => first + index);
  const wave = (base, size, slow) => seconds.map((at) => Math.round((base + size * Math.sin(at / slow)) * 10) / 10);
  const targets = broadcast.targets.map(({ id, label }, index) => ({ id, label, kbps: wave(2500 + 200 * index, 300, 11 + index) }));
  return [200, { at_ms: seconds.map((at) => at * 1000), fps: wave(29, 1, 5), distinct_fps: wave(20, 8, 23), video_kbps: wave(2400, 300, 11), audio_level_db: wave(-25, 10, 7), cpu_cores: wave(0.9, 0.1, 31), viewers: seconds.map(() => 12), targets }];
}

export const planRoutes = [
  ["GET", "/services", () => list(services)],
  ["POST", "/broadcasts/check", (h, body) => check(h, body)],
  ["GET", "/presets", (h) => list(h.presets)],
  ["POST", "/presets", (h, body) => [201, (h.presets.push(presetOf(h, body, null)), h.presets.at(-1))]],
  ["PATCH", "/presets/:id", (h, body, [id]) => [200, Object.assign(one(h.presets, id, "preset"), presetOf(h, body, one(h.presets, id, "preset")))]],
  [
    "DELETE",
    "/presets/:id",
    (h, _, [id]) => {
      const names = h.schedules.filter((schedule) => schedule.preset_id === id).map((schedule) => schedule.name);
      if (names.length > 0) throw new Refusal(409, "in_use", `Schedules start this preset: ${names.join(", ")}. Remove them or give them another one first.`);
      h.presets.splice(h.presets.indexOf(one(h.presets, id, "preset")), 1);
      return [204];
    },
  ],
  [
    "POST",
    "/presets/:id/start",
    (h, body, [id]) => {
      const preset = one(h.presets, id, "preset");
      const broadcast = h.start({ targets: [], ...(body.start ?? preset.start) });
      const kept = body.start ? preset.targets.filter((target) => body.keep_targets?.includes(target.id)) : preset.targets;
      broadcast.targets.unshift(...kept.map((target) => ({ ...target, id: newId(), state: "connecting", detail: null, bytes: 0, kbps: 0, rtt_ms: null, reconnects: 0 })));
      preset.broadcast_id = broadcast.id;
      return [201, broadcast];
    },
  ],
  ["POST", "/presets/:id/check", (h, body, [id]) => check(h, body.start ?? one(h.presets, id, "preset").start, one(h.presets, id, "preset").targets)],
  ["GET", "/schedules", (h) => list(h.schedules)],
  ["POST", "/schedules", (h, body) => [201, (h.schedules.push(scheduleOf(h, body, null)), h.schedules.at(-1))]],
  [
    "POST",
    "/schedules/check",
    (_, body) => {
      if (body.days && body.days.length === 0) throw new Refusal(422, "invalid_field", "Give 1 to 7 days of the week.", { field: "days" });
      return list(next());
    },
  ],
  ["PATCH", "/schedules/:id", (h, body, [id]) => [200, Object.assign(one(h.schedules, id, "schedule"), scheduleOf(h, body, one(h.schedules, id, "schedule")))]],
  ["DELETE", "/schedules/:id", (h, _, [id]) => (h.schedules.splice(h.schedules.indexOf(one(h.schedules, id, "schedule")), 1), [204])],
  ["GET", "/broadcasts/:id/samples", (h, _, [id], query) => samples(h.find(id), Number(query.get("since")))],
  [
    "POST",
    "/broadcasts/:id/targets/:tid/retry",
    (h, _, [id, tid]) => {
      const broadcast = h.find(id);
      h.changeTarget(broadcast, one(broadcast.targets, tid, "target"), { state: "connecting", detail: null });
      return [202];
    },
  ],
  ["PUT", "/presets/:id/slate", (h, _, [id]) => (one(h.presets, id, "preset"), [204])],
  ["DELETE", "/presets/:id/slate", (h, _, [id]) => (one(h.presets, id, "preset"), [204])],
  ["PUT", "/broadcasts/:id/slate", (h, _, [id]) => (h.find(id), [204])],
  ["DELETE", "/broadcasts/:id/slate", (h, _, [id]) => (h.find(id), [204])],
  ["POST", "/servers/test", (_, body) => tried(body)],
  ["POST", "/servers/:id/test", (h, _, [id]) => tried(one(h.servers, id, "server"), h.meetings.get(id)?.length)],
  ["POST", "/servers/:id/meetings/:meeting/join", (_, body) => [200, { url: `/mock/joined?name=${encodeURIComponent(body.name)}` }]],
];

function tried({ url = "" }, meetings = 0) {
  if (url.includes("wrong")) return [200, { ok: false, code: "wrong_secret", detail: "The server refuses the shared secret: the secret is wrong.", took_ms: 4 }];
  return [200, { ok: true, version: "3.0.12", meetings, took_ms: 4 }];
}
