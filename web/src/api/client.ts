import { known, t } from "../i18n";
import type { Page } from "./types";

/** How long an answer may take before we say that the server does not answer. */
const PATIENCE_MS = 20_000;

/** An answer that is no success, or none at all (`code` is then `unreachable` or `timeout`, and `status` 0). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly retryAfterS?: number,
    /** The field of the body that is wrong, as a path (`targets[0].url`). */
    readonly field?: string,
  ) {
    super(detail || code);
  }

  /** The sentence for a person: ours where we have one for the code, else the server's. */
  get words(): string {
    const ours = known(`problem.${this.code}`);
    return ours ?? (this.detail || t("problem_unknown", { status: this.status }));
  }
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const name = error instanceof Error ? error.name : "";
  const code = name === "TimeoutError" || name === "AbortError" ? "timeout" : "unreachable";
  return new Problem(0, code, "");
}

/** Reads the problem document of a failed answer; one that is not ours (a proxy's page) counts by its status. */
export async function problemOf(answer: Response): Promise<Problem> {
  let code = `http_${answer.status}`;
  let detail = "";
  let field: string | undefined;
  try {
    const body = (await answer.json()) as Record<"code" | "detail" | "title" | "field", unknown>;
    if (typeof body.field === "string") field = body.field;
    if (typeof body.code === "string") code = body.code;
    if (typeof body.detail === "string") detail = body.detail;
    else if (typeof body.title === "string") detail = body.title;
  } catch {
    // No JSON: the status has to do.
  }
  const after = Number(answer.headers.get("Retry-After"));
  return new Problem(answer.status, code, detail, Number.isFinite(after) && after > 0 ? after : undefined, field);
}

type Method = "GET" | "POST" | "PATCH" | "DELETE";

/** Calls the API and gives the answer's JSON (`undefined` where there is none); throws a {@link Problem}. */
export async function call<T = undefined>(method: Method, path: string, body?: unknown): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(`/api/v1${path}`, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch (error) {
    throw asProblem(error);
  }
  if (answer.status === 401 && path !== "/session") toLogin();
  if (!answer.ok) throw await problemOf(answer);
  const text = await answer.text();
  return (text && answer.headers.get("Content-Type")?.includes("json") ? JSON.parse(text) : undefined) as T;
}

/** Sends a file as it is. */
export async function put(path: string, file: Blob): Promise<void> {
  let answer: Response;
  try {
    answer = await fetch(`/api/v1${path}`, { method: "PUT", headers: { "Content-Type": file.type || "application/octet-stream" }, body: file, signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch (error) {
    throw asProblem(error);
  }
  if (answer.status === 401) toLogin();
  if (!answer.ok) throw await problemOf(answer);
}

/** At most this many pages of a list are read: a list that never ends must not hang the page. */
const PAGES = 20;

/** A whole list, page by page. */
export async function list<T>(path: string): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null | undefined;
  for (let page = 0; page < PAGES; page += 1) {
    const join = path.includes("?") ? "&" : "?";
    const answer = await call<Page<T>>("GET", cursor ? `${path}${join}cursor=${encodeURIComponent(cursor)}` : path);
    items.push(...answer.items);
    cursor = answer.next;
    if (!cursor) break;
  }
  return items;
}

/** The session is over: back to the login page, and from there to here again. */
export function toLogin(): void {
  location.assign(`/login?next=${encodeURIComponent(location.pathname + location.hash)}`);
}
