/**
 * The report of a conversion: every statement has at least one note, so that nothing falls through
 * in silence.
 *
 * @module
 */

import type { Note, Place, Statement, Verdict } from "./types.ts";

/** Most notes that are kept; a fuzzed file can ask for any number. */
const MOST_NOTES = 100_000;

/** Worst first. */
const GRAVITY: readonly Verdict[] = ["unread", "dropped", "approximated", "needless", "translated"];

/** Collects notes; the same one twice counts once. */
export class Notes {
  readonly #notes = new Map<string, Note>();
  readonly #about = new Map<Statement, Verdict>();

  /** Says something of a place. */
  add(place: Place, verdict: Verdict, keyword: string, reason?: string, instead?: string): void {
    if (this.#notes.size >= MOST_NOTES) return;
    const key = JSON.stringify([place.file, place.line, verdict, keyword, reason]);
    this.#notes.set(key, {
      file: place.file,
      line: place.line,
      verdict,
      keyword,
      ...(reason === undefined ? {} : { reason }),
      ...(instead === undefined ? {} : { instead }),
    });
  }

  /** Says what became of a statement. */
  of(statement: Statement, verdict: Verdict, reason?: string, instead?: string): void {
    const known = this.#about.get(statement);
    const isWorse = known === undefined || GRAVITY.indexOf(verdict) < GRAVITY.indexOf(known);
    if (isWorse) this.#about.set(statement, verdict);
    this.add(statement, verdict, statement.keyword, reason, instead);
  }

  approximated(statement: Statement, reason: string, instead?: string): void {
    this.of(statement, "approximated", reason, instead);
  }

  needless(statement: Statement, reason: string): void {
    this.of(statement, "needless", reason);
  }

  dropped(statement: Statement, reason: string, instead?: string): void {
    this.of(statement, "dropped", reason, instead);
  }

  unread(statement: Statement, reason: string): void {
    this.of(statement, "unread", reason);
  }

  /** Whether something was said of the statement itself. */
  has(statement: Statement): boolean {
    return this.#about.has(statement);
  }

  /** Says of what is in a block that is left out that it is left out with it. */
  within(block: Statement): void {
    const verdict = this.#about.get(block);
    if (verdict === undefined || verdict === "translated" || verdict === "approximated") return;
    for (const statement of block.children ?? []) {
      if (!this.has(statement)) {
        this.of(statement, verdict, `its block, ${block.keyword}, is left out`);
      }
      this.within(statement);
    }
  }

  /**
   * All notes, by file and line, the worst of a line first. What is said to be translated is left
   * out where something else is said of it, too.
   */
  list(): Note[] {
    const place = ({ file, line, keyword }: Note) => JSON.stringify([file, line, keyword]);
    const others = new Set<string>();
    for (const note of this.#notes.values()) {
      if (note.verdict !== "translated") others.add(place(note));
    }
    const files = new Map<string, number>();
    for (const { file } of this.#notes.values()) if (!files.has(file)) files.set(file, files.size);
    const told = [...this.#notes.values()].filter((note) =>
      note.verdict !== "translated" || !others.has(place(note))
    );
    return told.sort((a, b) =>
      (files.get(a.file) ?? 0) - (files.get(b.file) ?? 0) || a.line - b.line ||
      GRAVITY.indexOf(a.verdict) - GRAVITY.indexOf(b.verdict)
    );
  }
}
