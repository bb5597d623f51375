/*!
 * The comments of a Bluecast room in any page:
 *
 *   <script src="https://HOST/embed.js" data-room="KEY" async></script>
 *
 * They appear where the tag stands, and grow with what is written, up to a height. More, if wanted: data-target="#id" (into that element
 * instead), data-theme="light|dark", data-lang="en|hi|de", data-title="…" (for screen readers), data-min-height and data-max-height in pixels.
 */
(() => {
  const script = document.currentScript;
  if (!(script instanceof HTMLScriptElement) || !script.dataset.room) return;
  const { room, theme, lang, title, target, minHeight, maxHeight } = script.dataset;
  const page = new URL(`/embed/${encodeURIComponent(room)}/comments`, script.src);
  if (theme === "light" || theme === "dark") page.searchParams.set("theme", theme);
  if (lang) page.searchParams.set("lang", lang);

  const pixels = (text, otherwise) => (Number(text) > 0 ? Number(text) : otherwise);
  const least = pixels(minHeight, 320);
  const most = Math.max(least, pixels(maxHeight, 640));
  const frame = document.createElement("iframe");
  frame.src = page.href;
  frame.title = title || "Comments";
  frame.loading = "lazy";
  frame.referrerPolicy = "strict-origin-when-cross-origin";
  Object.assign(frame.style, { display: "block", width: "100%", height: `${least}px`, border: "0" });

  addEventListener("message", (event) => {
    if (event.source !== frame.contentWindow || event.origin !== page.origin) return;
    const said = event.data;
    if (typeof said !== "object" || said === null || said.bluecast !== "height" || !Number.isFinite(said.height)) return;
    frame.style.height = `${Math.min(Math.max(said.height, least), most)}px`;
  });

  const place = () => {
    const found = target ? document.querySelector(target) : null;
    if (found) found.append(frame);
    else script.after(frame);
  };
  // The element that is meant may stand below the script.
  if (target && document.readyState === "loading") document.addEventListener("DOMContentLoaded", place);
  else place();
})();
