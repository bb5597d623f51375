/** The server-rendered pages, as `src/page` makes them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { List, render, text } from "./render.mjs";

const web = join(import.meta.dirname, "../..");
const locale = (code) => JSON.parse(readFileSync(join(web, "locales", `${code}.json`), "utf8"));
const messages = { en: locale("en"), hi: locale("hi"), de: locale("de") };
const names = { en: "English", hi: "हिन्दी", de: "Deutsch" };

function assets(entries, lang) {
  const manifest = JSON.parse(readFileSync(join(web, "dist/manifest.json"), "utf8"));
  const found = { scripts: [], styles: new Set(), preloads: new Set() };
  const walk = (key, top) => {
    const chunk = manifest[key];
    for (const css of chunk.css ?? []) found.styles.add(`/assets/${css}`);
    if (top) found.scripts.push(`/assets/${chunk.file}`);
    else found.preloads.add(`/assets/${chunk.file}`);
    for (const next of chunk.imports ?? []) walk(next, false);
  };
  for (const entry of entries) walk(`src/entry/${entry}.ts`, true);
  if (entries.length > 1) found.preloads.add(`/assets/${manifest[`locales/${lang}.json`].file}`);
  return found;
}

export function page(name, { lang, theme, path, signedIn, title, entries, ...context }) {
  const t = (key) => {
    const message = messages[lang][key];
    if (message === undefined) throw new Error(`no message ${key}`);
    return text(message);
  };
  const languages = List.from(Object.keys(messages), (code) => ({ code, name: names[code], current: code === lang, href: `${path}?lang=${code}` }));
  const shown = typeof title === "function" ? title(t) : title;
  return render(join(web, "templates"), `${name}.html`, {
    page: { t, lang, lang_short: lang.toUpperCase(), theme, title: shown, languages, signed_in: signedIn, here: name, accent: context.room?.accent ?? "", unlisted: false, ...assets(["site", ...entries], lang) },
    ...context,
  });
}

export function message(lang, key) {
  return messages[lang][key];
}
