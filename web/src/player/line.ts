/** One connection to one source, however it is made. */
import type { Reading } from "./reading";
import type { Trouble } from "./trouble";

/** A size and bit rate that the source offers. */
export interface Quality {
  /** What the source calls it by. */
  index: number;
  label: string;
}

export interface Qualities {
  all: Quality[];
  /** The one that is shown; -1 before that is known. */
  current: number;
  /** Whether the source chooses by itself. */
  auto: boolean;
}

export interface Line {
  /** Puts the picture into an element; LL-HLS plays in the one that it was opened with. */
  show: (video: HTMLVideoElement) => void;
  read: () => Promise<Reading>;
  /** Null chooses automatically. */
  choose: (index: number | null) => void;
  close: () => void;
}

/** What a line tells of itself. After `onFailed` it says no more. */
export interface Hooks {
  onSignalled: () => void;
  onFailed: (trouble: Trouble, retryAfterS?: number) => void;
  onQualities: (qualities: Qualities) => void;
}
