/** The state behind the mock: a house with a server, some rooms, and broadcasts that live through their phases. */
import { Talk } from "./talk.mjs";

let serial = 0;
export const newId = () => `01990000-0000-7000-8000-${String((serial += 1)).padStart(12, "0")}`;
const now = () => new Date().toISOString();

export class Refusal extends Error {
  constructor(status, code, detail, more = {}) {
    super(detail);
    Object.assign(this, { status, code, detail, more });
  }
}

export class House {
  servers = [];
  nodes = [
    { id: "n1", name: "alpha", state: "up", here: true, url: "http://10.0.0.5:8080", version: "0.1.0", broadcasts: 2, cores: 8, used_cores: 1.8, free_memory_mb: 9000, since: "2026-11-22T08:00:00Z", seen_at: "2026-11-22T12:00:00Z" },
    { id: "n2", name: "beta.lecture-halls.example.org", state: "draining", here: false, version: "0.1.0", broadcasts: 1, cores: 4, used_cores: 3.4, free_memory_mb: 1200, since: "2026-11-22T08:00:00Z", seen_at: "2026-11-22T12:00:00Z" },
    { id: "n3", name: "gamma", state: "gone", here: false, version: "0.1.0", broadcasts: 0, cores: 4, used_cores: 0, free_memory_mb: 0, since: "2026-11-21T08:00:00Z", seen_at: "2026-11-22T11:00:00Z" },
  ];
  webhooks = [{ id: "w1", name: "Status board", url: "https://board.example.org/hooks/bluecast", events: ["broadcast.phase"], active: true }];
  deliveries = [
    { id: "d2", event: "broadcast.phase", state: "waiting", tries: 2, created_at: "2026-11-22T12:00:00Z", tried_at: "2026-11-22T12:00:40Z", due_at: "2026-11-22T12:02:40Z", status: 503, detail: "It answered 503 Service Unavailable." },
    { id: "d1", event: "broadcast.phase", state: "delivered", tries: 1, created_at: "2026-11-22T11:00:00Z", tried_at: "2026-11-22T11:00:00Z", status: 200 },
  ];
  origins = [];
  rooms = [];
  presets = [];
  schedules = [];
  broadcasts = [];
  events = new Map();
  meetings = new Map();
  listeners = new Set();
  watchers = new Set();
  talks = new Map();
  password = "correct horse";
  failedLogins = 0;
  /** What a room plays from, as `GET /watch/{key}/playback` answers; null is an older server. */
  playback = null;
  /** Set to refuse that answer. */
  playbackRefused = null;
  asked = 0;
  /** Whom the content policy lets in. */
  hosts = ["wss://ome.example", "https://ome.example"];
  viewers = 0;
  /** What somebody filled in, by the keys of rooms. */
  registrations = new Map();
  /** Set to refuse every picture. */
  pictureRefused = null;
  /** Set to make every API call fail, as a broken server would. */
  broken = null;

