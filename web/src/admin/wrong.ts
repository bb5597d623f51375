import { asProblem } from "../api/client";

/** What an answer found wrong: at a field where it names one, else as a whole. */
export interface Wrong {
  field: string | undefined;
  words: string;
}

export function wrongOf(error: unknown): Wrong {
  const problem = asProblem(error);
  return { field: problem.field, words: problem.words };
}

/** `targets[0].url` and `targets.0.url` are the same place. */
export function samePlace(a: string, b: string): boolean {
  const plain = (path: string) => path.replace(/\[(\d+)\]/g, ".$1").replace(/^body\./, "");
  return plain(a) === plain(b);
}

/** The words for one field, for a form whose fields are named as in the API. */
export function at(wrong: Wrong | null, field: string): string | undefined {
  return wrong?.field !== undefined && samePlace(wrong.field, field) ? wrong.words : undefined;
}

/** The words that no field of the form will show. */
export function elsewhere(wrong: Wrong | null, fields: readonly string[]): string {
  if (!wrong) return "";
  return fields.some((field) => at(wrong, field)) ? "" : wrong.words;
}
