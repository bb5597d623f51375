import type { Hooks, Line } from "./line";
import type { Source } from "./playback";
import { openWhep } from "./whep";

/** Opens a line to a source. LL-HLS plays in the element that `screen` holds, everything else wherever it is shown. */
export async function open(source: Source, iceServers: RTCIceServer[], screen: HTMLElement, hooks: Hooks): Promise<Line> {
  if (source.type === "whep") return openWhep(source.url, iceServers, hooks);
  const oven = await import("./oven/line");
  return source.type === "llhls" ? oven.openLlhls(source, screen, hooks) : oven.openWebrtc(source, hooks);
}
