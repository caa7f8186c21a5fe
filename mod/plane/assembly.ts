/**
 * Puts together what came as a difference in pieces (`difference.ts`). A piece takes as long as what
 * it tells; what is kept are the same objects as before.
 *
 * @module
 */

import { isPlain, own } from "../values/mod.ts";
import { AT, KEEP, LIST, OBJECT, type Piece, RUN, VALUE } from "./difference.ts";

/** Something that is not complete yet. */
interface Frame {
  /** What it is told by. */
  readonly former: unknown;
  /** Of an object; null: it is a list. */
  readonly keys: readonly string[] | null;
  readonly made: unknown[];
  readonly length: number;
  /** Where what the next item is told by is in the former list; -1: nowhere. */
  at: number;
}

export class Assembly {
  readonly #former: unknown;
  readonly #frames: Frame[] = [];
  #made: { readonly value: unknown } | null = null;

  /** @param former what whoever made the pieces took for it */
  constructor(former: unknown) {
    this.#former = former;
  }

  /** @throws {RangeError} where it does not follow upon what has come before */
  take(piece: Piece): void {
    for (let i = 0; i < piece.length; i++) {
      const top = this.#frames.at(-1);
      if (this.#made !== null) throw new RangeError("Nothing is to come any more");
      switch (piece[i]) {
        case KEEP:
          this.#place(this.#formerOf(top));
          break;
        case VALUE:
          this.#place(piece[++i]);
          break;
        case OBJECT: {
          const keys = piece[++i] as readonly string[];
          this.#open(keys, keys.length);
          break;
        }
        case LIST:
          this.#open(null, piece[++i] as number);
          break;
        case RUN:
          this.#run(top, piece[++i] as number, piece[++i] as number);
          break;
        case AT:
          if (top === undefined) throw new RangeError("Not in a list");
          top.at = piece[++i] as number;
          break;
        default:
          throw new RangeError(`Nobody knows instruction ${String(piece[i])}`);
      }
    }
  }

  /** All of it. @throws {RangeError} where something is missing */
  get value(): unknown {
    if (this.#made === null) throw new RangeError("It is not complete");
    return this.#made.value;
  }

  /** What the next value is told by. */
  #formerOf(top: Frame | undefined): unknown {
    if (top === undefined) return this.#former;
    const { former, keys, made, at } = top;
    if (keys === null) return Array.isArray(former) ? former[at] : undefined;
    const key = keys[made.length]!;
    return isPlain(former) ? own(former, key) : undefined;
  }

  #open(keys: readonly string[] | null, length: number): void {
    const former = this.#formerOf(this.#frames.at(-1));
    this.#frames.push({ former, keys, made: [], length, at: -1 });
    this.#close();
  }

  #run(top: Frame | undefined, from: number, count: number): void {
    const { former, made, length } = top ?? {};
    if (!Array.isArray(former) || made === undefined || made.length + count > length!) {
      throw new RangeError("There is no such run");
    }
    for (let i = from; i < from + count; i++) made.push(former[i]);
    this.#close();
  }

  #place(value: unknown): void {
    const top = this.#frames.at(-1);
    if (top === undefined) {
      this.#made = { value };
      return;
    }
    top.made.push(value);
    top.at = -1;
    this.#close();
  }

  /** What is complete goes into what it is part of. */
  #close(): void {
    const top = this.#frames.at(-1)!;
    if (top.made.length < top.length) return;
    this.#frames.pop();
    const { keys, made } = top;
    this.#place(keys === null ? made : Object.fromEntries(keys.map((key, i) => [key, made[i]])));
  }
}
