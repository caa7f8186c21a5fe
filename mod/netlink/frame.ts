/**
 * Netlink framing: a buffer holds messages, each a 16-byte header and a payload padded to four
 * bytes. A writer puts many requests into one buffer, since one `send` may carry hundreds; a
 * reader takes a received buffer apart and never trusts a length in it. All numbers are in the
 * byte order of the host, which is little-endian on every machine we support (x86-64, aarch64).
 *
 *      0               1               2               3
 *     +-------------------------------------------------------------+
 *     |              length, header included, unpadded              |
 *     +------------------------------+------------------------------+
 *     |             type             |            flags             |
 *     +------------------------------+------------------------------+
 *     |                       sequence number                       |
 *     +-------------------------------------------------------------+
 *     |                  port of the sending socket                 |
 *     +-------------------------------------------------------------+
 *
 * @module
 */

/** Bytes of `struct nlmsghdr`. */
export const HEADER_LENGTH = 16;

/** In an attribute's type: its value is attributes. */
const NLA_F_NESTED = 0x8000;

/** What a decoder says: the value, or why the bytes are refused. */
export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string };

/** One message of a received buffer. `payload` is a view into the buffer, not a copy. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Port of the socket that asked, or caused the notification; 0: the kernel itself. */
  readonly portId: number;
  readonly payload: Uint8Array;
}

/** The next multiple of four: messages and attributes begin on one. */
export function align(length: number): number {
  return (length + 3) & ~3;
}

/** A view of bytes that may lie anywhere in a larger buffer. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Takes a received buffer apart. What stands before a broken header is returned as well, so
 * that a truncated buffer loses only its end: `problem` then says what was wrong.
 */
export function splitMessages(
  bytes: Uint8Array,
): { readonly messages: NetlinkMessage[]; readonly problem?: string } {
  const view = viewOf(bytes);
  const messages: NetlinkMessage[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const left = bytes.length - offset;
    if (left < HEADER_LENGTH) {
      return { messages, problem: `Cannot read message header: ${left} bytes left, need 16` };
    }
    const length = view.getUint32(offset, true);
    if (length < HEADER_LENGTH || length > left) {
      return { messages, problem: `Cannot read message: length ${length} of ${left} bytes left` };
    }
    messages.push({
      type: view.getUint16(offset + 4, true),
      flags: view.getUint16(offset + 6, true),
      sequence: view.getUint32(offset + 8, true),
      portId: view.getUint32(offset + 12, true),
      payload: bytes.subarray(offset + HEADER_LENGTH, offset + length),
    });
    offset += align(length);
  }
  return { messages };
}

/** Builds requests, one after the other, in one growing buffer. */
export class MessageWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #length = 0;
  /** Where the open message begins; -1: none is open. */
  #start = -1;

  /** @param capacity bytes to begin with; the buffer doubles when needed */
  constructor(capacity = 1024) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = viewOf(this.#bytes);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /**
   * Begins a message.
   *
   * @throws {Error} while another one is open
   */
  begin(type: number, flags: number, sequence: number): this {
    if (this.#start >= 0) throw new Error(`Cannot begin message ${sequence}: another one is open`);
    this.#start = this.#length;
    this.#reserve(HEADER_LENGTH);
    this.#view.setUint16(this.#start + 4, type, true);
    this.#view.setUint16(this.#start + 6, flags, true);
    this.#view.setUint32(this.#start + 8, sequence, true);
    return this;
  }

  u8(value: number): this {
    const at = this.#reserve(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  u32(value: number): this {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  /** Appends bytes as they are, padded to four. */
  raw(bytes: Uint8Array): this {
    const at = this.#reserve(align(bytes.length));
    this.#bytes.set(bytes, at);
    return this;
  }

  /** Appends an attribute: length, type, value, padding. */
  attribute(type: number, value: Uint8Array): this {
    const at = this.#reserve(4 + align(value.length));
    this.#view.setUint16(at, 4 + value.length, true);
    this.#view.setUint16(at + 2, type, true);
    this.#bytes.set(value, at + 4);
    return this;
  }

  attributeU8(type: number, value: number): this {
    return this.attribute(type, Uint8Array.of(value));
  }

  attributeU32(type: number, value: number): this {
    const at = this.#reserve(8);
    this.#view.setUint16(at, 8, true);
    this.#view.setUint16(at + 2, type, true);
    this.#view.setUint32(at + 4, value, true);
    return this;
  }

  attributeU16(type: number, value: number): this {
    const at = this.#attributeHeader(type, 2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  /** Appends a 16-bit attribute in network byte order, as ports are. */
  attributePort(type: number, value: number): this {
    const at = this.#attributeHeader(type, 2);
    this.#view.setUint16(at, value, false);
    return this;
  }

  /** Appends a string attribute with the terminating zero that the kernel expects. */
  attributeText(type: number, value: string): this {
    return this.attribute(type, new TextEncoder().encode(`${value}\0`));
  }

  /**
   * Begins an attribute that holds attributes: what is appended until `endNested` lies inside.
   *
   * @returns what `endNested` wants to be told
   */
  beginNested(type: number): number {
    const at = this.#reserve(4);
    this.#view.setUint16(at + 2, type | NLA_F_NESTED, true);
    return at;
  }

  /**
   * Begins a record of four bytes and more that has its length in the first two, as
   * `struct rtnexthop` does: the third and fourth byte are written next.
   *
   * @returns what `endNested` wants to be told
   */
  beginRecord(): number {
    return this.#reserve(2);
  }

  /** Closes what `beginNested` or `beginRecord` opened. */
  endNested(start: number): this {
    this.#view.setUint16(start, this.#length - start, true);
    return this;
  }

  /** Closes the open message: its length is written now. */
  end(): this {
    if (this.#start < 0) throw new Error("Cannot end message: none is open");
    this.#view.setUint32(this.#start, this.#length - this.#start, true);
    this.#reserve(align(this.#length) - this.#length);
    this.#start = -1;
    return this;
  }

  /** Takes back the open message, whose content turned out to be impossible. */
  abandon(): this {
    if (this.#start < 0) return this;
    this.#bytes.fill(0, this.#start, this.#length);
    this.#length = this.#start;
    this.#start = -1;
    return this;
  }

  /** The messages written so far, as a view that the next write may change. */
  finish(): Uint8Array<ArrayBuffer> {
    if (this.#start >= 0) throw new Error("Cannot finish buffer: a message is open");
    return this.#bytes.subarray(0, this.#length);
  }

  /** Header of an attribute and room for its value. Returns where the value goes. */
  #attributeHeader(type: number, length: number): number {
    const at = this.#reserve(4 + align(length));
    this.#view.setUint16(at, 4 + length, true);
    this.#view.setUint16(at + 2, type, true);
    return at + 4;
  }

  /** Room for `count` bytes; may replace the buffer, so nobody keeps `#view` across a call. */
  #reserve(count: number): number {
    const at = this.#length;
    const needed = at + count;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = viewOf(larger);
    }
    this.#length = needed;
    return at;
  }
}
