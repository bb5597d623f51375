const [WIDTH, HEIGHT] = [32, 18];
/** Brighter than this, of 255, is no black: encoders leave a little noise in it. */
const BLACK = 20;

/** Whether all of some pixels are black. Pure. */
export function allBlack(pixels: Uint8ClampedArray): boolean {
  for (let at = 0; at < pixels.length; at += 4) {
    if (Math.max(pixels[at] ?? 0, pixels[at + 1] ?? 0, pixels[at + 2] ?? 0) > BLACK) return false;
  }
  return true;
}

let context: CanvasRenderingContext2D | null | undefined;

/** Whether the picture that is shown is black; null where that cannot be seen. */
export function isBlack(video: HTMLVideoElement): boolean | null {
  if (!video.videoWidth || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return null;
  context ??= Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT }).getContext("2d", { willReadFrequently: true });
  if (!context) return null;
  try {
    context.drawImage(video, 0, 0, WIDTH, HEIGHT);
    return allBlack(context.getImageData(0, 0, WIDTH, HEIGHT).data);
  } catch {
    // Some browsers do not show us pictures that came from elsewhere.
    return null;
  }
}
