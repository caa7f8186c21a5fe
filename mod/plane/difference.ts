/**
 * A configuration as a difference to the one before, in pieces: whoever takes it in never has a
 * thousand things to copy at once, and gets what has not changed as the same objects as before.
 *
 * A piece is a flat list of instructions, each followed by its operands, that build plain data
 * (`Assembly`). Not for secrets: both sides keep what was sent.
 *
 * @module
 */

/** What was there before, as it is. */
export const KEEP = 0;
/** Operand: a value. */
export const VALUE = 1;
/** Operand: its keys; their values follow. */
export const OBJECT = 2;
/** Operand: its length; its items follow. */
export const LIST = 3;
/** Within a list. Operands: index in the former list, count; so many items as they are. */
export const RUN = 4;
/** Within a list. Operand: index in the former list of what the next item is told by. */
export const AT = 5;

/** Instructions, and operands that are plain data. */
export type Piece = readonly unknown[];

/** What is no more than so many numbers and texts is told anew where anything of it differs. */
const WHOLE = 16;
/** What was not there before is told at once where it is no more than so many. */
const NEW = 64;

/**
 * The way from `former` to `wanted`.
 *
 * @param former undefined: nothing
 * @param most numbers and texts in one piece, more or less: a piece ends where it has so many
 * @returns one piece at least
 */
export function differencePieces(former: unknown, wanted: unknown, most: number): Piece[] {
  const writer = new Writer(most);
  writer.tell(former, wanted);
  return writer.pieces;
}

class Writer {
  readonly pieces: unknown[][] = [[]];
  readonly #most: number;
  #weight = 0;

  constructor(most: number) {
    this.#most = most;
  }

  tell(former: unknown, wanted: unknown): void {
    if (same(former, wanted)) return this.#write(1, KEEP);
    const weight = weightOf(wanted, Math.max(NEW, WHOLE) + 1);
    const small = weight <= (former === undefined ? NEW : WHOLE);
    if (small || !Array.isArray(wanted) && !isPlain(wanted)) {
      return this.#write(weight, VALUE, wanted);
    }
    if (Array.isArray(wanted)) return this.#list(Array.isArray(former) ? former : [], wanted);
    const keys = Object.keys(wanted);
    this.#write(keys.length, OBJECT, keys);
    const before = isPlain(former) ? former : {};
    for (const key of keys) this.tell(own(before, key), wanted[key]);
  }

  #list(former: readonly unknown[], wanted: readonly unknown[]): void {
    this.#write(1, LIST, wanted.length);
    const shorter = Math.min(former.length, wanted.length);
    let begin = 0;
    while (begin < shorter && same(former[begin], wanted[begin])) begin++;
    let behind = 0;
    while (behind < shorter - begin && same(former.at(-1 - behind), wanted.at(-1 - behind))) {
      behind++;
    }
    this.#run(0, begin);
    this.#middle(former, wanted, begin, behind);
    this.#run(former.length - behind, behind);
  }

  /** Between what both have in front and what both have at the end. */
  #middle(
    former: readonly unknown[],
    wanted: readonly unknown[],
    begin: number,
    behind: number,
  ): void {
    const [last, end] = [former.length - behind, wanted.length - behind];
    // What has changed in place need not be looked for.
    const places = last === end ? new Map<string, number>() : placesOf(former, begin, last);
    let [from, count] = [0, 0];
    for (let i = begin; i < end; i++) {
      const found = last === end ? sameAt(former, wanted, i) : known(places, wanted[i]);
      if (found !== undefined && count > 0 && found === from + count) {
        count++;
        continue;
      }
      this.#run(from, count);
      [from, count] = [found ?? 0, found === undefined ? 0 : 1];
      if (found !== undefined) continue;
      if (i < last) this.#write(1, AT, i);
      this.tell(i < last ? former[i] : undefined, wanted[i]);
    }
    this.#run(from, count);
  }

  #run(from: number, count: number): void {
    if (count > 0) this.#write(1, RUN, from, count);
  }

  #write(weight: number, ...words: readonly unknown[]): void {
    if (this.#weight > 0 && this.#weight + weight > this.#most) {
      this.pieces.push([]);
      this.#weight = 0;
    }
    this.#weight += weight;
    this.pieces.at(-1)!.push(...words);
  }
}

function sameAt(former: readonly unknown[], wanted: readonly unknown[], i: number) {
  return same(former[i], wanted[i]) ? i : undefined;
}

function placesOf(former: readonly unknown[], from: number, to: number): Map<string, number> {
  const places = new Map<string, number>();
  for (let i = from; i < to; i++) places.set(JSON.stringify(former[i]) ?? "", i);
  return places;
}

function known(places: ReadonlyMap<string, number>, item: unknown): number | undefined {
  return places.size === 0 ? undefined : places.get(JSON.stringify(item) ?? "");
}

type Plain = Readonly<Record<string, unknown>>;

function isPlain(value: unknown): value is Plain {
  return typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
}

function own(value: Plain, key: string): unknown {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

/** Numbers, texts and the like in a value; `enough`, or more, where there are so many. */
function weightOf(value: unknown, enough: number): number {
  if (typeof value !== "object" || value === null) return 1;
  let weight = 1;
  const items = Array.isArray(value) ? value : isPlain(value) ? Object.values(value) : [];
  for (const item of items) {
    if (weight >= enough) break;
    weight += weightOf(item, enough - weight);
  }
  return weight;
}

/** Whether both are the same plain data. What is no plain data is the same only as itself. */
function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!same(a[i], b[i])) return false;
    return true;
  }
  if (!isPlain(a) || !isPlain(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  for (const key of keys) if (!Object.hasOwn(b, key) || !same(a[key], b[key])) return false;
  return true;
}
