/** What can keep a picture away; each has its words in the catalogue. */
export type Trouble =
  /** The room has nothing on the air. */
  | "nothing_on_air"
  /** The origin has no pictures for us yet, or no more. */
  | "not_there"
  | "busy"
  | "refused"
  | "unreachable"
  /** The way for the media could not be opened. */
  | "blocked"
  /** It was opened, and no picture came. */
  | "timeout"
  | "lost"
  | "frozen"
  | "lossy"
  | "black"
  | "silent";
