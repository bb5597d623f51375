/** What a key does in the player. Pure. */
export type Deed = "halt" | "mute" | "fullscreen" | "louder" | "softer" | "figures" | "help";

export interface Pressed {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  /** Where the key was pressed: in what is written in, on what is pressed by itself, in the player. */
  inText: boolean;
  onButton: boolean;
  inPlayer: boolean;
}

/** In the order in which the help shows them; the arrows belong to the page unless the player has the focus. */
export const KEYS: { keys: string[]; deed: Exclude<Deed, "louder" | "softer"> | "volume" }[] = [
  { keys: ["K", "␣"], deed: "halt" },
  { keys: ["M"], deed: "mute" },
  { keys: ["↑", "↓"], deed: "volume" },
  { keys: ["F"], deed: "fullscreen" },
  { keys: ["I"], deed: "figures" },
  { keys: ["?"], deed: "help" },
];

export function deedOf(pressed: Pressed): Deed | null {
  if (pressed.ctrlKey || pressed.metaKey || pressed.altKey || pressed.inText) return null;
  switch (pressed.key) {
    case " ":
      // A button takes the space bar for itself.
      return pressed.onButton ? null : "halt";
    case "ArrowUp":
      return pressed.inPlayer ? "louder" : null;
    case "ArrowDown":
      return pressed.inPlayer ? "softer" : null;
    case "?":
      return "help";
  }
  switch (pressed.key.toLowerCase()) {
    case "k":
      return "halt";
    case "m":
      return "mute";
    case "f":
      return "fullscreen";
    case "i":
      return "figures";
  }
  return null;
}
