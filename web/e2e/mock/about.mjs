/** What is said about a room, as `src/page/room.rs` and `src/page/register.rs` fill it in. Its Markdown is not read here: paragraphs do. */
import { message } from "./pages.mjs";
import { List, text } from "./render.mjs";

const escaped = (value) => value.replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]);
const kinds = { phone: "tel", long_text: "long" };

export function plainTime(rfc3339) {
  return rfc3339 ? `${rfc3339.slice(0, 10)} ${rfc3339.slice(11, 16)} UTC` : "";
}

export function about(room, lang) {
  const paragraphs = (room.description ?? "").split("\n\n").filter(Boolean);
  return {
    key: room.key,
    lang: text(room.language ?? ""),
    html: text(paragraphs.map((one) => `<p>${escaped(one)}</p>\n`).join("")),
    cover: text(room.cover ?? ""),
    logo: text(room.logo ?? ""),
    logo_link: text(room.logo_link ?? ""),
    links: List.from(room.links ?? [], ({ kind, url, label }) => ({ kind, url, name: label ?? kind })),
    starts_at: text(room.starts_at ?? ""),
    starts_text: plainTime(room.starts_at ?? ""),
    register: text(room.form ? message(lang, "register.open") : ""),
  };
}

export function meta(room) {
  return { title: room.title, description: text(room.description ?? ""), url: text(""), image: text("") };
}

/** The form; `wrong` shows it as it is when nothing was filled in. */
export function register(room, lang, wrong) {
  const words = (key) => text(wrong ? message(lang, key) : "");
  const inputs = room.form.fields.map((field) => ({
    ...field,
    kind: kinds[field.type] ?? field.type,
    label: field.label,
    help: text(field.help ?? ""),
    value: text(""),
    choices: (field.choices ?? []).map((value) => ({ value, chosen: false })),
    autocomplete: "on",
    wrong: field.required ? words("register.fault.missing") : text(""),
    described: text([wrong && field.required && `wrong-${field.id}`, field.help && `help-${field.id}`].filter(Boolean).join(" ")),
  }));
  const consent = List.from(room.form.consent ? [room.form.consent] : []);
  return { about: { ...about(room, lang), register: text("") }, key: room.key, room_title: room.title, inputs, consent, agreed: false, consent_wrong: words("register.fault.consent"), wrong: words("register.wrong"), is_known: false };
}
