/**
 * Passwords and keys. They are used and never shown: whatever turns a value into text (a template,
 * JSON, an inspector, a message to another thread) gets nothing out of one.
 *
 * The machines' memory and effects hold none: those are recorded, dumped and sent between the
 * planes. Settings hold them, and only a hash function or a comparison asks for the bytes.
 *
 * @module
 */

const SHOWN = "[secret]";

/** Bytes that nobody prints. */
export class Secret {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes.slice();
  }

  /** A password as it was typed: its UTF-8 bytes. */
  static ofText(text: string): Secret {
    return new Secret(new TextEncoder().encode(text));
  }

  /**
   * A key as it is configured: bytes in hexadecimal behind `hex:`, or the text itself.
   *
   * @throws {RangeError} when what is behind `hex:` is not that; it is not shown
   */
  static ofKey(text: string): Secret {
    if (!text.startsWith("hex:")) return Secret.ofText(text);
    const digits = text.slice("hex:".length);
    if (!/^([0-9a-fA-F]{2})+$/.test(digits)) {
      throw new RangeError(
        "Cannot read key: behind hex: there must be pairs of hexadecimal digits",
      );
    }
    const pairs = digits.match(/../g) ?? [];
    return new Secret(Uint8Array.from(pairs, (pair) => parseInt(pair, 16)));
  }

  /** How many bytes; no secret, since limits are checked and told. */
  get length(): number {
    return this.#bytes.length;
  }

  /** The bytes themselves: for a hash function or a comparison, to be kept nowhere. */
  reveal(): Uint8Array {
    return this.#bytes;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return SHOWN;
  }
}
