/**
 * Long messages on their way between control and a plane: told as a difference to the last one of
 * their kind, in pieces that the plane makes or takes in one by one, between packets. Nothing of it
 * counts before the end has come; a plane that is started anew is told everything.
 *
 * @module
 */

import { atOnce } from "../steps/mod.ts";
import { Assembly } from "./assembly.ts";
import { differencePieces, type Piece } from "./difference.ts";
import type { EventId } from "./messages.ts";

interface Message {
  readonly type: string;
  readonly id: EventId;
}

/** Begins the message of its kind, or goes on with it. */
export interface MessagePiece {
  readonly type: "piece";
  /** Of the message. */
  readonly id: EventId;
  /** Type of the message. */
  readonly kind: string;
  /** Counts from 0, which voids what came before. */
  readonly number: number;
  readonly piece: Piece;
}

/** The end of a message. */
export interface MessageEnd<T extends Message> {
  readonly type: "end";
  readonly id: EventId;
  /** So many pieces came before it. */
  readonly pieces: number;
  /** All of it that was not told in pieces, and what is otherwise than told there. */
  readonly message: Pick<T, keyof Message> & Partial<T>;
}

/** What long messages come as. */
export type Pieces<T extends Message> = MessagePiece | MessageEnd<T>;

/** Takes messages apart, for one plane. */
export class Disassembler<T extends Message> {
  readonly #most: number;
  readonly #post: (message: Pieces<T>) => void;
  /** What the plane has, by the type of message. */
  readonly #told = new Map<string, unknown>();
  #life = 0;

  /**
   * @param most numbers and texts in one piece, more or less
   * @param post to the plane
   */
  constructor(most: number, post: (message: Pieces<T>) => void) {
    this.#most = most;
    this.#post = post;
  }

  /**
   * Sends a message at once, as a difference.
   *
   * @param body what is told as a difference: the larger part of the message, without secrets
   * @param rest all else of it
   * @param life which plane it goes to: another one knows nothing
   */
  send(body: Partial<T>, rest: MessageEnd<T>["message"], life: number): void {
    if (life !== this.#life) this.#told.clear();
    this.#life = life;
    atOnce(this.#sending(this.#told.get(rest.type), body, rest));
    // What could not be sent to its end the plane does not have.
    this.#told.set(rest.type, body);
  }

  /** Sends a message whole, in steps of a piece each; `body` may change between them. */
  *sending(body: Partial<T>, rest: MessageEnd<T>["message"]): Generator<void, void> {
    yield* this.#sending(undefined, body, rest);
  }

  *#sending(
    former: unknown,
    body: Partial<T>,
    rest: MessageEnd<T>["message"],
  ): Generator<void, void> {
    const { type: kind, id } = rest;
    let number = 0;
    for (const piece of differencePieces(former, body, this.#most)) {
      this.#post({ type: "piece", id, kind, number: number++, piece });
      yield;
    }
    this.#post({ type: "end", id, pieces: number, message: rest });
  }
}

/** Puts them together, as one Disassembler has sent them. */
export class Assembler<T extends Message> {
  readonly #told = new Map<string, unknown>();
  readonly #whole: boolean;
  readonly #begun = new Map<string, { readonly assembly: Assembly; pieces: number }>();

  /** @param whole messages come by `sending`: nothing is kept for the next one */
  constructor(whole = false) {
    this.#whole = whole;
  }

  /** @throws {RangeError} where a piece is missing before it */
  take({ kind, number, piece }: MessagePiece): void {
    if (number === 0) {
      this.#begun.set(kind, { assembly: new Assembly(this.#told.get(kind)), pieces: 0 });
    }
    const begun = this.#begun.get(kind);
    if (begun?.pieces !== number) throw new RangeError(`Piece ${number} of ${kind} is out of turn`);
    begun.pieces++;
    begun.assembly.take(piece);
  }

  /** The whole message. @throws {RangeError} where pieces are missing */
  end({ pieces, message }: MessageEnd<T>): T {
    const { type: kind } = message;
    const begun = this.#begun.get(kind);
    this.#begun.delete(kind);
    if (begun?.pieces !== pieces) throw new RangeError(`Pieces of ${kind} are missing`);
    const body = begun.assembly.value as Partial<T>;
    if (!this.#whole) this.#told.set(kind, body);
    return { ...body, ...message } as T;
  }
}
