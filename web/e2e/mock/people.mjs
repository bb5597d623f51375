/** Users, groups, roles, one's own account and the log, as `/api/v1` has them. */
import { Refusal } from "./house.mjs";

const list = (items) => [200, { items, next: null }];
const find = (items, id, what) => {
  const found = items.find((item) => item.id === id);
  if (!found) throw new Refusal(404, "not_found", `There is no such ${what}.`);
  return found;
};
const drop = (items, id, what) => {
  items.splice(items.indexOf(find(items, id, what)), 1);
  return [204];
};

/** What a house has of people; each house its own. */
const houses = new WeakMap();
function of(house) {
  if (!houses.has(house)) {
    const user = (id, name, more = {}) => ({ id, name, email: null, disabled: false, second_factor: id === "u2", permissions: [], roles: [], effective_permissions: more.permissions ?? [], groups: [], grants: [], ...more });
    houses.set(house, {
      groups: [{ id: "g1", name: "Physics", holds: { user: 1, server: 2, room: 1 } }],
      roles: [{ id: "r1", name: "Operator", permissions: ["broadcast.view", "broadcast.operate", "server.use"] }],
      users: [
        user("u1", "admin", { permissions: ["system.admin"] }),
        user("u2", "hannah.schmidt", { email: "hannah@example.org", groups: ["g1"], roles: ["r1"], effective_permissions: ["broadcast.view", "broadcast.operate", "server.use"], grants: [{ room: "aula", permissions: ["room.moderate"] }] }),
        user("u3", "left.long.ago", { disabled: true }),
      ],
      own: { id: "u1", name: "admin", email: "admin@example.org", has_password: true, second_factor: false, recovery_codes: 0, groups: [], roles: [], permissions: ["system.admin"] },
      password: "correct horse battery",
      lines: [
        { id: "a3", at: "2026-11-22T12:03:00Z", user: "admin", address: "192.0.2.7", action: "server.change", subject: "s1", detail: { name: "Faculty", before: { url: "https://old.example/", secret: "•••" }, after: { url: "https://new.example/", secret: "•••" } } },
        { id: "a2", at: "2026-11-22T12:02:00Z", user: "hannah.schmidt", address: "192.0.2.9", action: "broadcast.start", subject: "b1", detail: { meeting: "Physics", targets: [] } },
        { id: "a1", at: "2026-11-22T12:01:00Z", user: "nobody", address: "203.0.113.4", action: "session.refuse", subject: "", detail: { name: null, reason: "wrong_credentials" } },
      ],
    });
  }
  return houses.get(house);
}

const confirmed = (own, password, field = "password") => {
  if (password !== own.password) throw new Refusal(403, "wrong_password", "That is not your password.", { field });
};
const codes = () => ({ recovery_codes: Array.from({ length: 10 }, (_, n) => `ABCD-EFGH-JKLM-NP${String(n).padStart(2, "Q")}`) });
const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="240" height="240" viewBox="0 0 8 8"><path d="M1 1h2v2H1zM5 1h2v2H5zM1 5h2v2H1zM4 4h1v1H4zM6 6h1v1H6z"/></svg>';

const crud = (path, what, make) => [
  ["GET", path, (h) => list(of(h)[what])],
  [
    "POST",
    path,
    (h, body) => {
      const items = of(h)[what];
      if (items.some((item) => item.name.toLowerCase() === String(body.name).toLowerCase())) throw new Refusal(409, "name_taken", "This name is taken already.", { field: "name" });
      const item = { id: `${what}${items.length + 1}`, ...make(body) };
      items.push(item);
      return [201, item];
    },
  ],
  ["PATCH", `${path}/:id`, (h, body, [id]) => [200, Object.assign(find(of(h)[what], id, what), body)]],
  ["DELETE", `${path}/:id`, (h, _, [id]) => drop(of(h)[what], id, what)],
];

export const peopleRoutes = [
  ...crud("/users", "users", ({ password, ...body }) => {
    if (String(password).length < 8) throw new Refusal(422, "weak_password", "The password must have at least 8 characters.", { field: "password" });
    return { email: null, disabled: false, roles: [], groups: [], grants: [], ...body, effective_permissions: body.permissions ?? [] };
  }),
  ...crud("/groups", "groups", (body) => ({ holds: {}, ...body })),
  ...crud("/roles", "roles", (body) => ({ permissions: [], ...body })),
  ["POST", "/users/:id/reset", (h, _, [id]) => [201, { url: `https://cast.example/login?new#reset=${find(of(h).users, id, "user").id}secret`, expires_at: "2026-11-23T12:00:00Z" }]],
  ["DELETE", "/users/:id/sessions", () => [204]],
  [
    "DELETE",
    "/users/:id/second-factor",
    () => {
      throw new Refusal(409, "second_factor_off", "There is no second factor.");
    },
  ],
  ["GET", "/account", (h) => [200, of(h).own]],
  ["PATCH", "/account", (h, body) => (confirmed(of(h), body.password), (of(h).own.email = body.email), [204])],
  [
    "POST",
    "/account/password",
    (h, body) => {
      confirmed(of(h), body.old_password, "old_password");
      if (body.new_password.length < 8) throw new Refusal(422, "weak_password", "The password must have at least 8 characters.", { field: "new_password" });
      of(h).password = body.new_password;
      return [204];
    },
  ],
  [
    "GET",
    "/account/sessions",
    () =>
      list([
        { began_at: "2026-11-22T10:00:00Z", seen_at: "2026-11-22T12:00:00Z", address: "192.0.2.7", agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0", current: true },
        { began_at: "2026-11-20T10:00:00Z", seen_at: "2026-11-21T12:00:00Z", address: "198.51.100.3", agent: "A telephone/1.0", current: false },
      ]),
  ],
  ["DELETE", "/account/sessions", () => [204]],
  ["POST", "/account/second-factor", (h, body) => (confirmed(of(h), body.password), [201, { secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", address: "otpauth://totp/x", qr_svg: svg }])],
  [
    "POST",
    "/account/second-factor/confirm",
    (h, body) => {
      if (body.code !== "123456") throw new Refusal(403, "wrong_code", "The code is wrong.", { field: "code" });
      Object.assign(of(h).own, { second_factor: true, recovery_codes: 10 });
      return [200, codes()];
    },
  ],
  ["POST", "/account/second-factor/recovery-codes", (h, body) => (confirmed(of(h), body.password), [200, codes()])],
  ["POST", "/account/second-factor/remove", (h, body) => (confirmed(of(h), body.password), Object.assign(of(h).own, { second_factor: false, recovery_codes: 0 }), [204])],
  ["GET", "/activity", (h) => list(of(h).lines)],
  ["POST", "/password-resets", () => [202]],
  [
    "POST",
    "/password-resets/use",
    (h, body) => {
      if (body.token !== "good-token") throw new Refusal(403, "reset_spent", "This link was used already.");
      if (body.password.length < 8) throw new Refusal(422, "weak_password", "The password must have at least 8 characters.", { field: "password" });
      return [204];
    },
  ],
];
