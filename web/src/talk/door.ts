import type { Problem } from "../api/client";

/** Whether a refusal says that the room's door has to be passed first. */
export function isClosed(problem: Problem): boolean {
  return problem.status === 403 && (problem.code === "password_needed" || problem.code === "registration_needed");
}
