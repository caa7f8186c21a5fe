/**
 * A configuration as a difference to the one before, in pieces: whoever takes it in never has a
 * thousand things to copy at once, and gets what has not changed as the same objects as before.
 *
 * A piece is a flat list of instructions, each followed by its operands, that build plain data
 * (`Assembly`). Not for secrets: both sides keep what was sent.
 *
 * @module
 */

import { isPlain, own, sameValue } from "../values/mod.ts";

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
 * The way from `former` to `wanted`, piece by piece: what is in one may change when it is taken.
 *
 * @param former undefined: nothing
 * @param most numbers and texts in one piece, more or less: a piece ends where it has so many
 * @returns one piece at least
 */
export function* differencePieces(
  former: unknown,
  wanted: unknown,
  most: number,
): Generator<Piece, void> {
  const writer = new Writer(most);
  yield* writer.tell(former, wanted);
  yield writer.piece;
}

class Writer {
  piece: unknown[] = [];
  readonly #most: number;
  #weight = 0;

  constructor(most: number) {
    this.#most = most;
  }

  *tell(former: unknown, wanted: unknown): Generator<Piece, void> {
    if (sameValue(former, wanted)) return yield* this.#write(1, KEEP);
    const weight = weightOf(wanted, Math.max(NEW, WHOLE) + 1);
    const small = weight <= (former === undefined ? NEW : WHOLE);
    if (small || !Array.isArray(wanted) && !isPlain(wanted)) {
      return yield* this.#write(weight, VALUE, wanted);
    }
    if (Array.isArray(wanted)) {
      return yield* this.#list(Array.isArray(former) ? former : [], wanted);
    }
    const keys = Object.keys(wanted);
    yield* this.#write(keys.length, OBJECT, keys);
    const before = isPlain(former) ? former : {};
    for (const key of keys) yield* this.tell(own(before, key), wanted[key]);
  }

  *#list(former: readonly unknown[], list: readonly unknown[]): Generator<Piece, void> {
    // Its length is told before its items, which may be other ones by then.
    const wanted = [...list];
    yield* this.#write(1, LIST, wanted.length);
    const shorter = Math.min(former.length, wanted.length);
    let begin = 0;
    while (begin < shorter && sameValue(former[begin], wanted[begin])) begin++;
    let behind = 0;
    while (behind < shorter - begin && sameValue(former.at(-1 - behind), wanted.at(-1 - behind))) {
      behind++;
    }
    yield* this.#run(0, begin);
    yield* this.#middle(former, wanted, begin, behind);
    yield* this.#run(former.length - behind, behind);
  }

  /** Between what both have in front and what both have at the end. */
  *#middle(
    former: readonly unknown[],
    wanted: readonly unknown[],
    begin: number,
    behind: number,
  ): Generator<Piece, void> {
    const [last, end] = [former.length - behind, wanted.length - behind];
    // What has changed in place need not be looked for.
    const places = last === end ? new Map<string, number>() : placesOf(former, begin, last);
    let [from, count] = [0, 0];
    for (let i = begin; i < end; i++) {
      const found = last === end ? sameAt(former, wanted, i) : placeOf(wanted[i], former, places);
      if (found !== undefined && count > 0 && found === from + count) {
        count++;
        continue;
      }
      yield* this.#run(from, count);
      [from, count] = [found ?? 0, found === undefined ? 0 : 1];
      if (found !== undefined) continue;
      if (i < last) yield* this.#write(1, AT, i);
      yield* this.tell(i < last ? former[i] : undefined, wanted[i]);
    }
    yield* this.#run(from, count);
  }

  *#run(from: number, count: number): Generator<Piece, void> {
    if (count > 0) yield* this.#write(1, RUN, from, count);
  }

  *#write(weight: number, ...words: readonly unknown[]): Generator<Piece, void> {
    if (this.#weight > 0 && this.#weight + weight > this.#most) {
      yield this.piece;
      this.piece = [];
      this.#weight = 0;
    }
    this.#weight += weight;
    this.piece.push(...words);
  }
}

function sameAt(former: readonly unknown[], wanted: readonly unknown[], i: number) {
  return sameValue(former[i], wanted[i]) ? i : undefined;
}

function placesOf(former: readonly unknown[], from: number, to: number): Map<string, number> {
  const places = new Map<string, number>();
  for (let i = from; i < to; i++) places.set(JSON.stringify(former[i]) ?? "", i);
  return places;
}

function placeOf(
  item: unknown,
  former: readonly unknown[],
  places: ReadonlyMap<string, number>,
): number | undefined {
  const place = places.size === 0 ? undefined : places.get(JSON.stringify(item) ?? "");
  // Not all that is different is so as text.
  return place !== undefined && sameValue(former[place], item) ? place : undefined;
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
