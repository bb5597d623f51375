/** Larger than this is no use for a moment's picture behind a word. */
const MOST_WIDTH = 960;

/** Copies the picture that is shown; says whether there was one. */
export function keepStill(video: HTMLVideoElement, canvas: HTMLCanvasElement): boolean {
  const [width, height] = [video.videoWidth, video.videoHeight];
  const context = width > 0 && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA ? canvas.getContext("2d") : null;
  if (!context) return false;
  const scale = Math.min(1, MOST_WIDTH / width);
  Object.assign(canvas, { width: Math.round(width * scale), height: Math.round(height * scale) });
  context.drawImage(video, 0, 0, canvas.width, canvas.height);
  return true;
}
