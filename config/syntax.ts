/**
 * Syntax errors of TOML in the words of somebody who wants to get on: what is wrong at that place
 * and, where the intention is plain, what to write. The parser knows the place; the intention is
 * read from the line.
 *
 * @module
 */

import { textOf } from "../mod/text/mod.ts";
import { TomlError } from "./toml.ts";
import type { Finding } from "./finding.ts";
import type { Source } from "./tree.ts";

/** What to say about a line. */
interface Saying {
  readonly message: string;
  readonly advice?: string;
  /** UTF-16 offset in the line and length; absent: where the parser stopped. */
  readonly start?: number;
  readonly length?: number;
}

/** `key = something without quotes`: the pieces of the line. */
const BARE_VALUE = /^(\s*[^=#"']*?=\s*)([^\s"'[{#,][^#,\]}]*?)\s*(#.*)?$/;

/** Where a value without quotes stands in its line: after the `=`, or inside brackets. */
function bareWord(line: string, column: number): { start: number; word: string } | undefined {
  const match = BARE_VALUE.exec(line);
  if (match?.[1] !== undefined && match[2] !== undefined) {
    const start = match[1].length;
    if (column - 1 >= start && column - 1 <= start + match[2].length) {
      return { start, word: match[2] };
    }
  }
  const word = /^[^\s,\]}#]+/.exec(line.slice(column - 1))?.[0];
  return word === undefined ? undefined : { start: column - 1, word };
}

/** A bare word that is no TOML value. */
function bareValue(line: string, column: number): Saying | undefined {
  const found = bareWord(line, column);
  if (found === undefined) return undefined;
  const { start, word } = found;
  const place = { start, length: word.length };
  if (word.startsWith("=")) {
    const key = line.slice(0, start).trim();
    const rest = word.replace(/^=+\s*/, "");
    return { message: "One `=` is enough", advice: `write \`${key} ${rest}\` instead`, ...place };
  }
  if (/["'[\]{}]/.test(word)) return undefined;
  const lower = word.toLowerCase();
  if (/^(yes|on|true|no|off|false)$/.test(lower)) {
    const message = `\`${word}\` is not a truth value in TOML`;
    const truth = /^(yes|on|true)$/.test(lower);
    return { message, advice: `write \`${truth}\` instead`, ...place };
  }
  if (/^0[0-9]+$/.test(word)) {
    const number = word.replace(/^0+(?=.)/, "");
    const message = `\`${word}\` has a leading zero`;
    return { message, advice: `write \`${number}\` instead`, ...place };
  }
  const message = `\`${word}\` is text and must stand in quotes`;
  return { message, advice: `write \`${JSON.stringify(word)}\` instead`, ...place };
}

/** A line that is neither `key = value` nor a table. */
function noEntry(line: string): Saying | undefined {
  const text = line.replace(/#.*$/, "").trimEnd();
  const start = text.length - text.trimStart().length;
  const length = text.length - start;
  const colon = /^\s*([\w.-]+)\s*:\s*(.*)$/.exec(text);
  if (colon !== null && !text.includes("=")) {
    return {
      message: "A key and its value are joined by `=`",
      advice: `write \`${colon[1]} = ${colon[2]}\` instead`,
      start,
      length,
    };
  }
  const words = /^\s*([\w.-]+(?:\s+[\w.-]+)+)\s*=/.exec(text);
  if (words?.[1] !== undefined) {
    return {
      message: `A key has no blanks: \`${words[1]}\``,
      advice: `write \`${words[1].replace(/\s+/g, "_")}\` instead`,
      start,
      length: words[1].length,
    };
  }
  if (text.includes("=") || text.trim() === "") return undefined;
  if (/^\s*\[/.test(text)) {
    const double = /^\s*\[\[/.test(text);
    const name = text.replace(/[[\]\s]/g, "");
    return {
      message: "The header of a table does not end",
      ...(name === ""
        ? {}
        : { advice: `write \`${double ? `[[${name}]]` : `[${name}]`}\` instead` }),
      start,
      length,
    };
  }
  const message = "This line is neither `key = value` nor a table";
  if (/^\s*!|^\s*[a-z_]+(\s[^={}]*)?\{$/.test(text)) {
    const advice =
      "a keepalived.conf becomes a site by `halb convert keepalived.conf -o site.toml`";
    return { message, advice, start, length };
  }
  return { message, start, length };
}

/** The parser's own words, and ours where they help more. */
function say(error: TomlError, line: string): Saying {
  const words = (error.message.split("\n")[0] ?? "").replace(/^Invalid TOML document: /, "");
  const own = words.charAt(0).toUpperCase() + words.slice(1);
  const rest = line.slice(error.column - 1).trim();
  switch (words) {
    case "invalid value":
      if (rest === "" || rest.startsWith("#")) {
        return { message: "A value is missing here", advice: "write a value after the `=`" };
      }
      return bareValue(line, error.column) ?? { message: "This is not a TOML value" };
    case "illegal character in numeric literal":
    case "illegal leading zero":
    case "invalid number":
    case "invalid date":
    case "each key-value declaration must be followed by an end-of-line":
      return noEntryHeader(line) ?? bareValue(line, error.column) ?? { message: own };
    case "control characters are not allowed in strings":
      return rest === ""
        ? { message: "The text does not end on this line", advice: "close it with a quote here" }
        : { message: own };
    case "expected comma or end of structure":
      return { message: "A comma or a closing bracket is missing", advice: "put it before this" };
    case "trying to redefine an already defined table or value":
      return { message: `Given twice: \`${subject(line)}\``, advice: "leave out one of the two" };
    case "illegal character in key":
    case "unexpected end of key":
    case "expected end of table array declaration":
    case "expected end of table declaration":
      return noEntry(line) ?? { message: own };
    default:
      return noEntry(line) ?? { message: own };
  }
}

/** `[a]]` and `[[a]`: brackets that do not match. */
function noEntryHeader(line: string): Saying | undefined {
  return /^\s*\[[^=]*$/.test(line) ? noEntry(line) : undefined;
}

/** The key or table header of a line. */
function subject(line: string): string {
  const header = /^\s*(\[\[?[^\]]*\]\]?)/.exec(line);
  return (header?.[1] ?? line.split("=")[0] ?? "").trim();
}

/** The finding for what `parse` threw. */
export function syntaxFinding(source: Source, error: unknown): Finding {
  if (!(error instanceof TomlError)) {
    return {
      place: { source, line: 1, column: 1, length: 1 },
      message: `Cannot read this file as TOML: ${textOf(error)}`,
    };
  }
  const line = (source.text.split("\n")[error.line - 1] ?? "").replace(/\r$/, "");
  const { message, advice, start, length } = say(error, line);
  return {
    place: {
      source,
      line: error.line,
      column: start === undefined ? error.column : start + 1,
      length: length ?? 1,
    },
    message,
    ...(advice === undefined ? {} : { advice }),
  };
}
