/** A small server that speaks the API of the program, with data that changes. For the tests and for work on the looks. */
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { api } from "./api.mjs";
import { House, newId, Refusal } from "./house.mjs";
import { Media } from "./media.mjs";
import { message, page } from "./pages.mjs";
import { accept, refuse } from "./socket.mjs";

const dist = join(import.meta.dirname, "../../dist");
const types = { js: "text/javascript", css: "text/css", svg: "image/svg+xml" };
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const profiles = ["480p30", "seed", "720p30", "720p60", "1080p30"];

const slide = (broadcast) => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1280 720"><rect width="1280" height="720" fill="#fdfdfb"/><rect width="1280" height="92" fill="#17325c"/>
<text x="56" y="61" font-family="sans-serif" font-size="38" fill="#fff">${broadcast.paused ? "A short break" : broadcast.meeting_name}</text>
<g fill="none" stroke="#2f6fed" stroke-width="6"><path d="M90 420c80-170 160-170 240 0s160 170 240 0 160-170 240 0"/><path d="M90 420c40-90 80-90 120 0s80 90 120 0 80-90 120 0 80 90 120 0 80-90 120 0 80 90 120 0" stroke="#e0883a"/></g>
<path d="M90 240v360M70 420h780" stroke="#444" stroke-width="3"/><g fill="#555" font-family="sans-serif" font-size="30"><text x="900" y="260">v = λ · f</text><text x="900" y="320">T = 1 / f</text><text x="900" y="380">${new Date().toISOString().slice(11, 19)}</text></g></svg>`;

function eventStream(response) {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  let id = 0;
  response.write(":\n\n");
  return (name, data) => response.write(`id: ${(id += 1)}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
}

