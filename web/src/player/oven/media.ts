/** OvenPlayer's way to a video element: the one that its container holds already, and keeps. */
export default function Manager(container: HTMLElement) {
  return {
    createMedia: () => container.querySelector("video"),
    createAdContainer: () => null,
    empty: () => undefined,
    destroy: () => undefined,
  };
}
