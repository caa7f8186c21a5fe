/**
 * Variables in their order, and how they are asked for: tables of rows, each a column away from the
 * next variable. Nothing is made before somebody asks for it, and whoever walks is found again by
 * binary search, so that ten thousand rows cost a step no more than a few comparisons.
 *
 * @module
 */

import { compareOid, isUnder, type Oid } from "./oid.ts";
import type { SearchRange, Value, VarBind } from "./pdu.ts";

/** One row of a table: what it is known by, and its columns. */
export interface Row<T> {
  readonly index: Oid;
  readonly of: T;
}

/** What a column says of a row; undefined: the row has none. */
export type Column<T> = (of: T) => Value | undefined;

/** A conceptual table (RFC 2578 section 7.1.12), or scalars, whose one row has the index 0. */
export interface Table {
  readonly entry: Oid;
  has(column: number): boolean;
  get(column: number, index: Oid): Value | undefined;
  /** The first variable after `oid`, or `oid` itself where `include`. */
  next(oid: Oid, include: boolean): VarBind | undefined;
}

class MadeTable<T> implements Table {
  readonly entry: Oid;
  readonly #columns: Readonly<Record<number, Column<T>>>;
  readonly #numbers: readonly number[];
  readonly #make: () => Row<T>[];
  #sorted: Row<T>[] | undefined;

  constructor(entry: Oid, columns: Readonly<Record<number, Column<T>>>, make: () => Row<T>[]) {
    this.entry = entry;
    this.#columns = columns;
    this.#numbers = Object.keys(columns).map(Number).sort((a, b) => a - b);
    this.#make = make;
  }

  get #rows(): Row<T>[] {
    return this.#sorted ??= this.#make().sort((a, b) => compareOid(a.index, b.index))
      // A second row of one index would be found again for ever by whoever walks.
      .filter(({ index }, i, all) => i === 0 || compareOid(all[i - 1]!.index, index) !== 0);
  }

  has(column: number): boolean {
    return Object.hasOwn(this.#columns, column);
  }

  get(column: number, index: Oid): Value | undefined {
    const row = this.#rows[this.#lowest(index)];
    if (row === undefined || compareOid(row.index, index) !== 0) return undefined;
    return this.#columns[column]?.(row.of);
  }

  next(oid: Oid, include: boolean): VarBind | undefined {
    let [column, row] = this.#place(oid, include);
    for (; column < this.#numbers.length; column++, row = 0) {
      const number = this.#numbers[column]!;
      const valueOf = this.#columns[number]!;
      for (const rows = this.#rows; row < rows.length; row++) {
        const { index, of } = rows[row]!;
        const value = valueOf(of);
        if (value !== undefined) return { name: [...this.entry, number, ...index], value };
      }
    }
    return undefined;
  }

  /** Where to look first: a place among the columns, and one among the rows. */
  #place(oid: Oid, include: boolean): [column: number, row: number] {
    const { entry } = this;
    if (compareOid(oid, entry) <= 0) return [0, 0];
    if (!isUnder(oid, entry)) return [this.#numbers.length, 0];
    const wanted = oid[entry.length]!;
    const column = this.#numbers.findIndex((number) => number >= wanted);
    if (column < 0) return [this.#numbers.length, 0];
    if (this.#numbers[column] !== wanted) return [column, 0];
    const index = oid.slice(entry.length + 1);
    const row = this.#lowest(index);
    const found = this.#rows[row];
    const itself = found !== undefined && compareOid(found.index, index) === 0;
    return [column, itself && !include ? row + 1 : row];
  }

  /** The first row that does not come before `index`. */
  #lowest(index: Oid): number {
    const rows = this.#rows;
    let [low, high] = [0, rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareOid(rows[middle]!.index, index) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * A table whose rows are made when they are asked for first.
 *
 * @param columns by their number
 * @param make in any order; of rows with one index the first counts
 */
export function tableOf<T>(
  entry: Oid,
  columns: Readonly<Record<number, Column<T>>>,
  make: () => Row<T>[],
): Table {
  return new MadeTable(entry, columns, make);
}

/** Objects that there are once. */
export function scalarsOf<T>(
  parent: Oid,
  objects: Readonly<Record<number, Column<T>>>,
  of: T,
): Table {
  return tableOf(parent, objects, () => [{ index: [0], of }]);
}

/** All variables that there are at one moment. */
export class View {
  readonly #tables: readonly Table[];

  /** @param tables none of which lies within another one, unless behind all of its columns */
  constructor(tables: readonly Table[]) {
    this.#tables = tables.toSorted((a, b) => compareOid(a.entry, b.entry));
  }

  /** agentx-Get (RFC 2741 section 7.2.3.1). */
  get(name: Oid): VarBind {
    for (const table of this.#tables) {
      const { entry } = table;
      if (!isUnder(name, entry) || !table.has(name[entry.length] ?? -1)) continue;
      const value = table.get(name[entry.length]!, name.slice(entry.length + 1));
      return { name, value: value ?? { type: "no_such_instance" } };
    }
    return { name, value: { type: "no_such_object" } };
  }

  /** agentx-GetNext (section 7.2.3.2). */
  next({ start, include, end }: SearchRange): VarBind {
    for (const table of this.#tables) {
      const found = table.next(start, include);
      if (found === undefined) continue;
      if (end.length > 0 && compareOid(found.name, end) >= 0) break;
      return found;
    }
    return { name: start, value: { type: "end_of_mib_view" } };
  }
}