export async function startMock({ port = 0, furnished = true, signedIn = false } = {}) {
  const house = new House({ furnished });
  const media = new Media();
  const streams = new Set();

  async function handle(request, response) {
    const url = new URL(request.url, "http://mock");
    const path = url.pathname;
    const readBody = async () => {
      const parts = [];
      for await (const part of request) parts.push(part);
      return Buffer.concat(parts).toString();
    };
    if (await media.handle(request, response, path, readBody)) return;
    const cookies = Object.fromEntries((request.headers.cookie ?? "").split("; ").map((pair) => pair.split("=")));
    const user = signedIn || cookies.session === "1";
    const lang = ["en", "hi", "de"].find((code) => code === (url.searchParams.get("lang") ?? cookies.lang)) ?? "en";
    const theme = ["light", "dark"].includes(cookies.theme) ? cookies.theme : "";
    const keep = url.searchParams.has("lang") ? { "Set-Cookie": `lang=${lang}; Path=/; SameSite=Lax` } : {};
    const html = (status, name, context) => {
      const body = page(name, { lang, theme, path, signedIn: user, entries: [], ...context });
      const hosts = ["watch", "embed"].includes(name) ? house.hosts : [];
      const known = context.matomo_url ? policy.replace("script-src 'self'", "script-src 'self' https://stats.example") : policy;
      const framed = name.startsWith("embed") ? known.replace("frame-ancestors 'none'", "frame-ancestors *") : known;
      const own = framed.replace("connect-src 'self'", ["connect-src 'self'", ...hosts].join(" "));
      response.writeHead(status, { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": own, ...keep }).end(body);
    };
    const json = (status, body, type = "application/json", more = {}) => {
      response.writeHead(status, body === undefined ? {} : { "Content-Type": type, ...more }).end(body === undefined ? undefined : JSON.stringify(body));
    };
    const stream = (open) => {
      streams.add(response);
      const close = open(eventStream(response));
      request.on("close", () => (streams.delete(response), close()));
    };
    const whep = async (allowed) => {
      if (!allowed) throw new Refusal(409, "nothing_on_air", "Nothing is on the air here.");
      const { id, sdp } = await media.offer(await readBody());
      response.writeHead(201, { "Content-Type": "application/sdp", Location: `/whep/sessions/${id}` }).end(sdp);
    };
    const fault = (status) => html(status, "fault", { status, title: `${status} · Bluecast`, heading: message(lang, `fault.${status}`), text: message(lang, `fault.${status}_text`) });

    try {
      if (path.startsWith("/assets/")) {
        const file = join(dist, path.slice(8));
        if (path.includes("..") || !existsSync(file)) return response.writeHead(404).end();
        return response.writeHead(200, { "Content-Type": types[path.split(".").pop()] ?? "application/octet-stream", "Cache-Control": "max-age=31536000, immutable" }).end(readFileSync(file));
      }
      if (path === "/favicon.svg") return response.writeHead(200, { "Content-Type": types.svg }).end(readFileSync(join(dist, "../src/mark.svg")));
      if (path.startsWith("/whep/sessions/")) return media.sessions.delete(path.split("/").pop()), response.writeHead(204).end();
      if (path.startsWith("/whep/")) return await whep(["live", "interrupted", "paused"].includes(house.roomState(decodeURIComponent(path.slice(6))).state));
      if (path.startsWith("/api/v1/")) {
        const rest = path.slice(7);
        const ask = rest === "/session" && request.method !== "GET" ? request.method : "";
        if (ask === "DELETE") return response.writeHead(204, { "Set-Cookie": "session=; Path=/; Max-Age=0" }).end();
        if (ask === "POST") {
          const { username, password, code } = JSON.parse(await readBody());
          if (house.failedLogins >= 3) return json(429, { code: "too_many_logins", detail: "Too many tries.", status: 429 }, "application/problem+json", { "Retry-After": "20" });
          if (username !== "admin" || password !== house.password) {
            house.failedLogins += 1;
            throw new Refusal(401, "wrong_login", "The name or the password is wrong.");
          }
          if (house.code && code !== house.code) throw new Refusal(401, code ? "wrong_code" : "code_needed", "A code is needed.");
          return response.writeHead(204, { "Set-Cookie": "session=1; Path=/; HttpOnly; SameSite=Lax" }).end();
        }
        if (!user && !rest.startsWith("/password-resets")) throw new Refusal(401, "not_authenticated", "Log in, or send a valid API token.");
        if (house.broken) throw new Refusal(...house.broken);
        if (rest === "/events") return stream((tell) => (house.listeners.add(tell), () => house.listeners.delete(tell)));
        const [, of, what] = /^\/broadcasts\/([^/]+)\/(whep|snapshot\.jpg|graph\.svg)$/.exec(rest) ?? [];
        if (what === "whep") return await whep(house.find(of).phase === "live");
        if (what) return response.writeHead(200, { "Content-Type": types.svg }).end(slide(house.find(of)));
        const slot = /^\/rooms\/([^/]+)\/(cover|logo)$/.exec(rest);
        if (slot) {
          const size = (await readBody()).length;
          if (house.pictureRefused) throw new Refusal(...house.pictureRefused);
          const room = house.rooms.find((one) => one.key === slot[1]);
          return json(200, Object.assign(room, { [slot[2]]: request.method === "PUT" && size > 0 ? `/pictures/${slot[2] === "cover" ? "1f7a37" : "6d3fd6"}${"0".repeat(34)}` : null }));
        }
        const text = request.method === "GET" ? "" : await readBody();
        const [status, body] = api(house, request.method, rest, text && request.method !== "PUT" ? JSON.parse(text) : {}, url.searchParams);
        return json(status, body);
      }
      const form = /^\/watch\/([^/]+)\/register$/.exec(path);
      if (form) {
        const room = house.rooms.find((one) => one.key === form[1]);
        if (!room?.form) return fault(404);
        const { register } = await import("./about.mjs");
        return html(200, "register", { entries: [], title: `${room.title} · Bluecast`, room, ...register(room, lang, request.method === "POST") });
      }
      const picture = /^\/pictures\/(\w+)$/.exec(path);
      if (picture) return response.writeHead(200, { "Content-Type": types.svg }).end(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 90"><rect width="160" height="90" fill="#${picture[1].slice(0, 6)}"/><circle cx="120" cy="30" r="18" fill="#fff8"/></svg>`);
      const watch = /^\/(watch|embed)\/([^/]+)(\/events|\/playback|\/comments)?$/.exec(path);
      if (watch) {
        const key = decodeURIComponent(watch[2]);
        const room = house.rooms.find((one) => one.key === key);
        if (!room) return fault(404);
        if (watch[3] === "/playback") {
          house.asked += 1;
          // A house without a playback is a server from before there was one.
          if (!house.playback) return fault(404);
          if (house.playbackRefused) throw new Refusal(...house.playbackRefused);
          return json(200, house.playback);
        }
        if (watch[3] === "/events") {
          return stream((send) => {
            const watcher = { key, tell: () => send("state", house.roomState(key)), count: () => send("count", { viewers: house.viewers }) };
            watcher.tell();
            if (house.viewers > 0) watcher.count();
            house.watchers.add(watcher);
            return () => house.watchers.delete(watcher);
          });
        }
        if (watch[3]) return html(200, "embed_comments", { entries: ["talk"], title: `${room.title} · Bluecast`, room, data: JSON.stringify({ roomKey: key }), ...(url.searchParams.has("theme") && { theme: url.searchParams.get("theme") }) });
        const { state } = house.roomState(key);
        const data = JSON.stringify({ roomKey: key, title: room.title, iceServers: [], state, hosts: house.hosts, cover: room.cover ?? "", startsAt: room.starts_at ?? "" });
        const { about, meta } = await import("./about.mjs");
        const entries = watch[1] === "watch" ? ["watch", "about"] : ["watch"];
        return html(200, watch[1], { entries, title: `${room.title} · Bluecast`, room, data, stage_text: message(lang, `room.${state}`), about: about(room, lang), meta: meta(room), matomo_url: room.matomo_site ? "https://stats.example/" : "", matomo_site: room.matomo_site ?? 0 });
      }
      if (path === "/embed.js") return response.writeHead(200, { "Content-Type": types.js }).end(readFileSync(join(dist, "../src/embed.js")));
      const desk = /^\/moderate(?:\/([^/]+))?$/.exec(path);
      if (desk) {
        if (!user) return response.writeHead(303, { Location: `/login?next=${encodeURIComponent(path)}` }).end();
        const room = desk[1] && house.rooms.find((one) => one.key === decodeURIComponent(desk[1]));
        if (desk[1] && !room) return fault(404);
        return html(200, "moderate", { entries: ["moderate"], title: (t) => `${room ? room.title : t("moderate.title")} · Bluecast`, data: JSON.stringify(room ? { roomKey: room.key, title: room.title } : {}) });
      }
      if (path === "/") {
        const { List, text } = await import("./render.mjs");
        const { plainTime } = await import("./about.mjs");
        const rooms = List.from(house.rooms, (room) => ({ ...room, description: text(room.description), state: house.roomState(room.key).state })).filter((room) => room.promoted || !["none", "over"].includes(room.state));
        for (const room of rooms) {
          const isOn = !["none", "over"].includes(room.state);
          const tone = room.state === "live" ? "live" : room.state === "announced" ? "brand" : "warn";
          Object.assign(room, { label: text(isOn ? message(lang, `room.${room.state}`) : ""), tone, picture: text(room.cover ?? ""), starts_at: text(room.starts_at ?? ""), starts_text: plainTime(room.starts_at ?? "") });
        }
        const onAir = (room) => ["live", "interrupted", "paused"].includes(room.state);
        const list = (id, heading, rooms) => ({ id, heading: message(lang, heading), rooms });
        const [on, others] = [rooms.filter(onAir), rooms.filter((room) => !onAir(room))];
        const lists = [list("on-air", "front.on_air", on), list("rooms", on.length === 0 ? "front.rooms" : "front.more", others)];
        return html(200, "front", { entries: ["about"], title: "Bluecast", lists: List.from(lists.filter(({ rooms }) => rooms.length > 0)) });
      }
      if (path === "/login") return html(200, "login", { entries: ["login"], title: (t) => `${t("login.title")} · Bluecast`, data: JSON.stringify({ next: url.searchParams.get("next") ?? "/admin", mail: true, provider: "Campus login", fault: url.searchParams.get("fault") }) });
      if (path === "/admin") {
        if (!user) return response.writeHead(303, { Location: "/login?next=/admin" }).end();
        return html(200, "admin", { entries: ["admin"], title: (t) => `${t("nav.control_room")} · Bluecast`, data: JSON.stringify({ profiles, iceServers: [] }) });
      }
      fault(404);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      json(error.status, { type: "about:blank", title: error.code, status: error.status, code: error.code, detail: error.detail, ...error.more }, "application/problem+json");
    }
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error) => {
      console.error(error);
      if (!response.headersSent) response.writeHead(500);
      response.end(String(error));
    });
  });
  const lines = new Set();
  server.on("upgrade", (request, socket) => {
    lines.add(socket);
    // A page may drop it before it has read the answer.
    socket.on("error", () => undefined);
    socket.on("close", () => lines.delete(socket));
    const key = /^\/ws\/rooms\/([^/?]+)/.exec(request.url)?.[1];
    const room = key && house.rooms.find((one) => one.key === decodeURIComponent(key));
    if (!room) return refuse(socket, 404, { code: "not_found", status: 404 });
    const talk = house.talk(room.key);
    if (talk.refused) return refuse(socket, talk.refused, { code: "refused", status: talk.refused });
    const cookies = Object.fromEntries((request.headers.cookie ?? "").split("; ").map((pair) => pair.split("=")));
    const viewer = cookies.viewer ?? newId();
    const line = accept(request, socket, cookies.viewer ? {} : { "Set-Cookie": `viewer=${viewer}; Path=/; SameSite=Lax` });
    talk.join(line, { viewer, moderator: signedIn || cookies.session === "1" });
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  const ticking = setInterval(() => house.tick(), 1000);
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    house,
    media,
    /** Breaks every event stream, as a restart of the server would. */
    cutStreams: () => streams.forEach((response) => response.destroy()),
    close: async () => {
      clearInterval(ticking);
      server.closeAllConnections();
      for (const line of lines) line.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
