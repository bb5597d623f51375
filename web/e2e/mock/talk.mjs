/** The comments of a room, as the program keeps and tells them: one socket a viewer, numbered changes, what waits told to few. */
import { newId, Refusal } from "./house.mjs";

const PAGE = 50;

export class Talk {
  seq = 0;
  items = [];
  /** Every change, to be told again. */
  log = [];
  members = new Set();
  bans = [];
  /** What viewers are called, by who they are. */
  people = new Map();
  /** Acknowledged posts, by viewer and ref. */
  refs = new Map();
  rules = { mode: "open", links: "allow", slow_s: 0, max_chars: 500, ask_name: true, ask_phone: false, emojis: ["👍", "❤️", "😂", "👏", "🎉"], words: [] };
  /** Every message that came in. */
  heard = [];
  /** Set to an HTTP status: no socket is opened. */
  refused = 0;
  /** Set: a socket is opened, and nobody speaks on it. */
  mute = false;
  /** Set: posts are kept, and their answers are lost. */
  losesAnswers = false;
  last = new Map();

  constructor(house, key) {
    Object.assign(this, { house, key });
  }

  join(line, { viewer, moderator }) {
    const member = { line, viewer, moderator, ready: false, since: new Date().toISOString() };
    this.members.add(member);
    line.onClose = () => this.members.delete(member);
    line.onText = (text) => {
      const ask = JSON.parse(text);
      this.heard.push(ask);
      if (this.mute) return;
      const deed = this[`on_${ask.t}`];
      if (!deed) return member.line.send({ t: "error", code: "unknown_type", detail: "" });
      try {
        deed.call(this, member, ask);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        member.line.send({ t: "error", ...(ask.ref && { ref: ask.ref }), code: error.code, detail: error.detail, ...error.more });
      }
    };
  }

  may(member, comment) {
    const quiet = this.bans.some((ban) => ban.quiet && ban.viewer === comment.viewer);
    return member.moderator || comment.viewer === member.viewer || (comment.state === "shown" && !quiet);
  }

  view(member, { id, seq, viewer, name, text, at, state, reply_to, pinned, host, who }) {
    const reactions = Object.fromEntries(Object.entries(who).map(([emoji, all]) => [emoji, all.size]).filter(([, count]) => count > 0));
    const mine = Object.keys(who).filter((emoji) => who[emoji].has(member.viewer));
    return { t: "comment", seq, id, viewer, name, text, at, state, ...(reply_to && { reply_to }), pinned, host, ...(viewer === member.viewer && { own: true }), reactions, mine };
  }

  /** Numbers a change and tells it to whom it concerns. */
  tell(id, make) {
    const seq = (this.seq += 1);
    this.log.push({ seq, id, make });
    for (const member of this.members) if (member.ready) this.tellOne(member, seq, make);
    return seq;
  }

  tellOne(member, seq, make) {
    const message = make(member, seq);
    if (message) member.line.send(message);
  }

  add(viewer, name, text, more = {}) {
    const comment = { id: newId(), viewer, name, text, at: new Date().toISOString(), state: "shown", pinned: false, host: false, who: {}, ...more };
    this.items.push(comment);
    comment.seq = this.seq + 1;
    this.tell(comment.id, (member) => (this.items.includes(comment) && this.may(member, comment) ? this.view(member, comment) : null));
    return comment;
  }

  /** Somebody else writes. */
  say(name, text, more = {}) {
    return this.add(`v-${name}`, name, text, more);
  }

  find(id) {
    const found = this.items.find((one) => one.id === id);
    if (!found) throw new Refusal(404, "not_found", "It is not there.");
    return found;
  }

  change(comment, what) {
    const before = { ...comment };
    Object.assign(comment, what);
    comment.seq = this.seq + 1;
    this.tell(comment.id, (member, seq) => {
      if (!this.may(member, comment)) return this.may(member, before) ? { t: "gone", seq, id: comment.id } : null;
      return this.may(member, before) ? { t: "changed", seq, id: comment.id, ...what } : { ...this.view(member, comment), seq };
    });
  }

  remove(comment) {
    this.items.splice(this.items.indexOf(comment), 1);
    this.tell(comment.id, (_, seq) => ({ t: "gone", seq, id: comment.id }));
  }

  setRules(what) {
    Object.assign(this.rules, what);
    this.tell(null, (member, seq) => ({ t: "rules", seq, ...this.rulesFor(member) }));
  }

  rulesFor({ moderator }) {
    const { words, ...rules } = this.rules;
    return moderator ? { ...rules, words } : rules;
  }

  you({ viewer, moderator }) {
    const { name = null, phone } = this.people.get(viewer) ?? {};
    const ban = this.bans.find((one) => one.viewer === viewer && !one.quiet);
    return { name: moderator ? "admin" : name, has_phone: Boolean(phone), moderator, ...(ban && { banned: { until: ban.until, reason: ban.reason } }) };
  }

  visible(member) {
    return this.items.filter((one) => this.may(member, one));
  }

  page(all, before, limit) {
    const older = before ? all.filter((one) => one.id < before) : all;
    const items = older.slice(-Math.min(limit, PAGE));
    return { items, before: older.length > items.length ? items[0].id : null };
  }

  on_hello(member, { since }) {
    const fits = since !== undefined && since <= this.seq && since >= (this.log[0]?.seq ?? 1) - 1;
    if (since !== undefined && !fits) member.line.send({ t: "resync", since: this.seq });
    const { items, before } = this.page(this.visible(member), null, PAGE);
    const views = (all) => all.map((one) => this.view(member, one));
    member.line.send({
      t: "welcome",
      viewer: member.viewer,
      you: this.you(member),
      seq: this.seq,
      rules: { t: "rules", ...this.rulesFor(member) },
      state: this.state(),
      count: this.house.viewers,
      ...(!fits && { items: views(items), before }),
      pinned: views(this.visible(member).filter((one) => one.pinned)),
    });
    member.ready = true;
    if (fits) for (const { seq, make } of this.log) if (seq > since) this.tellOne(member, seq, make);
  }

