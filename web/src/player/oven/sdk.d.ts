/** OvenPlayer's SDK, as far as we call it; the package has no types. */
declare module "ovenplayer/src/js/ovenplayer.sdk.js" {
  interface Level {
    index: number;
    label: string;
    width: number;
    height: number;
    bitrate: number;
  }

  export interface OvenPlayer {
    on(name: "error", take: (error: { code?: number; error?: unknown } | undefined) => void): void;
    on(name: "peerConnectionPrepared", take: (connection: RTCPeerConnection) => void): void;
    on(name: "hlsPrepared", take: (hls: import("hls.js").default) => void): void;
    on(name: "qualityLevelChanged", take: (level: { currentQuality: number; isAuto: boolean }) => void): void;
    getQualityLevels(): Level[] | null;
    setCurrentQuality(index: number): void;
    setAutoQuality(auto: boolean): void;
    remove(): void;
  }

  const sdk: { create(container: HTMLElement, options: object): OvenPlayer };
  export default sdk;
}
