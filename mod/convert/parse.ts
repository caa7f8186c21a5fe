/**
 * From lines to statements: keywords, values, blocks.
 *
 * @module
 */

import type { Notes } from "./notes.ts";
import type { Line, Statement } from "./types.ts";
import { type Word, wordsOf } from "./words.ts";

/** Deepest nesting of blocks. */
const DEEPEST = 32;

/** Builds the tree; whatever it cannot place is told of with its line. */
class Parser {
  readonly top: Statement[] = [];
  readonly #open: Statement[] = [];
  readonly #notes: Notes;
  #last: Statement | undefined;

  constructor(notes: Notes) {
    this.#notes = notes;
  }

  line(line: Line): void {
    const { words, problem } = wordsOf(line.text);
    if (problem !== undefined) {
      this.#notes.add(line, "unread", words[0]?.text ?? "", problem);
    }
    let before = line.before;
    let said: Statement | undefined;
    let collected: Word[] = [];
    const flush = () => {
      if (collected.length === 0) return;
      said = this.#statement(collected, line, before);
      before = [];
      collected = [];
    };
    for (const word of words) {
      if (word.quoted || (word.text !== "{" && word.text !== "}")) {
        collected.push(word);
        continue;
      }
      const alone = collected.length === 0;
      flush();
      if (word.text === "{") this.#begin(line, alone);
      else if (this.#open.pop() === undefined) {
        this.#notes.add(line, "unread", "}", "there is no block to be closed here");
      } else this.#last = undefined;
    }
    flush();
    if (line.behind !== undefined) {
      const bearer = said ?? this.#open.at(-1);
      if (bearer !== undefined && bearer.behind === undefined) bearer.behind = line.behind;
    }
  }

  #statement(words: readonly Word[], line: Line, before: readonly string[]): Statement {
    const [first, ...rest] = words;
    const statement: Statement = {
      file: line.file,
      line: line.line,
      keyword: first!.text,
      args: rest.map(({ text }) => text),
      quoted: rest.map(({ quoted }) => quoted),
      plain: rest.map(({ plain }) => plain),
      before,
    };
    (this.#open.at(-1)?.children ?? this.top).push(statement);
    this.#last = statement;
    return statement;
  }

  #begin(line: Line, alone: boolean): void {
    let owner = this.#last;
    if (owner === undefined || owner.children !== undefined) {
      const why = alone ? "there is no keyword before it" : "there is a block already";
      this.#notes.add(line, "unread", "{", why);
      // What is in there is read all the same, as a block of its own.
      owner = this.#statement([{ text: "{", quoted: false, plain: "{" }], line, []);
    }
    if (this.#open.length >= DEEPEST) {
      this.#notes.add(line, "unread", "{", `blocks are nested deeper than ${DEEPEST}`);
    }
    owner.children = [];
    this.#open.push(owner);
    this.#last = undefined;
    if (this.#open.length > DEEPEST) this.#open.length = DEEPEST;
  }

  end(): void {
    for (const { keyword, file, line } of this.#open) {
      this.#notes.add({ file, line }, "unread", keyword, "its block is not closed");
    }
  }
}

/** The statements of `lines`. Never throws. */
export function parseLines(lines: readonly Line[], notes: Notes): Statement[] {
  const parser = new Parser(notes);
  for (const line of lines) parser.line(line);
  parser.end();
  return parser.top;
}