  constructor({ furnished = true } = {}) {
    if (!furnished) return;
    const server = this.addServer({ name: "Campus", url: "https://bbb.campus.example/bigbluebutton/", secret: "s" });
    this.meetings.set(server.id, [
      { meeting_id: "physics/2026 #1", name: "Physics: waves and fields", running: true, participants: 42, listeners: 30, videos: 3, started_at: "2026-11-22T09:02:00Z" },
      { meeting_id: "council", name: "Student council", running: true, participants: 7, listeners: 2, videos: 5, started_at: "2026-11-22T09:40:00Z" },
      { meeting_id: "evening", name: "Evening lecture: a history of the telescope", running: false, participants: 0, listeners: 0, videos: 0, started_at: null },
    ]);
    this.origins.push({ id: newId(), name: "Origin Delhi", app: "live", whip_url: "https://ome.example:3334", rtmp_url: "rtmp://ome.example:1935", srt_url: null });
    this.rooms.push({ key: "aula", title: "Aula", description: "Lectures and ceremonies from the main hall." });
    this.rooms.push({ key: "physics", title: "Physics, first year", description: "Monday and Thursday at ten. Bring questions." });
    this.rooms.push({
      key: "lecture",
      title: "Evening lecture: a history of the telescope",
      description: "What Galileo saw, and what he did not.\n\nWith questions afterwards.",
      visibility: "public",
      accent: "teal",
      promoted: true,
      cover: `/pictures/0a7373${"0".repeat(34)}`,
      logo: `/pictures/435b76${"0".repeat(34)}`,
      logo_link: "https://example.org/",
      links: [{ kind: "youtube", url: "https://youtube.com/@observatory" }, { kind: "fediverse", url: "https://social.example/@observatory", label: "social.example" }, { kind: "other", url: "https://example.org/", label: "The observatory's own site with a long name" }],
      starts_at: "2037-05-06T16:30:00Z",
      sites: ["https://www.example.org"],
      matomo_site: 7,
      form: {
        consent: "We keep this for a year, to send you a certificate.",
        fields: [
          { id: "name", type: "name", label: "Name", required: true },
          { id: "mobile", type: "phone", label: "Mobile number", required: true, help: "With its country code." },
          { id: "email", type: "email", label: "E-mail", required: false },
          { id: "state", type: "choice", label: "State", required: false, choices: ["Kerala", "Goa"] },
          { id: "news", type: "check", label: "Tell me of the next lecture", required: false },
          { id: "about", type: "long_text", label: "What do you want to know?", required: false },
        ],
      },
    });
    this.registrations.set("lecture", [
      { id: "r1", same_as: null, name: "Asha Rao", email: "asha@example.org", phone: "+919845012345", answers: { name: "Asha Rao", mobile: "+919845012345", email: "asha@example.org", state: "Goa", news: "yes" }, browsers: 2, created_at: "2026-11-22T09:00:00Z", changed_at: "2026-11-22T09:30:00Z" },
      { id: "r2", same_as: "r1", name: "Asha", email: "asha@example.org", phone: null, answers: { name: "Asha", email: "asha@example.org" }, browsers: 1, created_at: "2026-11-22T10:00:00Z", changed_at: "2026-11-22T10:00:00Z" },
    ]);
  }

  addServer({ name, url }) {
    const server = { id: newId(), name, url, groups: [] };
    this.servers.push(server);
    this.meetings.set(server.id, []);
    return server;
  }

  emit(name, data) {
    for (const tell of this.listeners) tell(name, data);
  }

  note(broadcast, code, message, more = {}) {
    const list = this.events.get(broadcast.id) ?? [];
    list.push({ id: newId(), at: now(), code, message, ...more });
    this.events.set(broadcast.id, list);
  }

  change(broadcast, what, note = null) {
    Object.assign(broadcast, what);
    if (note) this.note(broadcast, ...note);
    this.emit("broadcast", { id: broadcast.id, ...what });
    if (broadcast.room) this.tellRoom(broadcast.room);
  }

  changeTarget(broadcast, target, what) {
    const before = target.state;
    Object.assign(target, what);
    if (what.state && what.state !== before) this.note(broadcast, `target.${what.state}`, `${target.label}: ${what.detail ?? what.state.replace("_", " ")}`, { target_id: target.id });
    this.emit("target", { id: target.id, broadcast_id: broadcast.id, ...what });
  }

  running() {
    return this.broadcasts.filter((one) => one.phase !== "ended");
  }

  find(id) {
    const found = this.broadcasts.find((one) => one.id === id);
    if (!found) throw new Refusal(404, "not_found", "There is no such broadcast.");
    return found;
  }

  start(body) {
    const test = body.source === "test";
    if (!["browser", "test"].includes(body.source ?? "browser")) throw new Refusal(422, "source_not_available", "This source does not exist yet.", { field: "source" });
    if (!test && !body.meeting_id) throw new Refusal(422, "missing_field", "The field `meeting_id` is missing.", { field: "meeting_id" });
    const targets = (body.targets ?? []).map((target, index) => this.target(target, `targets[${index}]`));
    if (body.room && this.running().some((one) => one.room === body.room)) throw new Refusal(409, "room_busy", "Another broadcast is on the air in this room.", { field: "room" });
    const meeting = [...this.meetings.values()].flat().find((one) => one.meeting_id === body.meeting_id);
    const broadcast = {
      id: newId(),
      phase: "joining",
      step: test ? null : "audio",
      paused: false,
      reason: null,
      meeting_name: test ? "Test broadcast" : (meeting?.name ?? body.meeting_id),
      source: body.source ?? "browser",
      profile: body.profile ?? "720p30",
      room: body.room ?? null,
      node: "node-1",
      started_by: "admin",
      started_at: now(),
      ended_at: null,
      program: { fps: 0, distinct_fps: 0, video_kbps: 0, audio_level_db: null, av_skew_ms: null },
      targets,
    };
    this.broadcasts.push(broadcast);
    if (meeting) meeting.broadcast_id = broadcast.id;
    this.note(broadcast, "started", "Started by admin.");
    this.note(broadcast, "joining", "The bot is on its way into the meeting.");
    this.emit("broadcast", { id: broadcast.id, phase: "joining" });
    if (broadcast.room) this.tellRoom(broadcast.room);
    return broadcast;
  }

