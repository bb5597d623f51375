/** Plays an origin's addresses with OvenPlayer. This module and what it imports are loaded only where a room has an origin. */
import OvenPlayerSDK from "ovenplayer/src/js/ovenplayer.sdk.js";
import type { Hooks, Line } from "../line";
import { Meter } from "../meter";
import type { Source } from "../playback";
import { NOTHING_READ, type Reading } from "../reading";
import type { Trouble } from "../trouble";

type OvenPlayer = ReturnType<typeof OvenPlayerSDK.create>;

/** What OME says on its socket where it has no such stream, or does not let us have it. */
const NO_STREAM = "Cannot create offer";

/** Tells the errors of OvenPlayer as what they mean to us, by what the connection was when it came; null before there was one. */
function troubleOf(error: { error?: unknown } | undefined, ice: RTCIceConnectionState | null): Trouble {
  // The objects are OvenPlayer's own constants, and keep what they were told: the next reader must not find it.
  const said = error?.error;
  if (error) delete error.error;
  if (said === NO_STREAM) return "not_there";
  if (ice === null) return "unreachable";
  // The socket was closed while the way was open: the source has ended, and another way would lead to nothing either.
  return ice === "connected" || ice === "completed" ? "not_there" : "lost";
}

/** Over WebRTC, by UDP or TCP as the address says. OvenPlayer gets an element of its own that nobody sees; we show its stream. */
export function openWebrtc(source: Source, hooks: Hooks): Line {
  const container = document.createElement("div");
  container.append(document.createElement("video"));
  const stream = new MediaStream();
  const meter = new Meter();
  let connection: RTCPeerConnection | null = null;
  let ice: RTCIceConnectionState | null = null;
  let closed = false;
  const player = OvenPlayerSDK.create(container, {
    sources: [{ type: "webrtc", file: source.url }],
    autoStart: false,
    autoFallback: false,
    mute: true,
  });
  const close = () => {
    if (closed) return;
    closed = true;
    player.remove();
    connection?.close();
  };
  const fail = (trouble: Trouble) => {
    if (closed) return;
    close();
    hooks.onFailed(trouble);
  };
  player.on("error", (error) => fail(troubleOf(error, ice)));
  player.on("peerConnectionPrepared", (prepared) => {
    connection = prepared;
    ice = prepared.iceConnectionState;
    prepared.addEventListener("iceconnectionstatechange", () => (ice = prepared.iceConnectionState));
    prepared.addEventListener("track", (event) => stream.addTrack(event.track));
    // OvenPlayer waits for ever where the first try of all addresses fails.
    prepared.addEventListener("connectionstatechange", () => {
      if (prepared.connectionState === "failed") fail("blocked");
    });
    hooks.onSignalled();
  });
  player.on("qualityLevelChanged", ({ currentQuality, isAuto }) => tell(player, hooks, currentQuality, isAuto));
  return {
    show: (video) => {
      if (video.srcObject !== stream) video.srcObject = stream;
    },
    read: () => (connection ? meter.read(connection) : Promise.resolve(NOTHING_READ)),
    choose: (index) => choose(player, index),
    close,
  };
}

/** LL-HLS, in the element that `screen` holds. */
export async function openLlhls(source: Source, screen: HTMLElement, hooks: Hooks): Promise<Line> {
  const video = screen.querySelector("video");
  if (!video) throw new Error("no element to play in");
  // Apple's phones play it themselves; all others need hls.js, which OvenPlayer takes from the window.
  if (!("Hls" in window) && ("MediaSource" in window || "ManagedMediaSource" in window)) Object.assign(window, { Hls: (await import("hls.js")).default });
  video.srcObject = null;
  let latency: () => number | null = () => null;
  let closed = false;
  const player = OvenPlayerSDK.create(screen, {
    sources: [{ type: "hls", file: source.url, lowLatency: true }],
    autoStart: false,
    autoFallback: false,
    mute: video.muted,
    volume: video.volume * 100,
    // A worker would have to come from a blob, which the content policy refuses; fMP4 needs none. The timer of the playlist is hls.js' own.
    hlsConfig: { lowLatencyMode: true, enableWorker: false, liveDurationInfinity: true, backBufferLength: 10, maxLiveSyncPlaybackRate: 1.2, renderTextTracksNatively: false },
  });
  const close = () => {
    if (closed) return;
    closed = true;
    player.remove();
    video.removeAttribute("src");
    video.load();
  };
  player.on("error", (error) => {
    if (closed) return;
    const status = (error?.error as { response?: { code?: number } } | undefined)?.response?.code;
    const trouble = status === 404 ? "not_there" : status ? "refused" : video.currentTime > 0 ? "lost" : "unreachable";
    close();
    hooks.onFailed(trouble);
  });
  player.on("hlsPrepared", (hls) => {
    latency = () => (Number.isFinite(hls.latency) && hls.latency > 0 ? hls.latency : null);
    hls.once("hlsManifestLoaded" as import("hls.js").Events.MANIFEST_LOADED, () => hooks.onSignalled());
  });
  player.on("qualityLevelChanged", ({ currentQuality, isAuto }) => tell(player, hooks, currentQuality, isAuto));
  const meter = new SegmentMeter();
  return {
    show: () => undefined,
    read: () => Promise.resolve(meter.read(video, latency())),
    choose: (index) => choose(player, index),
    close,
  };
}

/** What an element that plays segments can tell. */
class SegmentMeter {
  private held: { atMs: number; frames: number } | null = null;

  read(video: HTMLVideoElement & { webkitAudioDecodedByteCount?: number }, latencyS: number | null): Reading {
    const frames = video.getVideoPlaybackQuality().totalVideoFrames;
    const now = { atMs: performance.now(), frames };
    const fps = this.held && now.atMs > this.held.atMs ? ((frames - this.held.frames) * 1000) / (now.atMs - this.held.atMs) : null;
    this.held = now;
    return {
      ...NOTHING_READ,
      connected: video.readyState >= HTMLMediaElement.HAVE_METADATA,
      frames,
      sound: video.webkitAudioDecodedByteCount ?? null,
      fps: fps === null ? null : Math.round(fps),
      width: video.videoWidth || null,
      height: video.videoHeight || null,
      delayMs: latencyS === null ? null : latencyS * 1000,
    };
  }
}

function tell(player: OvenPlayer, hooks: Hooks, current: number, auto: boolean): void {
  const levels = player.getQualityLevels() ?? [];
  hooks.onQualities({ all: levels.map(({ index, label, height }) => ({ index, label: height ? `${height}p` : label })), current, auto });
}

function choose(player: OvenPlayer, index: number | null): void {
  if (index === null) player.setAutoQuality(true);
  else player.setCurrentQuality(index);
}
