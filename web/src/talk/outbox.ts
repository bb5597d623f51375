/** What was written and is not yet known to be kept. Each goes out with the same `ref` until it is answered, so nothing is lost or doubled. Pure. */
import type { Comment, CommentState, Post, Refusal } from "./wire";

/** More than these do not wait at once. */
export const MOST_WAITING = 20;
/** A refusal that time mends is tried again so often. */
const MOST_TRIES = 5;
const BUSY_MS = 2000;
/** What is not answered on a line that stands is sent again. */
export const UNANSWERED_MS = 15_000;

export type Stage = "waiting" | "sent" | "kept" | "refused";

export interface Letter {
  ref: string;
  text: string;
  reply_to?: { id: string; name: string };
  as_host: boolean;
  at: string;
  stage: Stage;
  /** Whether it has gone out at all, and when it did last. */
  went: boolean;
  sentMs: number;
  tries: number;
  notBeforeMs: number;
  /** What it became, once that is known. */
  id?: string;
  state?: CommentState;
  /** Why it was refused. */
  code?: string;
}

export type Outbox = readonly Letter[];

/** Refusals that a moment mends. */
const PASSING = ["too_fast", "server_busy"];
/** Refusals that hold everything up until the writer has said something. */
export const ASKS_NAME = ["name_needed", "phone_needed", "bad_name", "bad_phone"];

export function written(box: Outbox, letter: Pick<Letter, "ref" | "text" | "as_host" | "at"> & { reply_to?: { id: string; name: string } }): Outbox | null {
  if (box.filter((one) => one.stage !== "refused").length >= MOST_WAITING) return null;
  return [...box, { ...letter, stage: "waiting", went: false, sentMs: 0, tries: 0, notBeforeMs: 0 }];
}

const change = (box: Outbox, ref: string, what: (letter: Letter) => Letter) => box.map((letter) => (letter.ref === ref ? what(letter) : letter));

/** What goes out now, in the order in which it was written: what waits for its time holds up what was written after it. */
export function due(box: Outbox, nowMs: number): [Outbox, Post[]] {
  const posts: Post[] = [];
  let held = false;
  const next = box.map((letter): Letter => {
    const again = letter.stage === "sent" && nowMs - letter.sentMs >= UNANSWERED_MS;
    if (letter.stage === "waiting" && letter.notBeforeMs > nowMs) held = true;
    if (held || (letter.stage !== "waiting" && !again)) return letter;
    posts.push({ t: "post", ref: letter.ref, text: letter.text, ...(letter.reply_to && { reply_to: letter.reply_to.id }), ...(letter.as_host && { as_host: true }) });
    return { ...letter, stage: "sent", went: true, sentMs: nowMs };
  });
  return posts.length > 0 ? [next, posts] : [box, posts];
}

/** The line was lost: nobody knows whether what had gone out arrived. */
export function lost(box: Outbox): Outbox {
  return box.map((letter) => (letter.stage === "sent" ? { ...letter, stage: "waiting" } : letter));
}

export function kept(box: Outbox, ref: string, id: string, state: CommentState, comments: (id: string) => boolean): Outbox {
  if (comments(id)) return box.filter((letter) => letter.ref !== ref);
  return change(box, ref, (letter) => ({ ...letter, stage: "kept", id, state }));
}

/** A comment of ours came in: what it was made of is not shown beside it. Its answer may still be on the way. */
export function appeared(box: Outbox, comment: Comment): Outbox {
  const rest = box.filter((letter) => !(letter.stage === "kept" && letter.id === comment.id));
  if (!comment.own || rest.some((letter) => letter.id === comment.id)) return rest;
  const made = rest.find((letter) => letter.id === undefined && letter.stage !== "refused" && letter.went && letter.text === comment.text);
  return made ? change(rest, made.ref, (letter) => ({ ...letter, id: comment.id })) : rest;
}

export function refused(box: Outbox, { ref, code, retry_ms: retryMs }: Refusal, nowMs: number): Outbox {
  if (ref === undefined) return box;
  return change(box, ref, (letter): Letter => {
    const tries = letter.tries + 1;
    if (PASSING.includes(code) && tries <= MOST_TRIES) return { ...letter, stage: "waiting", tries, notBeforeMs: nowMs + (retryMs ?? BUSY_MS * tries), code };
    if (ASKS_NAME.includes(code)) return { ...letter, stage: "waiting", notBeforeMs: Number.POSITIVE_INFINITY, code };
    return { ...letter, stage: "refused", code };
  });
}

/** The writer has said how they are called: what waited for it goes on. */
export function named(box: Outbox): Outbox {
  return box.map((letter) => {
    if (letter.code === undefined || !ASKS_NAME.includes(letter.code)) return letter;
    const { code: _, ...rest } = letter;
    return { ...rest, stage: "waiting", notBeforeMs: 0 };
  });
}

export const dropped = (box: Outbox, ref: string): Outbox => box.filter((letter) => letter.ref !== ref);

/** What is shown of it, given what is in the thread already. */
export function shown(box: Outbox, comments: (id: string) => boolean): Letter[] {
  return box.filter((letter) => letter.id === undefined || !comments(letter.id));
}

/** The one whose time is awaited, and when that is: slow mode's countdown. */
export function awaited(box: Outbox, nowMs: number): number | null {
  const times = box.filter((letter) => letter.stage === "waiting" && letter.notBeforeMs > nowMs && Number.isFinite(letter.notBeforeMs)).map((letter) => letter.notBeforeMs);
  return times.length > 0 ? Math.min(...times) : null;
}

/** What is left to the page's next life. */
export function left(box: Outbox): object[] {
  const open = box.filter((letter) => letter.stage !== "kept");
  return open.map(({ ref, text, as_host: asHost, at, reply_to: to, stage, code }) => ({ ref, text, as_host: asHost, at, reply_to: to, ...(stage === "refused" && { code }) }));
}

/** Read back what an earlier life of the page had left. */
export function restored(text: string | null): Outbox {
  let value: unknown;
  try {
    value = JSON.parse(text ?? "[]");
  } catch {
    return [];
  }
  if (!Array.isArray(value)) return [];
  const isLetter = (one: unknown): one is Pick<Letter, "ref" | "text" | "as_host" | "at" | "reply_to" | "code"> => {
    const said = (one ?? {}) as Record<string, unknown>;
    return typeof said["ref"] === "string" && typeof said["text"] === "string" && typeof said["at"] === "string";
  };
  return value.filter(isLetter).slice(0, MOST_WAITING).map(({ ref, text: words, as_host: asHost, at, reply_to: to, code }): Letter => ({
    ref,
    text: words,
    as_host: asHost === true,
    at,
    ...(to && typeof to.id === "string" && { reply_to: { id: to.id, name: String(to.name) } }),
    ...(typeof code === "string" ? { stage: "refused", code } : { stage: "waiting" }),
    // Perhaps, in that life.
    went: true,
    sentMs: 0,
    tries: 0,
    notBeforeMs: 0,
  }));
}
