import { asProblem, problemOf } from "../../api/client";
import type { Room } from "../../api/types";

/** Larger files are not even sent. */
export const FILE_BYTES = 8 * 1024 * 1024;
/** How long a picture may take: it may come from a telephone on a slow line, and waits for its turn. */
const PATIENCE_MS = 60_000;

/** Sends a picture, or takes it away; gives the room as it is then. */
export async function sendPicture(path: string, file: Blob | null): Promise<Room> {
  let answer: Response;
  try {
    const body = file ? { body: file, headers: { "Content-Type": file.type || "application/octet-stream" } } : {};
    answer = await fetch(`/api/v1${path}`, { method: file ? "PUT" : "DELETE", signal: AbortSignal.timeout(PATIENCE_MS), ...body });
  } catch (error) {
    throw asProblem(error);
  }
  if (!answer.ok) throw await problemOf(answer);
  return (await answer.json()) as Room;
}
