/** Comments for tests: the number is id and sequence number alike. */
import type { Comment } from "./wire";

export function comment(id: number, more: Partial<Comment> = {}): Comment {
  const name = String(id).padStart(6, "0");
  return { seq: id, id: name, viewer: "v", name: "Ann", text: `text ${id}`, at: "2026-11-22T10:00:00Z", state: "shown", pinned: false, host: false, own: false, reactions: {}, mine: [], ...more };
}