  target(target, field) {
    if (target.origin_id) {
      const origin = this.origins.find((one) => one.id === target.origin_id);
      if (!origin) throw new Refusal(422, "unknown_origin", "There is no such origin.", { field: `${field}.origin_id` });
      return { id: newId(), label: `${origin.name} / ${target.stream_name}`, protocol: target.protocol ?? "whip", state: "connecting", detail: null, bytes: 0, kbps: 0, rtt_ms: null, reconnects: 0 };
    }
    const scheme = /^([a-z]+):\/\/[^\s"'!]+$/.exec(target.url ?? "")?.[1];
    if (!["rtmp", "rtmps", "srt", "http", "https"].includes(scheme)) {
      throw new Refusal(422, "address_unusable", "The address must begin with rtmp://, rtmps://, srt://, http:// or https:// and hold no spaces.", { field: `${field}.url` });
    }
    const protocol = scheme.startsWith("http") ? "whip" : scheme;
    return { id: newId(), label: new URL(target.url.replace(/^\w+:/, "http:")).host, protocol, state: "connecting", detail: null, bytes: 0, kbps: 0, rtt_ms: null, reconnects: 0 };
  }

  goLive(broadcast) {
    this.change(broadcast, { phase: "live", step: null }, ["live", "On the air."]);
    for (const target of broadcast.targets) this.changeTarget(broadcast, target, { state: "live", detail: null, rtt_ms: 14 });
  }

  end(broadcast, reason = "stopped") {
    this.change(broadcast, { phase: "ended", reason, ended_at: now(), paused: false, step: null }, ["ended", `Over: ${reason}.`]);
    for (const list of this.meetings.values()) for (const meeting of list) if (meeting.broadcast_id === broadcast.id) meeting.broadcast_id = null;
  }

  /** A second passes. */
  tick(random = Math.random) {
    for (const broadcast of this.running()) {
      if (broadcast.phase === "joining" && Date.now() - Date.parse(broadcast.started_at) > 600) this.goLive(broadcast);
      if (broadcast.phase !== "live" && broadcast.phase !== "interrupted") continue;
      const program = {
        fps: 30,
        distinct_fps: Math.round(26 + random() * 4),
        video_kbps: Math.round(2200 + random() * 600),
        audio_level_db: broadcast.paused ? -100 : Math.round(-30 + random() * 18),
        av_skew_ms: Math.round(random() * 16 - 8),
      };
      this.change(broadcast, { program });
      for (const target of broadcast.targets) {
        if (target.state === "connecting") this.changeTarget(broadcast, target, { state: "live", rtt_ms: 14 });
        if (target.state === "live") this.changeTarget(broadcast, target, { bytes: target.bytes + program.video_kbps * 125, kbps: program.video_kbps + 130 });
      }
    }
  }

  roomState(key) {
    const all = this.broadcasts.filter((one) => one.room === key);
    const broadcast = all.find((one) => one.phase !== "ended") ?? all.at(-1);
    const title = this.rooms.find((room) => room.key === key)?.title ?? key;
    let state = "none";
    if (broadcast) {
      const { phase, paused } = broadcast;
      if (phase === "waiting" || phase === "joining") state = "announced";
      else if (phase === "ended" || phase === "ending") state = "over";
      else state = phase === "interrupted" ? "interrupted" : paused ? "paused" : "live";
    }
    const playback = this.playback ? { playback: this.playback.stream, playback_live: this.playback.live } : {};
    return { state, title, since: broadcast?.started_at ?? now(), ...playback };
  }

  /** The comments of a room. */
  talk(key) {
    if (!this.talks.has(key)) this.talks.set(key, new Talk(this, key));
    return this.talks.get(key);
  }

  /** Tells how many watch. */
  count(viewers) {
    this.viewers = viewers;
    for (const watcher of this.watchers) watcher.count();
    for (const talk of this.talks.values()) talk.tellCount();
  }

  tellRoom(key) {
    for (const watcher of this.watchers) if (watcher.key === key) watcher.tell();
    this.talks.get(key)?.tellState();
    this.emit("room", { id: key, state: this.roomState(key).state });
  }
}
