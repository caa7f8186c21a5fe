/**
 * What has changed since a browser asked last. Rows are compared with those of before once for all
 * who ask, and all who know the same get the same bytes: a thousand browsers cost little more than
 * one. Pure.
 *
 * @module
 */

import { type Kind, KINDS, type Overview, type Row } from "./page_rows.ts";

/** Answers that are kept for others who know as much: those of clients that are a little late. */
const MOST_ANSWERS = 16;

interface Known {
  /** As JSON. */
  text: string;
  /** The version that brought it. */
  version: number;
}

export class OverviewFeed {
  /** Names this process, and how often things came or went: rows of another one say nothing. */
  #epoch: string;
  readonly #run: string;
  #epochs = 0;
  #version = 0;
  #keys = "";
  #agent: Known = { text: "", version: 0 };
  readonly #rows = new Map<Kind, Map<string, Known>>();
  #at = "";
  readonly #answers = new Map<number, Uint8Array>();

  /** @param run names this process among others that browsers may have asked */
  constructor(run: string) {
    this.#run = run;
    this.#epoch = `${run}.0`;
  }

  /** @param at when it was so, RFC 3339 */
  update({ agent, rows }: Overview, at: string): void {
    this.#version++;
    this.#at = at;
    this.#answers.clear();
    const keys = JSON.stringify(KINDS.map((kind) => rows[kind].map(({ name }) => name)));
    if (keys !== this.#keys) {
      this.#keys = keys;
      this.#rows.clear();
      this.#epoch = `${this.#run}.${++this.#epochs}`;
    }
    this.#note(this.#agent, agent);
    for (const kind of KINDS) {
      let known = this.#rows.get(kind);
      if (known === undefined) this.#rows.set(kind, known = new Map());
      for (const row of rows[kind]) {
        let one = known.get(row.name);
        if (one === undefined) known.set(row.name, one = { text: "", version: 0 });
        this.#note(one, row);
      }
    }
  }

  /**
   * @param since `version` of the last answer; whatever is none of ours gets everything
   * @param freshMs how long it is of no use to ask again, milliseconds
   */
  answer(since: string, freshMs: number): Uint8Array {
    const dot = since.lastIndexOf(".");
    const known = since.slice(0, dot) === this.#epoch ? Number(since.slice(dot + 1)) : 0;
    const from = Number.isSafeInteger(known) && known > 0 && known <= this.#version ? known : 0;
    let answer = this.#answers.get(from);
    if (answer === undefined) {
      answer = new TextEncoder().encode(this.#render(from, freshMs));
      if (this.#answers.size < MOST_ANSWERS) this.#answers.set(from, answer);
    }
    return answer;
  }

  #note(known: Known, row: Row): void {
    const text = JSON.stringify(row);
    if (text === known.text) return;
    known.text = text;
    known.version = this.#version;
  }

  #render(from: number, freshMs: number): string {
    const head = {
      version: `${this.#epoch}.${this.#version}`,
      at: this.#at,
      fresh_ms: freshMs,
      // Rows that are not told are gone.
      whole: from === 0,
    };
    const parts = KINDS.map((kind) => {
      const rows = [...this.#rows.get(kind)?.values() ?? []];
      const told = rows.filter(({ version }) => version > from).map(({ text }) => text);
      return `"${kind}":[${told.join()}]`;
    });
    if (this.#agent.version > from) parts.unshift(`"agent":${this.#agent.text}`);
    return `${JSON.stringify(head).slice(0, -1)},${parts.join()}}\n`;
  }
}
