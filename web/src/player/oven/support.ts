/**
 * Which of OvenPlayer's providers plays a source. Its own answer uses names before they are declared, which only
 * passes where a compiler has made it older JavaScript.
 */
interface Source {
  type?: string;
}

function provider({ type }: Source): string | undefined {
  if (type === "webrtc") return "webrtc";
  // Apple's phones have no MediaSource that hls.js could use; they play the playlist themselves.
  if (type === "hls") return "MediaSource" in window || "ManagedMediaSource" in window ? "hls" : "html5";
  return undefined;
}

export default function SupportChecker() {
  return {
    findProviderNameBySource: (source: Source) => provider(source),
    findProviderNamesByPlaylist: (item?: { sources?: Source[] }) => item?.sources?.map(provider).filter((name) => name !== undefined) ?? null,
  };
}
