/** How a comment looks: the links in it, the circle before it. Pure. */

export type Piece = { text: string; href?: undefined } | { text: string; href: string };

const LINK = /https?:\/\/[^\s<>"'`\u0000-\u0020\u200e\u200f\u202a-\u202e\u2066-\u2069]{2,1000}/gi;
/** More links than these in one comment stay plain. */
const MOST_LINKS = 10;

/** A full stop or a bracket at the end of a sentence belongs to the sentence, unless the bracket was opened in the address. */
function trimmed(found: string): string {
  let text = found;
  for (;;) {
    const last = text.at(-1) ?? "";
    const opener = { ")": "(", "]": "[", "}": "{" }[last];
    const opens = opener ? text.split(opener).length : 0;
    if (/[.,;:!?…»”’*_~।]/.test(last) || (opener && text.split(last).length > opens)) text = text.slice(0, -1);
    else return text;
  }
}

/** A text in pieces; only plain web addresses become links. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let [done, links] = [0, 0];
  for (const match of text.matchAll(LINK)) {
    const address = trimmed(match[0]);
    if (links >= MOST_LINKS || !isAddress(address)) continue;
    if (match.index > done) found.push({ text: text.slice(done, match.index) });
    found.push({ text: address, href: address });
    done = match.index + address.length;
    links += 1;
  }
  if (done < text.length) found.push({ text: text.slice(done) });
  return found;
}

function isAddress(text: string): boolean {
  try {
    const url = new URL(text);
    // A name before the host is how one address is made to look like another.
    return /^https?:$/.test(url.protocol) && url.hostname.length > 0 && !url.username && !url.password;
  } catch {
    return false;
  }
}

interface Segments {
  segment(text: string): Iterable<{ segment: string }>;
}
type Segmenter = new (language: string | undefined, options: { granularity: "grapheme" }) => Segments;

function first(word: string): string {
  const { Segmenter } = Intl as unknown as { Segmenter?: Segmenter };
  if (!Segmenter) return Array.from(word)[0] ?? "";
  for (const { segment } of new Segmenter(undefined, { granularity: "grapheme" }).segment(word)) return Array.from(segment).slice(0, 8).join("");
  return "";
}

/** One or two letters for a name; a question mark for none. */
export function initials(name: string): string {
  const found = name.trim().split(/[\s.·_-]+/u).filter((word) => /[\p{L}\p{N}\p{Emoji_Presentation}]/u.test(word));
  const [start, end] = [found[0], found.length > 1 ? found.at(-1) : undefined];
  if (!start) return "?";
  return (first(start) + (end && !/\p{Emoji_Presentation}/u.test(start) ? first(end) : "")).toLocaleUpperCase();
}

export const TONES = 12;

/** The same colour for the same person, however they are called. */
export function tone(handle: string): number {
  let hash = 2166136261;
  for (let at = 0; at < handle.length; at += 1) hash = Math.imul(hash ^ handle.charCodeAt(at), 16777619);
  return (hash >>> 0) % TONES;
}

/** Characters as the server counts them: code points. */
export const length = (text: string) => Array.from(text).length;
