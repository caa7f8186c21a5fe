/**
 * From files to lines that count: includes, comments, conditions (`@id`), variables, sequences and
 * lists, as keepalived.conf(5) describes them. Run once for each configuration id, since a
 * condition may decide anything, even what a variable holds.
 *
 * @module
 */

import type { Notes } from "./notes.ts";
import { repetition } from "./repeat.ts";
import type { ConvertOptions, Line, Place } from "./types.ts";
import { commentStart } from "./words.ts";

/** Bounds, so that no file makes the converter run for ever. */
const MOST_LINES = 200_000;
const MOST_FILES = 1_000;
const MOST_STEPS = 1_000_000;
const DEEPEST = 64;
const LONGEST_LINE = 65_536;
/** Most variables of one line. */
const MOST_VARIABLES = 1_000;

const ENDLESS = "its variables refer to each other without an end";

const INCLUDES = new Set(["include", "includer", "includem", "includew", "includeb", "includea"]);
const DEFINITION = /^\s*\$([A-Za-z_][A-Za-z0-9_]*)=([^]*)$/;
const CONDITION = /^\s*@(\^?)([^\s^]*)(?:\s+([^]*))?$/;
/** What stands behind a name holds no `$`: no part of a line is gone through more than once. */
const VARIABLE =
  /\$(?:\{([A-Za-z_][A-Za-z0-9_]*)((?:\s[^}$]*)?)\}|([A-Za-z_][A-Za-z0-9_]*)(?=\s|$))/g;

/** Marks a value that is to be read from the environment by halb itself. */
export const ENVIRONMENT_MARK = "\u0001env:";

/** What a line begins with, for a note: what is behind it may be a password. */
function wordOf(text: string): string {
  return /\S{1,40}/.exec(text)?.[0] ?? "";
}

/** The directory of a path, with its last slash; `""` for the working directory. */
function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}

/** `a{b,c}` as `ab`, `ac`, nested too. */
export function expandBraces(pattern: string, depth = 0): string[] {
  const open = pattern.indexOf("{");
  if (open < 0 || depth > 8) return [pattern];
  let level = 0;
  const commas: number[] = [];
  let close = -1;
  for (let at = open; at < pattern.length && close < 0; at++) {
    const character = pattern[at];
    if (character === "{") level++;
    else if (character === "}" && --level === 0) close = at;
    else if (character === "," && level === 1) commas.push(at);
  }
  if (close < 0) return [pattern];
  const edges = [open, ...commas, close];
  const choices = edges.slice(0, -1).map((edge, index) =>
    pattern.slice(edge + 1, edges[index + 1])
  );
  const all: string[] = [];
  for (const choice of choices) {
    const next = pattern.slice(0, open) + choice + pattern.slice(close + 1);
    for (const one of expandBraces(next, depth + 1)) if (all.length < 1_000) all.push(one);
  }
  return all;
}

/** Whether as many blocks are closed as are opened. */
function isClosed(lines: readonly string[]): boolean {
  const braces = lines.join("\n").replace(/\$\{[^{}]*\}/g, "").replace(/[^{}]/g, "");
  return braces.replaceAll("{", "").length * 2 >= braces.length;
}

/** Expands the files for one configuration id. */
export class Expander {
  readonly lines: Line[] = [];
  /** Ids that conditions name. */
  readonly ids = new Set<string>();
  readonly #options: ConvertOptions;
  readonly #id: string;
  readonly #notes: Notes;
  readonly #variables = new Map<string, string>();
  #pending: string[] = [];
  #files = 0;
  #steps = 0;
  #directory = "";
  #full = false;
  #strict = false;

  /** `id`: the configuration id that conditions are decided by. */
  constructor(id: string, options: ConvertOptions, notes: Notes) {
    this.#id = id;
    this.#options = options;
    this.#notes = notes;
  }

  /** Comments behind the last line. */
  get rest(): readonly string[] {
    return this.#pending;
  }

  /** Reads a file and what it includes. */
  readFile(path: string, chain: readonly string[] = [], from?: Place): void {
    const place = from ?? { file: path, line: 0 };
    if (chain.includes(path) || chain.length > DEEPEST || this.#files >= MOST_FILES) {
      const why = chain.includes(path) ? "it includes itself" : "too many files are included";
      return this.#unread(place, `include ${path}`, why);
    }
    this.#files++;
    let text: string;
    try {
      text = this.#options.read(path);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return this.#unread(place, from === undefined ? path : `include ${path}`, reason);
    }
    const outer = this.#directory;
    this.#directory = directoryOf(path);
    this.#readText(path, text, [...chain, path]);
    this.#directory = outer;
  }

