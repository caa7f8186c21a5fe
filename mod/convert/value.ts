/**
 * The site that is being written, as a tree that keeps the order of keys and the comments beside
 * them.
 *
 * @module
 */

import type { Statement } from "./types.ts";

export type Scalar = string | number | boolean;
export type Value = Scalar | List | Table;

/** Comments beside a key or an item. */
export interface Remarks {
  /** Lines above. */
  readonly before: readonly string[];
  /** Text behind it on the same line. */
  readonly behind?: string;
}

export interface Entry extends Remarks {
  readonly value: Value;
}

/** Statements whose comments stand somewhere. */
const kept = new WeakSet<Statement>();

/** Whether a statement has comments that nobody has asked for. */
export function isLoose(statement: Statement): boolean {
  return (statement.before.length > 0 || statement.behind !== undefined) && !kept.has(statement);
}

/** What a statement was commented with, for a place where it is written. */
export function remarksOf(statement: Statement | undefined): Remarks {
  if (statement === undefined) return { before: [] };
  kept.add(statement);
  const { before, behind } = statement;
  return { before, ...(behind === undefined ? {} : { behind }) };
}

/** Values in brackets, or a list of tables. */
export class List {
  readonly items: Entry[] = [];

  static of(values: readonly Value[]): List {
    const list = new List();
    for (const value of values) list.add(value);
    return list;
  }

  add(value: Value, remarks: Remarks = { before: [] }): this {
    this.items.push({ ...remarks, value });
    return this;
  }
}

/** Keys with their values. */
export class Table {
  readonly entries = new Map<string, Entry>();
  /** Comments of statements that have no key here; they stand at the end. */
  readonly rest: string[] = [];

  static of(values: Readonly<Record<string, Value | undefined>>): Table {
    const table = new Table();
    for (const [key, value] of Object.entries(values)) {
      if (value !== undefined) table.set(key, value);
    }
    return table;
  }

  /** Sets a key; a later one takes the place of an earlier one, whose comments stay. */
  set(key: string, value: Value, statement?: Statement): this {
    const known = this.entries.get(key);
    const remarks = remarksOf(statement);
    const before = [...(known?.before ?? []), ...remarks.before];
    const behind = remarks.behind ?? known?.behind;
    this.entries.set(key, { value, before, ...(behind === undefined ? {} : { behind }) });
    return this;
  }

  get(key: string): Value | undefined {
    return this.entries.get(key)?.value;
  }

  /** The table at a key, made where there is none. */
  table(key: string): Table {
    const known = this.get(key);
    if (known instanceof Table) return known;
    const made = new Table();
    this.set(key, made);
    return made;
  }

  /** The list at a key, made where there is none. */
  list(key: string): List {
    const known = this.get(key);
    if (known instanceof List) return known;
    const made = new List();
    this.set(key, made);
    return made;
  }

  /** Keeps what a statement without a key here was commented with. */
  remark(statement: Statement): void {
    const { before, behind } = remarksOf(statement);
    this.rest.push(...before);
    if (behind !== undefined) this.rest.push(behind);
  }

  /** Puts the keys of `order` first, in that order. */
  order(order: readonly string[]): this {
    const known = [...this.entries];
    const place = (key: string) => {
      const index = order.indexOf(key);
      return index < 0 ? order.length : index;
    };
    known.sort(([a], [b]) => place(a) - place(b));
    this.entries.clear();
    for (const [key, entry] of known) this.entries.set(key, entry);
    return this;
  }
}

/** Whether a list holds tables and nothing else, and so can be written as `[[…]]`. */
export function isTables(value: Value): value is List {
  return value instanceof List && value.items.length > 0 &&
    value.items.every((item) => item.value instanceof Table);
}
