/** What the on-screen keyboard leaves to be seen, told to the style sheet. */

/** So much of the window is taken by a keyboard, and not by the browser's own bars. */
const KEYBOARD_PX = 160;

export function followKeyboard(): () => void {
  const { visualViewport: viewport } = window;
  const root = document.documentElement;
  if (!viewport || !matchMedia("(pointer: coarse)").matches) return () => undefined;
  let tallest = viewport.height;
  let width = viewport.width;
  const look = () => {
    // The window that shrinks with the keyboard is remembered as it was; turning the device begins anew.
    if (Math.abs(viewport.width - width) > 1) [tallest, width] = [viewport.height, viewport.width];
    tallest = Math.max(tallest, viewport.height);
    const writes = document.activeElement?.closest("#talk textarea") !== null && document.activeElement !== null;
    const up = writes && viewport.scale < 1.05 && tallest - viewport.height > KEYBOARD_PX;
    root.toggleAttribute("data-keyboard", up);
    if (!up) return;
    root.style.setProperty("--seen", `${viewport.height}px`);
    root.style.setProperty("--seen-top", `${viewport.offsetTop}px`);
  };
  viewport.addEventListener("resize", look);
  viewport.addEventListener("scroll", look);
  document.addEventListener("focusin", look);
  document.addEventListener("focusout", look);
  return () => {
    viewport.removeEventListener("resize", look);
    viewport.removeEventListener("scroll", look);
    document.removeEventListener("focusin", look);
    document.removeEventListener("focusout", look);
    root.removeAttribute("data-keyboard");
  };
}
