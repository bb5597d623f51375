/** `/api/v1` of the mock: method and path to an answer. */
import { Refusal } from "./house.mjs";
import { planRoutes } from "./plan.mjs";
import { peopleRoutes } from "./people.mjs";

const list = (items) => [200, { items, next: null }];
const need = (value, field, name) => {
  if (!String(value ?? "").trim()) throw new Refusal(422, "invalid_field", `${name} must not be empty.`, { field });
};
const one = (items, key, value, what) => {
  const found = items.find((item) => item[key] === value);
  if (!found) throw new Refusal(404, "not_found", `There is no such ${what}.`);
  return found;
};
const drop = (items, item) => {
  items.splice(items.indexOf(item), 1);
  return [204];
};

function checkUrl(url) {
  need(url, "url", "The address");
  if (!/^https?:\/\/[^\s/]+/.test(url)) throw new Refusal(422, "invalid_field", "The address must begin with http:// or https://.", { field: "url" });
}

const routes = [
  // Before those whose parts stand for anything.
  ...planRoutes,
  ...peopleRoutes,
  ["GET", "/session", () => [200, { user: { id: "u1", name: "admin" }, groups: [], permissions: ["system.admin"] }]],
  ["GET", "/servers", (h) => list(h.servers)],
  [
    "POST",
    "/servers",
    (h, body) => {
      need(body.name, "name", "The name");
      checkUrl(body.url);
      need(body.secret, "secret", "The secret");
      return [201, h.addServer(body)];
    },
  ],
  [
    "PATCH",
    "/servers/:id",
    (h, body, [id]) => {
      const server = one(h.servers, "id", id, "server");
      if (body.url !== undefined) checkUrl(body.url);
      const { secret: _, ...rest } = body;
      return [200, Object.assign(server, rest)];
    },
  ],
  ["DELETE", "/servers/:id", (h, _, [id]) => drop(h.servers, one(h.servers, "id", id, "server"))],
  [
    "GET",
    "/servers/:id/meetings",
    (h, _, [id]) => {
      const server = one(h.servers, "id", id, "server");
      if (server.url.includes("wrong")) throw new Refusal(502, "bbb_checksum", "The server refuses our checksum: the secret is wrong.");
      const items = h.meetings.get(id) ?? [];
      return [200, { items, participants: items.reduce((sum, meeting) => sum + meeting.participants, 0) }];
    },
  ],
  ["GET", "/nodes", (h) => list(h.nodes)],
  ["POST", "/nodes/:id/drain", (h, _, [id]) => [200, Object.assign(one(h.nodes, "id", id, "node"), { state: "draining" })]],
  ["POST", "/nodes/:id/undrain", (h, _, [id]) => [200, Object.assign(one(h.nodes, "id", id, "node"), { state: "up" })]],
  ["DELETE", "/nodes/:id", (h, _, [id]) => drop(h.nodes, one(h.nodes, "id", id, "node"))],
  ["GET", "/webhooks", (h) => list(h.webhooks)],
  [
    "POST",
    "/webhooks",
    (h, body) => {
      checkUrl(body.url);
      const made = { id: `w${h.webhooks.length + 1}`, active: true, ...body };
      h.webhooks.push(made);
      return [201, { ...made, secret: "a-secret-that-is-shown-once" }];
    },
  ],
  ["PATCH", "/webhooks/:id", (h, body, [id]) => [200, Object.assign(one(h.webhooks, "id", id, "webhook"), body)]],
  ["DELETE", "/webhooks/:id", (h, _, [id]) => drop(h.webhooks, one(h.webhooks, "id", id, "webhook"))],
  ["POST", "/webhooks/:id/ping", (h, _, [id]) => (one(h.webhooks, "id", id, "webhook"), [202])],
  ["GET", "/webhooks/:id/deliveries", (h, _, [id]) => (one(h.webhooks, "id", id, "webhook"), list(h.deliveries))],
  ["GET", "/origins", (h) => list(h.origins)],
  [
    "POST",
    "/origins",
    (h, body) => {
      need(body.name, "name", "The name");
      if (!body.whip_url && !body.rtmp_url && !body.srt_url) throw new Refusal(422, "invalid_field", "Give at least one address.", { field: "whip_url" });
      const origin = { id: `o${h.origins.length + 1}`, ...body };
      h.origins.push(origin);
      return [201, origin];
    },
  ],
  [
    "PATCH",
    "/origins/:id",
    (h, body, [id]) => {
      const { api_token, edges, ...rest } = body;
      const origin = Object.assign(one(h.origins, "id", id, "origin"), rest, api_token === undefined ? {} : { has_api_token: api_token !== null });
      if (edges) origin.edges = edges.map(({ api_token: token, ...edge }, at) => ({ id: `e${at}`, has_api_token: Boolean(token), ...edge }));
      return [200, origin];
    },
  ],
  [
    "POST",
    "/origins/:id/test",
    (h, _, [id]) => {
      const edges = (one(h.origins, "id", id, "origin").edges ?? []).map(({ name }) => ({ name, ok: false, code: "unreachable", detail: "edge.example cannot be reached.", took_ms: 3 }));
      return [200, { origin: { ok: true, version: "v0.20.0", took_ms: 4 }, edges }];
    },
  ],
  ["DELETE", "/origins/:id", (h, _, [id]) => drop(h.origins, one(h.origins, "id", id, "origin"))],
  ["GET", "/rooms", (h) => list(h.rooms)],
  [
    "POST",
    "/rooms",
    (h, body) => {
      need(body.title, "title", "The title");
      if (!/^[a-z0-9-]{1,64}$/.test(body.key ?? "")) throw new Refusal(422, "invalid_field", "The key takes small letters, digits and hyphens.", { field: "key" });
      if (h.rooms.some((room) => room.key === body.key)) throw new Refusal(409, "taken", "Something with this name exists already.", { field: "key" });
      const room = { description: "", visibility: "public", has_password: false, accent: "blue", links: [], sites: ["*"], indexed: true, promoted: false, form: null, ...body };
      h.rooms.push(room);
      return [201, room];
    },
  ],
  ["PATCH", "/rooms/:key", (h, body, [key]) => [200, Object.assign(one(h.rooms, "key", key, "room"), body)]],
  [
    "GET",
    "/rooms/:key/registrations",
    (h, _, [key]) => list(h.registrations.get(key) ?? []),
  ],
  [
    "DELETE",
    "/rooms/:key/registrations/:id",
    (h, _, [key, id]) => {
      h.registrations.set(key, (h.registrations.get(key) ?? []).filter((one) => one.id !== id));
      return [204];
    },
  ],
  ["DELETE", "/rooms/:key", (h, _, [key]) => drop(h.rooms, one(h.rooms, "key", key, "room"))],
  [
    "GET",
    "/moderation",
    (h) => list(h.rooms.map(({ key, title }) => ({ key, title, phase: h.roomState(key).state, viewers: h.viewers, waiting: h.talk(key).items.filter((one) => one.state === "held").length }))),
  ],
  ["PATCH", "/rooms/:key/rules", (h, body, [key]) => (h.talk(key).setRules(body), [200, h.talk(key).rules])],
  ["GET", "/rooms/:key/bans", (h, _, [key]) => list(h.talk(key).bans)],
  [
    "POST",
    "/rooms/:key/bans",
    (h, body, [key]) => {
      if (body.range && !/^[\da-f.:]+\/\d+$/.test(body.range)) throw new Refusal(422, "invalid_field", "This is no range of addresses.", { field: "range" });
      return [201, h.talk(key).ban(body)];
    },
  ],
  ["DELETE", "/rooms/:key/bans/:id", (h, _, [key, id]) => drop(h.talk(key).bans, one(h.talk(key).bans, "id", id, "ban"))],
  [
    "GET",
    "/rooms/:key/viewers",
    (h, _, [key]) => {
      const talk = h.talk(key);
      const items = [...talk.members].map((member) => ({ viewer: member.viewer, name: talk.you(member).name, since: member.since }));
      return [200, { items, viewers: items.length, peak: items.length + 3, joined: items.length + 9, parted: 9 }];
    },
  ],
  ["GET", "/broadcasts", (h) => list(h.broadcasts.toReversed())],
  ["POST", "/broadcasts", (h, body) => [201, h.start(body)]],
  ["GET", "/broadcasts/:id", (h, _, [id]) => [200, h.find(id)]],
  ["GET", "/broadcasts/:id/events", (h, _, [id]) => list(h.events.get(h.find(id).id) ?? [])],
  [
    "POST",
    "/broadcasts/:id/stop",
    (h, _, [id]) => {
      const broadcast = h.find(id);
      h.change(broadcast, { phase: "ending" });
      setTimeout(() => h.end(broadcast), 150);
      return [202];
    },
  ],
  ["POST", "/broadcasts/:id/pause", (h, body, [id]) => (h.change(h.find(id), { paused: true }, ["paused", body.note ? `Paused by admin: ${body.note}` : "Paused by admin."]), [202])],
  ["POST", "/broadcasts/:id/resume", (h, _, [id]) => (h.change(h.find(id), { paused: false }, ["resumed", "Resumed by admin."]), [202])],
  [
    "POST",
    "/broadcasts/:id/targets",
    (h, body, [id]) => {
      const broadcast = h.find(id);
      const target = h.target(body, "body");
      h.change(broadcast, { targets: [...broadcast.targets, target] }, ["target.added", `${target.label}: added by admin.`]);
      return [201, target];
    },
  ],
  [
    "DELETE",
    "/broadcasts/:id/targets/:tid",
    (h, _, [id, tid]) => {
      const broadcast = h.find(id);
      const target = one(broadcast.targets, "id", tid, "target");
      h.change(broadcast, { targets: broadcast.targets.filter((other) => other !== target) }, ["target.removed", `${target.label}: removed by admin.`]);
      return [204];
    },
  ],
].map(([method, path, answer]) => ({ method, pattern: new RegExp(`^${path.replace(/:\w+/g, "([^/]+)")}$`), answer }));

export function api(house, method, path, body, query) {
  if (house.broken) throw new Refusal(...house.broken);
  for (const route of routes) {
    const match = route.method === method && route.pattern.exec(path.split("?")[0]);
    if (match) return route.answer(house, body, match.slice(1).map(decodeURIComponent), query);
  }
  throw new Refusal(404, "not_found", "There is no such page.");
}