  on_post(member, { ref, text, reply_to: replyTo, as_host: asHost }) {
    const known = this.refs.get(`${member.viewer} ${ref}`);
    if (known) return member.line.send({ t: "ack", ref, id: known.id, state: known.state });
    const { name } = this.people.get(member.viewer) ?? {};
    const host = Boolean(asHost && member.moderator);
    if (!host && this.rules.mode === "closed") throw new Refusal(403, "closed", "Comments are closed.");
    if (!host && this.bans.some((ban) => ban.viewer === member.viewer && !ban.quiet)) throw new Refusal(403, "banned", "You are banned.");
    if (!host && this.rules.ask_name && !name) throw new Refusal(422, "name_needed", "Say what you are called.");
    const link = /https?:/.test(text);
    if (link && this.rules.links === "refuse") throw new Refusal(422, "links_refused", "No links.");
    const waitMs = (this.last.get(member.viewer) ?? 0) + this.rules.slow_s * 1000 - Date.now();
    if (!member.moderator && waitMs > 0) throw new Refusal(429, "too_fast", "Too fast.", { retry_ms: waitMs });
    this.last.set(member.viewer, Date.now());
    const held = !member.moderator && (this.rules.mode === "approve" || (link && this.rules.links === "hold"));
    const quoted = replyTo && this.items.find((one) => one.id === replyTo);
    const more = { state: held ? "held" : "shown", host, ...(quoted && { reply_to: { id: quoted.id, name: quoted.name, text: quoted.text.slice(0, 120) } }) };
    const comment = this.add(member.viewer, host ? "admin" : (name ?? ""), text, more);
    this.refs.set(`${member.viewer} ${ref}`, comment);
    if (!this.losesAnswers) member.line.send({ t: "ack", ref, id: comment.id, state: comment.state });
  }

  on_name(member, { name, phone }) {
    if (/[<>]/.test(name)) throw new Refusal(422, "bad_name", "Not this.");
    if (phone && !/^\+?[\d ]{6,}$/.test(phone)) throw new Refusal(422, "bad_phone", "Not this.");
    this.people.set(member.viewer, { ...this.people.get(member.viewer), name, ...(phone && { phone }) });
    member.line.send({ t: "you", ...this.you(member) });
  }

  on_react(member, { id, emoji, on = true }) {
    const comment = this.find(id);
    comment.who[emoji] ??= new Set();
    comment.who[emoji][on ? "add" : "delete"](member.viewer);
    this.tell(id, (other, seq) => (this.may(other, comment) ? { t: "changed", seq, id, reactions: this.view(other, comment).reactions } : null));
  }

  on_delete(member, { id }) {
    const comment = this.find(id);
    if (!member.moderator && comment.viewer !== member.viewer) throw new Refusal(403, "forbidden", "Not yours.");
    this.remove(comment);
  }

  on_more(member, { before, limit }) {
    const { items, before: next } = this.page(this.visible(member), before, limit);
    member.line.send({ t: "page", items: items.map((one) => this.view(member, one)), before: next });
  }

  on_queue(member, { before, limit }) {
    this.moderators(member);
    const { items, before: next } = this.page(this.items.filter((one) => one.state === "held"), before, limit);
    member.line.send({ t: "page", queue: true, items: items.map((one) => this.view(member, one)), before: next });
  }

  moderators(member) {
    if (!member.moderator) throw new Refusal(403, "forbidden", "Moderators only.");
  }

  on_approve(member, { id }) {
    this.moderators(member);
    this.change(this.find(id), { state: "shown" });
  }

  on_reject(member, { id }) {
    this.moderators(member);
    this.change(this.find(id), { state: "rejected", pinned: false });
  }

  on_pin(member, { id }) {
    this.moderators(member);
    this.change(this.find(id), { pinned: true });
  }

  on_unpin(member, { id }) {
    this.moderators(member);
    this.change(this.find(id), { pinned: false });
  }

  on_ban(member, order) {
    this.moderators(member);
    this.ban(order);
  }

  on_ping(member) {
    member.line.send({ t: "pong" });
  }

  ban({ id, viewer, range, minutes, quiet = false, reason = null }) {
    const whom = id ? this.find(id).viewer : viewer;
    const until = minutes ? new Date(Date.now() + minutes * 60_000).toISOString() : null;
    const ban = { id: newId(), viewer: whom ?? null, name: this.items.find((one) => one.viewer === whom)?.name ?? null, range: range ?? null, quiet, reason, until, created_at: new Date().toISOString() };
    this.bans.push(ban);
    for (const member of this.members) if (!quiet && member.viewer === whom) member.line.send({ t: "banned", until, reason });
    return ban;
  }

  state() {
    const state = this.house.roomState(this.key);
    return { t: "state", phase: state.state, paused: state.state === "paused", ...state };
  }

  tellState() {
    for (const member of this.members) if (member.ready) member.line.send(this.state());
  }

  tellCount() {
    for (const member of this.members) if (member.ready) member.line.send({ t: "count", viewers: this.house.viewers });
  }

  /** Everybody's line ends: with a code, or as a cable that is pulled. */
  cut(code = 0) {
    for (const { line } of this.members) code ? line.close(code) : line.cut();
  }

  /** Forgets the changes before now, as a server does after a while. */
  forget() {
    this.log = [];
    this.seq += 100;
  }
}
