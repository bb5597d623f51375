/**
 * Renders the page templates without the program, for the tests and the work on the looks. It knows the few forms
 * that the templates use: extends, block, include, if, else if, else, for, |safe, and expressions that JavaScript reads
 * as Rust does. The tests against the real program prove that both agree.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const escapes = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escape = (value) => String(value).replace(/[&<>"']/g, (c) => escapes[c]);

export function render(folder, name, context) {
  const source = flatten(folder, name);
  let code = 'let out = "";\n';
  for (const part of source.split(/(\{\{.*?\}\}|\{%.*?%\})/s)) {
    const shown = part.startsWith("{{") ? part.slice(2, -2).trim() : "";
    if (shown.endsWith("|safe")) code += `out += String(${shown.slice(0, -5)});\n`;
    else if (shown) code += `out += escape(${shown});\n`;
    else if (part.startsWith("{%")) code += statement(part.slice(2, -2).trim());
    else code += `out += ${JSON.stringify(part)};\n`;
  }
  const names = Object.keys(context);
  return new Function("escape", ...names, `${code}return out;`)(escape, ...names.map((key) => context[key]));
}

function statement(text) {
  const [word, ...rest] = text.split(/\s+/);
  const tail = rest.join(" ");
  if (word === "if") return `if (${tail}) {\n`;
  if (word === "else") return tail ? `} else if (${tail.replace(/^if /, "")}) {\n` : "} else {\n";
  if (word === "for") return `for (const ${rest[0]} of ${rest.slice(2).join(" ")}) {\n`;
  if (word === "endif" || word === "endfor") return "}\n";
  throw new Error(`the template says {% ${text} %}, which this renderer does not know`);
}

/** Puts blocks and includes in their places. */
function flatten(folder, name) {
  let source = read(folder, name);
  const parent = /^\{% extends "(.+?)" %\}/.exec(source)?.[1];
  if (parent) {
    const blocks = {};
    for (const [, block, body] of source.matchAll(/\{% block (\w+) %\}(.*?)\{% endblock %\}/gs)) blocks[block] = body;
    source = read(folder, parent);
    // Innermost first: a block in a block is replaced before the one around it.
    for (let round = 0; round < 3; round += 1) {
      source = source.replace(/\{% block (\w+) %\}((?:(?!\{% block )[\s\S])*?)\{% endblock %\}/g, (_, block, body) => blocks[block] ?? body);
    }
  }
  return source.replace(/\{% include "(.+?)" %\}/g, (_, file) => flatten(folder, file));
}

function read(folder, name) {
  return readFileSync(join(folder, name), "utf8");
}

/** A list as the templates ask it. */
export class List extends Array {
  is_empty() {
    return this.length === 0;
  }
}

/** A text as the templates ask it. */
export function text(value) {
  return Object.assign(new String(value), { is_empty: () => value.length === 0 });
}
