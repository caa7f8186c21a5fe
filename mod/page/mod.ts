/**
 * The status page: readable files, put together into one that loads nothing. Modules become scopes
 * of one script, whose digest the policy of the page names; nothing else may run in it.
 *
 * @module
 */

import page from "./page.html" with { type: "text" };
import style from "./page.css" with { type: "text" };
import detail from "./detail.js" with { type: "text" };
import dom from "./dom.js" with { type: "text" };
import drawing from "./drawing.js" with { type: "text" };
import feed from "./feed.js" with { type: "text" };
import format from "./format.js" with { type: "text" };
import lists from "./lists.js" with { type: "text" };
import main from "./main.js" with { type: "text" };
import model from "./model.js" with { type: "text" };
import table from "./table.js" with { type: "text" };
import theme from "./theme.js" with { type: "text" };
import timeline from "./timeline.js" with { type: "text" };
import topology from "./topology.js" with { type: "text" };
import { sha256, SHA256_LENGTH } from "../secret/mod.ts";

/** A page, and what it may do. */
export interface StatusPage {
  readonly body: Uint8Array;
  /** Of `Content-Security-Policy`. */
  readonly policy: string;
  /** Of `ETag`. */
  readonly tag: string;
}

/** Each after those that it imports. */
const MODULES: readonly (readonly [string, string])[] = [
  ["dom", dom],
  ["theme", theme],
  ["feed", feed],
  ["format", format],
  ["model", model],
  ["timeline", timeline],
  ["topology", topology],
  ["table", table],
  ["lists", lists],
  ["drawing", drawing],
  ["detail", detail],
  ["main", main],
];

let made: StatusPage | undefined;

/** The same for whoever asks: what it shows it asks for itself. */
export function statusPage(): StatusPage {
  return made ??= make();
}

function make(): StatusPage {
  const code = `"use strict";\n${MODULES.map(([name, text]) => scopeOf(name, text)).join("")}`;
  // Functions: a `$` in what is put in means nothing.
  const text = page
    .replace("<style></style>", () => `<style>${style}</style>`)
    .replace('<script type="module"></script>', () => `<script type="module">${code}</script>`);
  const body = new TextEncoder().encode(text);
  return { body, policy: policyOf(code), tag: `"${digest(text).replace(/[+/=]/g, "")}"` };
}

/** A module as a function's scope: what it exports is what the function returns. */
function scopeOf(name: string, text: string): string {
  const exported: string[] = [];
  const inner = text
    .replace(
      /^import (\{[^}]*\}) from "\.\/([a-z]+)\.js";$/gm,
      (_, names: string, from: string) => `const ${names} = ${scopeName(from)};`,
    )
    .replace(/^export ((?:async )?(?:function|class|const|let) (\w+))/gm, (_, head, own) => {
      exported.push(own);
      return head;
    });
  return `const ${scopeName(name)} = (() => {\n${inner}return { ${exported.join(", ")} };\n})();\n`;
}

function scopeName(name: string): string {
  return `$${name}`;
}

/** Only this script and this style, only questions to who served it; no frame, no form, no plugin. */
function policyOf(code: string): string {
  return [
    "default-src 'none'",
    `script-src 'sha256-${digest(code)}'`,
    `style-src 'sha256-${digest(style)}'`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
}

/** SHA-256 of a text in UTF-8, base64. */
function digest(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const out = new Uint8Array(SHA256_LENGTH);
  sha256(bytes, bytes.length, out, 0);
  return btoa(String.fromCharCode(...out));
}