  #readText(file: string, text: string, chain: readonly string[]): void {
    const raw = text.replace(/^\ufeff/, "").split(/\r?\n/);
    for (let index = 0; index < raw.length; index++) {
      const place = { file, line: index + 1 };
      const { code, comment, goesOn } = this.#uncomment(raw[index]!, place);
      if (code.trim() === "") {
        if (comment !== undefined) this.#pending.push(comment);
        continue;
      }
      const pieces = [code];
      // A backslash at the end: the next line belongs to it, blank ones aside.
      const isDefinition = DEFINITION.test(code.replace(/^\s*@\S+\s+/, ""));
      let more = goesOn && (isDefinition || /\\\s*$/.test(code));
      if (goesOn) this.#misread(code, isDefinition, place);
      while (more && index + 1 < raw.length) {
        const next = this.#uncomment(raw[++index]!, { file, line: index + 1 });
        if (next.comment !== undefined) this.#pending.push(next.comment);
        pieces[pieces.length - 1] = pieces.at(-1)!.replace(/\\\s*$/, "");
        const blank = next.code.trim() === "";
        if (isDefinition && blank && !next.goesOn) {
          // Here keepalived 2.2.7 ends it, though its manual has a blank line within a block.
          if (isClosed(pieces)) break;
          const reason = "keepalived 2.2 ends the definition at the blank line: here it goes on";
          this.#unread({ file, line: index + 1 }, wordOf(code), reason);
        }
        more = isDefinition && next.goesOn || /\\\s*$/.test(next.code) ||
          blank && pieces.length < 10_000;
        pieces.push(blank ? "" : next.code);
      }
      const whole = this.#join(pieces, isDefinition);
      const include = /^(include[a-z]?)\s+(.*)$/.exec(whole.trim());
      if (include !== null && INCLUDES.has(include[1]!)) {
        this.#include(include[1]!, include[2]!, place, chain);
      } else if (/^\s*include_check\b/.test(whole)) {
        this.#strict = !/-readable/.test(whole);
        this.#notes.add(place, "translated", "include_check");
      } else {
        this.#handle(whole, place, comment, 0);
      }
      if (this.#full) return;
    }
  }

