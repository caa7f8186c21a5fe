/**
 * Where each key and value of a TOML file stands. smol-toml gives values without places, so when
 * something is wrong with a value its file is scanned once more. The scanner knows only as much
 * TOML as it takes to skip from one key to the next, for it sees nothing but text that smol-toml
 * has accepted; on other text its places are wrong, but it ends. A test holds its places against
 * those of a full parser.
 *
 * @module
 */

import type { Path } from "./tree.ts";

/** A stretch of text: UTF-16 offsets, the end not included. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Where a path's key and value stand; a table's value is its header, brackets included. */
export interface Marks {
  readonly key?: Span;
  readonly value?: Span;
}

/** Marks by the path as JSON. */
export type Positions = ReadonlyMap<string, Marks>;

interface KeyPart extends Span {
  readonly name: string;
}

const ESCAPES: Readonly<Record<string, string>> = {
  b: "\b",
  t: "\t",
  n: "\n",
  f: "\f",
  r: "\r",
  e: "\x1b",
};

/** The text of a quoted key. */
function unquote(text: string): string {
  const inner = text.slice(1, -1);
  if (text.startsWith("'")) return inner;
  return inner.replace(
    /\\(?:u([0-9a-f]{4})|U([0-9a-f]{8})|x([0-9a-f]{2})|(.))/gis,
    (_match, four, eight, two, other: string) => {
      const hex: string | undefined = four ?? eight ?? two;
      if (hex === undefined) return ESCAPES[other] ?? other;
      const code = parseInt(hex, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : "\ufffd";
    },
  );
}

/** One pass over a text. */
class Scanner {
  readonly #text: string;
  #at = 0;
  readonly marks = new Map<string, Marks>();
  /** Position of the last element of each array of tables. */
  readonly #last = new Map<string, number>();

  constructor(text: string) {
    this.#text = text;
  }

  /** The first mark of a path wins: a table may be opened more than once. */
  #mark(path: Path, marks: Marks): void {
    const name = JSON.stringify(path);
    this.marks.set(name, { ...marks, ...this.marks.get(name) });
  }

  /** Skips what `pattern` (sticky) matches. */
  #skip(pattern: RegExp): Span {
    const start = this.#at;
    pattern.lastIndex = start;
    this.#at += pattern.exec(this.#text)?.[0].length ?? 0;
    return { start, end: this.#at };
  }

  #skipBlanks(): void {
    this.#skip(/[ \t]+/y);
  }

  /** Blanks, line ends and comments. */
  #skipTrivia(): void {
    this.#skip(/(?:[ \t\r\n]+|#[^\n]*)+/y);
  }

  /** Takes one character; false where another stands there. */
  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  scan(): void {
    let table: Path = [];
    for (this.#skipTrivia(); this.#at < this.#text.length; this.#skipTrivia()) {
      const before = this.#at;
      if (this.#text[this.#at] === "[") table = this.#header();
      else this.#entry(table);
      // Text that is no TOML: go on behind it.
      if (this.#at === before) this.#at++;
    }
  }

  /** `a."b".c` with the place of each part. */
  #key(): KeyPart[] {
    const parts: KeyPart[] = [];
    do {
      this.#skipBlanks();
      const quoted = this.#text[this.#at] === '"' || this.#text[this.#at] === "'";
      const span = this.#skip(/"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s.=[\]{}#,"']+/y);
      const text = this.#text.slice(span.start, span.end);
      parts.push({ ...span, name: quoted ? unquote(text) : text });
      this.#skipBlanks();
    } while (this.#take("."));
    return parts;
  }

  /** `[a.b]` or `[[a.b]]`; gives the path of the table that begins. */
  #header(): Path {
    const start = this.#at;
    this.#take("[");
    const array = this.#take("[");
    const parts = this.#key();
    this.#take("]");
    if (array) this.#take("]");
    const whole: Span = { start, end: this.#at };
    let path: Path = [];
    parts.forEach((part, index) => {
      path = [...path, part.name];
      const final = index === parts.length - 1;
      this.#mark(path, { key: part, value: final ? whole : part });
      const name = JSON.stringify(path);
      if (final && array) this.#last.set(name, (this.#last.get(name) ?? -1) + 1);
      const last = this.#last.get(name);
      if (last === undefined) return;
      path = [...path, last];
      if (final) this.#mark(path, { key: part, value: whole });
    });
    return path;
  }

  /** `a.b = value` in the table at `path`. */
  #entry(path: Path): void {
    const parts = this.#key();
    let below = path;
    parts.forEach((part, index) => {
      below = [...below, part.name];
      // A dotted key opens tables; they stand where their part of the key does.
      this.#mark(below, index < parts.length - 1 ? { key: part, value: part } : { key: part });
    });
    this.#take("=");
    this.#skipBlanks();
    this.#value(below);
  }

  #value(path: Path): void {
    const start = this.#at;
    const character = this.#text[start];
    if (character === "[") this.#list(path);
    else if (character === "{") this.#table(path);
    else if (character === '"' || character === "'") this.#string(character);
    else {
      const { end } = this.#skip(/[^,\]}#\r\n]+/y);
      // A date may contain one blank, so only those at the end are cut off.
      this.#at = start + this.#text.slice(start, end).trimEnd().length;
    }
    this.#mark(path, { value: { start, end: this.#at } });
  }

  #string(quote: string): void {
    if (!this.#text.startsWith(quote.repeat(3), this.#at)) {
      this.#skip(quote === '"' ? /"(?:[^"\\\n]|\\.)*"?/y : /'[^'\n]*'?/y);
      return;
    }
    // Up to two quotes may stand right before the three that end it.
    this.#skip(
      quote === '"' ? /"""(?:[^"\\]|\\[^]|"(?!""))*"{0,5}/y : /'''(?:[^']|'(?!''))*'{0,5}/y,
    );
  }

  #list(path: Path): void {
    this.#take("[");
    for (let index = 0;; index++) {
      this.#skipTrivia();
      if (this.#take("]") || this.#at >= this.#text.length) return;
      const before = this.#at;
      this.#value([...path, index]);
      this.#skipTrivia();
      if (!this.#take(",") && this.#at === before) return;
    }
  }

  #table(path: Path): void {
    this.#take("{");
    for (;;) {
      this.#skipTrivia();
      if (this.#take("}") || this.#at >= this.#text.length) return;
      const before = this.#at;
      this.#entry(path);
      this.#skipTrivia();
      if (!this.#take(",") && this.#at === before) return;
    }
  }
}

/** Where the keys and values of `text`, valid TOML, stand. */
export function scanPositions(text: string): Positions {
  const scanner = new Scanner(text);
  scanner.scan();
  return scanner.marks;
}
