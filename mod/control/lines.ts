/**
 * Lines over a connection: one JSON value each, in both directions.
 *
 * @module
 */

/** A line is longer than the reader allows. */
export const TOO_LONG: unique symbol = Symbol("too long");

const CHUNK = 65_536;
const NEWLINE = 0x0a;

export class Lines {
  readonly #connection: Deno.Conn;
  readonly #longest: number;
  /** Read, and not yet part of a line. */
  #rest: Uint8Array = new Uint8Array(0);

  /** @param longest bytes of a line */
  constructor(connection: Deno.Conn, longest: number) {
    this.#connection = connection;
    this.#longest = longest;
  }

  /** The next line without its end; undefined where the other side goes before that. */
  async read(): Promise<string | typeof TOO_LONG | undefined> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    let piece = this.#rest;
    for (;;) {
      const end = piece.indexOf(NEWLINE);
      const part = end < 0 ? piece : piece.subarray(0, end);
      length += part.length;
      if (length > this.#longest) return TOO_LONG;
      pieces.push(part);
      if (end >= 0) {
        this.#rest = piece.subarray(end + 1);
        return join(pieces, length);
      }
      const chunk = new Uint8Array(CHUNK);
      const count = await this.#connection.read(chunk);
      if (count === null) return undefined;
      piece = chunk.subarray(0, count);
    }
  }

  /** Writes a value as one line. @param progress called after each part that is taken */
  async write(value: unknown, progress?: () => void): Promise<void> {
    const bytes = new TextEncoder().encode(`${JSON.stringify(value)}\n`);
    for (let at = 0; at < bytes.length; progress?.()) {
      at += await this.#connection.write(bytes.subarray(at));
    }
  }
}

function join(pieces: readonly Uint8Array[], length: number): string {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return new TextDecoder().decode(bytes);
}