  /** Tells of a backslash at the end of a line where keepalived 2.2.7 does not go on behind it. */
  #misread(code: string, isDefinition: boolean, place: Place): void {
    if (!isDefinition) {
      const reason = "keepalived joins lines in definitions alone, and reads the backslash as a " +
        "part of its last word";
      this.#unread(place, wordOf(code), reason);
    } else if (!/=\s*(?:\\\s*)?$/.test(code)) {
      const reason = "keepalived wants nothing behind the = of a definition of several lines";
      this.#unread(place, wordOf(code), reason);
    }
  }

  /** A definition keeps its lines apart; elsewhere a continued line is one. */
  #join(pieces: readonly string[], isDefinition: boolean): string {
    const kept = pieces.map((piece) => piece.replace(/\\\s*$/, "")).filter((piece, index) =>
      index === 0 || piece.trim() !== ""
    );
    const [first = "", ...more] = kept;
    if (!isDefinition) return kept.join(" ");
    // Nothing stands behind the `=` of a definition of several lines.
    return more.length === 0 ? first : first.trimEnd() + more.join("\n");
  }

  /** `goesOn`: a backslash is at the end, of the comment, too, as keepalived counts it. */
  #uncomment(raw: string, place: Place): { code: string; comment?: string; goesOn: boolean } {
    let line = raw;
    if (line.length > LONGEST_LINE) {
      this.#unread(place, line.slice(0, 20), `the line is longer than ${LONGEST_LINE} characters`);
      line = line.slice(0, LONGEST_LINE);
    }
    // deno-lint-ignore no-control-regex
    if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(line)) {
      this.#unread(place, "control characters", "they are left out");
      // deno-lint-ignore no-control-regex
      line = line.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, "");
    }
    const start = commentStart(line);
    const goesOn = /\\\s*$/.test(line);
    if (start === line.length) return { code: line, goesOn };
    const comment = line.slice(start).replace(/^[#!]+|\\\s*$/g, "").trim();
    const code = line.slice(0, start);
    return comment === "" ? { code, goesOn } : { code, comment, goesOn };
  }

  #include(word: string, pattern: string, place: Place, chain: readonly string[]): void {
    const bare = pattern.replace(/^(["'])(.*)\1$/, "$2");
    if (/^\s*@|\$/.test(bare)) {
      this.#unread(place, word, "keepalived looks for includes before it replaces variables");
      return;
    }
    const found = expandBraces(bare).flatMap((one) => {
      const path = one.startsWith("/") ? one : this.#directory + one;
      try {
        return [...this.#options.find(path)];
      } catch {
        return [];
      }
    });
    if (found.length === 0) {
      const reason = `there is no file ${bare}`;
      if (word === "include" && !this.#strict) this.#notes.add(place, "needless", word, reason);
      else this.#unread(place, word, reason);
      return;
    }
    this.#notes.add(place, "translated", word);
    for (const path of found) this.readFile(path, chain, place);
  }

  #unread(place: Place, what: string, reason: string): void {
    this.#notes.add(place, "unread", what, reason);
  }

  /** Decides conditions, keeps definitions, replaces variables; what remains is a line. */
  #handle(text: string, place: Place, behind: string | undefined, depth: number): void {
    if (this.#full) return;
    this.#steps += 1 + Math.floor(text.length / 100);
    if (this.#steps > MOST_STEPS || depth > DEEPEST || text.length > 4 * LONGEST_LINE) {
      const why = depth > DEEPEST ? ENDLESS : "the file expands to too much";
      this.#unread(place, wordOf(text), why);
      this.#full = this.#steps > MOST_STEPS;
      return;
    }
    const condition = CONDITION.exec(text);
    if (condition !== null) {
      const [, not = "", id = "", rest = ""] = condition;
      if (id === "") return this.#unread(place, "@", "there is no id behind it");
      this.ids.add(id);
      if ((id === this.#id) !== (not === "^")) this.#handle(rest, place, behind, depth + 1);
      return;
    }
    const definition = DEFINITION.exec(text);
    if (definition !== null) {
      const [, name = "", value = ""] = definition;
      this.#variables.set(name, value.includes("\n") ? value : value.trim());
      return;
    }
    const repeat = repetition(/^\s*~/.test(text) ? this.#replaceHead(text) : text);
    if (typeof repeat === "string") return this.#unread(place, "~", repeat);
    if (repeat !== undefined) {
      for (const round of repeat.rounds) {
        for (const [name, value] of round) this.#variables.set(name, value);
        this.#handle(repeat.rest, place, behind, depth + 1);
      }
      return;
    }
    let replaced = text;
    for (let round = 0;; round++) {
      const next = this.#replace(replaced, place);
      if (next === replaced) break;
      replaced = next;
      this.#steps += 1 + Math.floor(replaced.length / 1_000);
      if (round >= MOST_VARIABLES || replaced.length > 4 * LONGEST_LINE) {
        return this.#unread(place, wordOf(text), ENDLESS);
      }
      // Lines of a definition are looked at one by one.
      if (replaced.includes("\n")) break;
    }
    if (replaced === text) return this.#push(text, place, behind);
    const lines = replaced.split("\n");
    for (const line of lines) {
      if (line.trim() !== "") this.#handle(line, place, behind, depth + 1);
    }
  }

  /** Variables in the arguments of `~SEQ(…)` alone: what is behind them comes later. */
  #replaceHead(text: string): string {
    const close = text.indexOf(")") + 1;
    if (close === 0) return text;
    const value = (whole: string, braced?: string, _more?: string, plain?: string) =>
      this.#variables.get(braced ?? plain ?? "") ?? whole;
    return text.slice(0, close).replace(VARIABLE, value) + text.slice(close);
  }

  /** The text with the first variable that is known replaced, or the text itself. */
  #replace(text: string, place: Place): string {
    for (const match of text.matchAll(VARIABLE)) {
      const name = match[1] ?? match[3] ?? "";
      const value = name.startsWith("_")
        ? this.#predefined(name, (match[2] ?? "").trim(), text, place)
        : this.#variables.get(name);
      if (value === undefined) continue;
      const end = match.index + match[0].length;
      return text.slice(0, match.index) + value + text.slice(end);
    }
    return text;
  }

  #predefined(name: string, rest: string, text: string, place: Place): string | undefined {
    switch (name) {
      case "_PWD":
        return this.#directory.replace(/\/$/, "") || ".";
      case "_INSTANCE":
        return this.#id;
      case "_HASH":
        return "\\#";
      case "_BANG":
        return "\\!";
      case "_RANDOM": {
        const [low = "0"] = rest.split(/\s+/);
        const value = /^[0-9]+$/.test(low) ? low : "0";
        const reason = `a site has no random numbers: written as ${value}`;
        this.#notes.add(place, "approximated", "${_RANDOM}", reason);
        return value;
      }
      case "_ENV": {
        // As a whole only: halb does not put texts together.
        if (/^\s*auth_pass\s+(["']?)\$\{[^}]*\}\1\s*$/.test(text)) return ENVIRONMENT_MARK + rest;
        const value = this.#options.environment(rest);
        const told = value === undefined ? "is not set" : "is written with the value it has now";
        this.#notes.add(
          place,
          value === undefined ? "unread" : "approximated",
          "${_ENV}",
          `the environment variable ${rest} ${told}`,
          `keys that are a text may say { env = "${rest}" }`,
        );
        return value?.replace(/[\n\r]/g, " ") ?? "";
      }
      default:
        return undefined;
    }
  }

  #push(text: string, place: Place, behind: string | undefined): void {
    if (text.trim() === "") return;
    if (this.lines.length >= MOST_LINES) {
      this.#unread(place, wordOf(text), `there are more than ${MOST_LINES} lines`);
      this.#full = true;
      return;
    }
    this.lines.push({
      ...place,
      text,
      before: this.#pending,
      ...(behind === undefined ? {} : { behind }),
    });
    this.#pending = [];
  }
}
