/**
 * Many packets in one system call, with nothing but their bytes, their lengths and who sent them:
 * the cheapest way to read a flood.
 *
 * The headers are prepared once. What the kernel changes in them (the length of the sender's
 * address, the empty control data) is what the next call wants to find there, so that a call costs
 * JavaScript nothing for each packet. A receiver serves sockets of one family: the sender's address
 * keeps the length of the last one.
 *
 * @module
 */

import { MSG_TRUNC } from "./constants.ts";
import { countOrErrno } from "./errors.ts";
import { MMSGHDR_LENGTH, MMSGHDR_SIZE } from "./layout.ts";
import { MessageSlot } from "./message_header.ts";
import { SOCKADDR_STORAGE } from "./sockaddr.ts";
import { libc } from "./symbols.ts";

/** The kernel takes at most so many messages in one call. */
const MAX_BATCH = 1024;
const WORD = 4;

export class BareReceiver {
  readonly capacity: number;
  readonly #headers: Uint32Array<ArrayBuffer>;
  readonly #slots: readonly MessageSlot[];

  /** `capacity`: packets, 1 to 1024; `size`: bytes kept of each, the rest is thrown away. */
  constructor(capacity: number, size: number) {
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > MAX_BATCH) {
      throw new RangeError(`A batch holds 1 to ${MAX_BATCH} packets, not ${capacity}`);
    }
    this.capacity = capacity;
    const buffer = new ArrayBuffer(capacity * MMSGHDR_SIZE);
    this.#headers = new Uint32Array(buffer);
    const view = new DataView(buffer);
    this.#slots = Array.from(
      { length: capacity },
      (_, index) => new MessageSlot(view, index * MMSGHDR_SIZE, size, 0),
    );
    for (const slot of this.#slots) slot.setLengths(size, SOCKADDR_STORAGE, 0);
  }

  /** Takes what is queued, at most `limit` packets. Returns how many, or minus errno. */
  receive(fd: number, limit = this.capacity): number {
    const wanted = Math.min(limit, this.capacity);
    return countOrErrno(libc.recvmmsg(fd, this.#headers, wanted, MSG_TRUNC, null));
  }

  /** The i-th packet's buffer: its first bytes, as many as it had and as there is room for. */
  payload(index: number): Uint8Array {
    return this.#slots[index]!.payload;
  }

  /** Length of the i-th packet, which may be longer than what was kept. */
  length(index: number): number {
    return this.#headers[(index * MMSGHDR_SIZE + MMSGHDR_LENGTH) / WORD]!;
  }

  /** Buffer of the i-th packet's sender, as a socket address. */
  source(index: number): Uint8Array {
    return this.#slots[index]!.name;
  }
}
