/** A room as one browser hears it: comments, state and count, by one socket. What decides is in the pure parts beside. */
import { listen } from "../api/stream";
import { needsStream, begin, type Line } from "./line";
import * as outbox from "./outbox";
import * as queues from "./queue";
import { Socket } from "./socket";
import * as threads from "./thread";
import { readState, type Ask, type Comment, type Refusal, type Rules, type Said, type State, type You } from "./wire";

interface Options {
  key: string;
  /** Whether the page needs the room's state and count, by the event stream where the socket cannot be had. */
  news: boolean;
  /** Asks whether we are still let in; false where the page goes elsewhere. */
  admitted: () => Promise<boolean>;
}

/** What waits to be shown is shown at once when it gets this long. */
const MOST_UNSHOWN = 2000;
const HIDDEN_MS = 250;
/** After `resync` the new beginning has this long to come. */
const RESYNC_MS = 6000;
/** Those who were turned out and may stay come back within this time. */
const RETURN_MS = 4000;
const PAGE = 50;
const WORDS_STAY_MS = 8000;
const MOST_DRAFT = 4000;

/** Also where `crypto.randomUUID` is not to be had: on plain http. */
function newRef(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(15)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Talk {
  line = $state.raw<Line>(begin(Date.now()));
  thread = $state.raw<threads.Thread>(threads.empty);
  box = $state.raw<outbox.Outbox>([]);
  queue = $state.raw<queues.Queue>(queues.empty);
  rules = $state.raw<Rules | null>(null);
  you = $state.raw<You>({ name: null, has_phone: false, moderator: false });
  viewer = $state("");
  room = $state.raw<State | null>(null);
  viewers = $state<number | null>(null);
  draft = $state("");
  /** Older comments are on their way. */
  paging = $state(false);
  /** What the last deed came to, where it came to nothing. */
  wrong = $state.raw<Refusal | null>(null);
  /** The name was asked for by hand. */
  renaming = $state(false);
  /** Why the name was refused. */
  nameWrong = $state<string | null>(null);
  /** A clock, by the second. */
  nowMs = $state(Date.now());

  readonly open = $derived(this.line.phase === "open");
  /** Whether there has ever been a line. */
  readonly begun = $derived(this.rules !== null);
  readonly needsName = $derived(this.rules !== null && ((this.rules.ask_name && !this.you.name) || (this.rules.ask_phone && !this.you.has_phone)) && !this.you.moderator);
  readonly asksName = $derived(this.renaming || this.box.some((letter) => letter.code !== undefined && outbox.ASKS_NAME.includes(letter.code)));
  readonly letters = $derived(outbox.shown(this.box, (id) => threads.find(this.thread.items, id) !== undefined));
  readonly banned = $derived(this.you.banned && (this.you.banned.until === null || Date.parse(this.you.banned.until) > this.nowMs) ? this.you.banned : null);

  private readonly socket: Socket;
  private readonly kept: string;
  private unshown: Said[] = [];
  private flushing = false;
  private naming: { name: string; phone?: string } | null = null;
  private fresh: ReturnType<typeof setTimeout> | undefined;
  private back: ReturnType<typeof setTimeout> | undefined;
  private wrongTimer: ReturnType<typeof setTimeout> | undefined;
  private endStream: (() => void) | null = null;
  private asking = false;
  private queueAsked = false;
  private closed = false;

  constructor(private readonly options: Options) {
    const path = encodeURIComponent(options.key);
    this.kept = `bluecast.talk ${options.key}`;
    this.restore();
    const url = new URL(`/ws/rooms/${path}`, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    this.socket = new Socket(url.href, {
      onLine: (line) => this.onLine(line),
      onSaid: (said) => this.onSaid(said),
      hello: () => ({ t: "hello", ...(this.thread.seq > 0 && { since: this.thread.seq }) }),
      onAskPage: () => void this.askPage(),
      onTick: (nowMs) => this.onTick(nowMs),
    });
  }

  close(): void {
    this.closed = true;
    this.socket.close();
    this.endStream?.();
    clearTimeout(this.fresh);
    clearTimeout(this.back);
    clearTimeout(this.wrongTimer);
  }

  /** Writes a comment; false where too many wait already. */
  write(text: string, to: { id: string; name: string } | null, asHost: boolean): boolean {
    const letter = { ref: newRef(), text, as_host: asHost, at: new Date().toISOString(), ...(to && { reply_to: to }) };
    const box = outbox.written(this.box, letter);
    if (!box) return false;
    const needsName = this.needsName && !asHost;
    this.keep(needsName ? outbox.refused(box, { t: "error", ref: letter.ref, code: "name_needed", detail: "" }, Date.now()) : box);
    if (needsName) this.nameWrong = null;
    this.post();
    return true;
  }

  /** A comment that was not taken is taken back, to be written anew. */
  takeBack(ref: string): void {
    const letter = this.box.find((one) => one.ref === ref);
    this.keep(outbox.dropped(this.box, ref));
    if (letter) this.setDraft(this.draft ? `${letter.text}\n${this.draft}` : letter.text);
  }

  discard(ref: string): void {
    this.keep(outbox.dropped(this.box, ref));
  }

  setDraft(text: string): void {
    this.draft = text.slice(0, MOST_DRAFT);
    this.save();
  }

  say(ask: Ask): boolean {
    return this.socket.say(ask);
  }

  react(comment: Comment, emoji: string): void {
    const on = !comment.mine.includes(emoji);
    if (this.say({ t: "react", id: comment.id, emoji, on })) this.thread = threads.reacted(this.thread, comment.id, emoji, on);
  }

  name(name: string, phone: string): void {
    this.naming = { name, ...(phone && { phone }) };
    this.nameWrong = null;
    this.say({ t: "name", ...this.naming });
  }

  /** The name is not said: what waited for it goes back into the field. */
  stayNameless(): void {
    this.renaming = false;
    this.nameWrong = null;
    this.naming = null;
    for (const letter of this.box) if (letter.code !== undefined && outbox.ASKS_NAME.includes(letter.code)) this.takeBack(letter.ref);
  }

  more(): void {
    if (this.paging || this.thread.before === null) return;
    this.paging = this.say({ t: "more", before: this.thread.before, limit: PAGE });
  }

  moreQueue(): void {
    if (this.queueAsked || this.queue.before === null) return;
    this.queueAsked = this.say({ t: "queue", ...(this.queue.before !== undefined && { before: this.queue.before }), limit: PAGE });
  }

  private onTick(nowMs: number): void {
    this.nowMs = nowMs;
    this.post();
    this.followStream(nowMs);
  }

  private onLine(line: Line): void {
    this.line = line;
    if (line.phase !== "open") {
      this.flush();
      this.paging = false;
      this.queueAsked = false;
      this.keep(outbox.lost(this.box));
    } else {
      if (this.naming) this.say({ t: "name", ...this.naming });
      this.post();
      // What was decided while we were away is not told for what only the queue knew.
      if (this.queue.before !== undefined) {
        this.queue = queues.empty;
        this.moreQueue();
      }
    }
    this.followStream(Date.now());
  }

  private onSaid(said: Said[]): void {
    this.unshown.push(...said);
    // The welcome decides what may be said next, so it is not put off.
    if (this.unshown.length > MOST_UNSHOWN || said.some((one) => one.t === "welcome")) this.flush();
    if (this.flushing || this.unshown.length === 0) return;
    this.flushing = true;
    const later = () => {
      this.flushing = false;
      this.flush();
    };
    // Frames are not drawn in a page that is not seen, nor in a frame that is scrolled away.
    const timer = setTimeout(() => (cancelAnimationFrame(frame), later()), HIDDEN_MS);
    const frame = requestAnimationFrame(() => (clearTimeout(timer), later()));
  }

  private flush(): void {
    const all = this.unshown;
    if (all.length === 0 || this.closed) return;
    this.unshown = [];
    for (const said of all) this.take(said);
  }

  private take(said: Said): void {
    switch (said.t) {
      case "welcome":
        clearTimeout(this.fresh);
        this.thread = threads.welcomed(this.thread, said);
        for (const comment of said.items ?? []) if (comment.own) this.keep(outbox.appeared(this.box, comment));
        if (said.rules) this.rules = said.rules;
        if (said.state) this.room = said.state;
        if (said.count !== null) this.viewers = said.count;
        this.you = said.you;
        this.viewer = said.viewer;
        return;
      case "comment":
        this.thread = threads.commented(this.thread, said.comment);
        this.queue = queues.take(this.queue, said.comment);
        if (said.comment.own) this.keep(outbox.appeared(this.box, said.comment));
        return;
      case "changed":
        this.thread = threads.changed(this.thread, said);
        this.queue = queues.change(this.queue, said);
        return;
      case "gone":
        this.thread = threads.gone(this.thread, said.id, said.seq);
        this.queue = queues.drop(this.queue, said.id);
        return;
      case "page":
        if (said.queue) {
          this.queueAsked = false;
          this.queue = queues.page(this.queue, said.items, said.before);
          // The newest come first, and the oldest have waited longest.
          if (said.before !== null && this.queue.items.length < queues.MOST_QUEUED) this.moreQueue();
        } else {
          this.paging = false;
          this.thread = threads.paged(this.thread, said.items, said.before);
        }
        return;
      case "ack":
        this.keep(outbox.kept(this.box, said.ref, said.id, said.state, (id) => threads.find(this.thread.items, id) !== undefined));
        return;
      case "you":
        this.you = said.you;
        if (!this.naming) return;
        this.naming = null;
        this.renaming = false;
        this.keep(outbox.named(this.box));
        return this.post();
      case "rules":
        this.rules = said.rules;
        this.thread = { ...this.thread, seq: Math.max(this.thread.seq, said.seq) };
        return;
      case "state":
        if (said.state.door) void this.askPage();
        else this.room = said.state;
        return;
      case "count":
        this.viewers = said.viewers;
        return;
      case "banned":
        this.you = { ...this.you, banned: { until: said.until, ...(said.reason !== undefined && { reason: said.reason }) } };
        return;
      case "resync":
        this.thread = { ...this.thread, seq: 0 };
        clearTimeout(this.fresh);
        this.fresh = setTimeout(() => this.socket.reopen(), RESYNC_MS);
        return;
      case "error":
        return this.refused(said);
      case "pong":
        return;
    }
  }

  private refused(error: Refusal): void {
    if (outbox.ASKS_NAME.includes(error.code)) {
      this.nameWrong = error.code.startsWith("bad_") ? error.code : null;
      this.naming = null;
    }
    if (error.ref !== undefined) return this.keep(outbox.refused(this.box, error, Date.now()));
    this.paging = false;
    this.queueAsked = false;
    if (outbox.ASKS_NAME.includes(error.code)) return;
    this.wrong = error;
    clearTimeout(this.wrongTimer);
    this.wrongTimer = setTimeout(() => (this.wrong = null), WORDS_STAY_MS);
  }

  /** Sends what may go out. */
  private post(): void {
    if (this.line.phase !== "open") return;
    const [box, posts] = outbox.due(this.box, Date.now());
    if (posts.length === 0) return;
    this.keep(box);
    for (const post of posts) this.say(post);
  }

  private async askPage(): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    try {
      const admitted = await this.options.admitted();
      // A whole room may have been turned out at once, and let in again.
      if (admitted && this.line.phase === "turned_out") this.back = setTimeout(() => this.socket.restart(), Math.random() * RETURN_MS);
    } finally {
      this.asking = false;
    }
  }

  /** The room's news come by the event stream while the socket does not bring them. */
  private followStream(nowMs: number): void {
    if (!this.options.news) return;
    const wanted = !this.closed && needsStream(this.socket?.line ?? this.line, nowMs);
    if (wanted === (this.endStream !== null)) return;
    if (!wanted) {
      this.endStream?.();
      this.endStream = null;
      return;
    }
    const state = (data: unknown) => {
      const said = readState(data);
      if (said) this.room = said;
    };
    const count = (data: unknown) => {
      const said = (data as { viewers?: unknown } | null)?.viewers;
      if (typeof said === "number" && said >= 0) this.viewers = Math.floor(said);
    };
    // Whoever is turned out hears nothing more, not even why: that is asked.
    const onBroken = (gaveUp: boolean) => gaveUp && void this.askPage();
    this.endStream = listen(`/watch/${encodeURIComponent(this.options.key)}/events`, { events: { state, count }, onBroken });
  }

  private keep(box: outbox.Outbox): void {
    if (box === this.box) return;
    this.box = box;
    this.save();
  }

  private save(): void {
    try {
      const letters = outbox.left(this.box);
      if (letters.length === 0 && !this.draft) sessionStorage.removeItem(this.kept);
      else sessionStorage.setItem(this.kept, JSON.stringify({ draft: this.draft, letters }));
    } catch {
      // Without a memory, what was written lives as long as the page.
    }
  }

  private restore(): void {
    try {
      const { draft, letters } = JSON.parse(sessionStorage.getItem(this.kept) ?? "{}") as { draft?: unknown; letters?: unknown };
      if (typeof draft === "string") this.draft = draft.slice(0, MOST_DRAFT);
      this.box = outbox.restored(JSON.stringify(letters ?? []));
    } catch {
      // As above.
    }
  }
}
