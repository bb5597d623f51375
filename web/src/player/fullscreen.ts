/** iPhones have no full screen for elements, only for the video itself. */
type AppleVideo = HTMLVideoElement & { webkitEnterFullscreen?: () => void };

export function canFullscreen(video: HTMLVideoElement): boolean {
  return document.fullscreenEnabled || typeof (video as AppleVideo).webkitEnterFullscreen === "function";
}

export function isFullscreen(): boolean {
  return document.fullscreenElement !== null;
}

export async function toggleFullscreen(stage: HTMLElement, video: HTMLVideoElement): Promise<void> {
  if (document.fullscreenElement) await document.exitFullscreen();
  else if (document.fullscreenEnabled) await stage.requestFullscreen();
  else (video as AppleVideo).webkitEnterFullscreen?.();
}
