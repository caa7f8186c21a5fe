/**
 * `struct msghdr` and control messages, shared by the message and batch modules. For `ffi/` only.
 *
 * A header holds raw pointers to buffers that JavaScript owns. They are all made here, from memory
 * outside V8's moving heap, and live exactly as long as the object that holds both the header and
 * its buffers.
 *
 * @module
 */

import {
  CMSG_DATA,
  CMSG_LEVEL,
  CMSG_TYPE,
  IOVEC_LENGTH,
  IOVEC_SIZE,
  MSGHDR_CONTROL,
  MSGHDR_CONTROL_LENGTH,
  MSGHDR_FLAGS,
  MSGHDR_IOV,
  MSGHDR_IOV_LENGTH,
  MSGHDR_NAME,
  MSGHDR_NAME_LENGTH,
} from "./layout.ts";
import { SOCKADDR_STORAGE } from "./sockaddr.ts";
import { addressOf } from "./symbols.ts";

/** Bytes outside V8's heap. */
export function outside(size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(size));
}

/** Copies the first `length` bytes without making a view of them. */
export function copyInto(target: Uint8Array, source: Uint8Array, length: number): void {
  if (length === source.length) {
    target.set(source);
    return;
  }
  for (let index = 0; index < length; index++) target[index] = source[index] ?? 0;
}

/** One message: its header inside a larger array of headers, and the buffers it points to. */
export class MessageSlot {
  readonly payload: Uint8Array<ArrayBuffer>;
  readonly name: Uint8Array<ArrayBuffer> = outside(SOCKADDR_STORAGE);
  readonly control: Uint8Array<ArrayBuffer>;
  readonly #iov = new DataView(new ArrayBuffer(IOVEC_SIZE));
  readonly #header: DataView;
  readonly #offset: number;
  readonly #controlView: DataView;
  readonly #nameAddress: bigint;
  readonly #controlAddress: bigint;

  constructor(header: DataView, offset: number, payloadSize: number, controlSize: number) {
    this.#header = header;
    this.#offset = offset;
    this.payload = outside(payloadSize);
    // A multiple of 8, so that every control message is aligned and padded inside it.
    this.control = outside((controlSize + 7) & ~7);
    this.#controlView = new DataView(this.control.buffer);
    this.#nameAddress = addressOf(this.name);
    this.#controlAddress = addressOf(this.control);
    this.#iov.setBigUint64(0, addressOf(this.payload), true);
    header.setBigUint64(offset + MSGHDR_IOV, addressOf(this.#iov), true);
    header.setUint32(offset + MSGHDR_IOV_LENGTH, 1, true);
  }

  /** Offers the whole of each buffer to the kernel, which overwrites the lengths with its own. */
  prepareReceive(): void {
    this.setLengths(this.payload.length, this.name.length, this.control.length);
  }

  /** The same once more: after a receive only what the kernel has overwritten needs it. */
  offerAgain(): void {
    const header = this.#header;
    header.setUint32(this.#offset + MSGHDR_NAME_LENGTH, this.name.length, true);
    header.setUint32(this.#offset + MSGHDR_CONTROL_LENGTH, this.control.length, true);
  }

  setLengths(payload: number, name: number, control: number): void {
    const header = this.#header;
    const offset = this.#offset;
    this.#iov.setUint32(IOVEC_LENGTH, payload, true);
    header.setBigUint64(offset + MSGHDR_NAME, name === 0 ? 0n : this.#nameAddress, true);
    header.setUint32(offset + MSGHDR_NAME_LENGTH, name, true);
    header.setBigUint64(offset + MSGHDR_CONTROL, control === 0 ? 0n : this.#controlAddress, true);
    header.setUint32(offset + MSGHDR_CONTROL_LENGTH, control, true);
    header.setUint32(offset + MSGHDR_FLAGS, 0, true);
  }

  /** Fills the slot with a message to send. Throws RangeError when a part does not fit. */
  fill(
    bytes: Uint8Array,
    length: number,
    sockaddr: Uint8Array | null,
    control: Uint8Array | null,
  ): void {
    if (!(length >= 0 && length <= bytes.length && length <= this.payload.length)) {
      throw new RangeError(
        `Cannot send ${length} of ${bytes.length} bytes from a buffer of ${this.payload.length}`,
      );
    }
    if (control !== null && control.length > this.control.length) {
      throw new RangeError(
        `Control data of ${control.length} bytes does not fit into ${this.control.length}`,
      );
    }
    copyInto(this.payload, bytes, length);
    if (sockaddr !== null) this.name.set(sockaddr);
    if (control !== null) this.control.set(control);
    this.setLengths(length, sockaddr?.length ?? 0, control?.length ?? 0);
  }

  /** Bytes of the sender's address that the kernel filled in. */
  get nameLength(): number {
    const length = this.#header.getUint32(this.#offset + MSGHDR_NAME_LENGTH, true);
    return Math.min(length, this.name.length);
  }

  /** Bytes of control data that the kernel filled in. */
  get controlLength(): number {
    return this.#header.getUint32(this.#offset + MSGHDR_CONTROL_LENGTH, true);
  }

  /** MSG_TRUNC, MSG_CTRUNC … */
  get flags(): number {
    return this.#header.getInt32(this.#offset + MSGHDR_FLAGS, true);
  }

  /** Offset of a control message's data in `control`; -1: there is none of that kind. */
  findControl(level: number, type: number): number {
    const view = this.#controlView;
    for (let at = 0, size = 0; (size = this.controlSize(at)) > 0; at += (size + 7) & ~7) {
      if (
        view.getInt32(at + CMSG_LEVEL, true) === level &&
        view.getInt32(at + CMSG_TYPE, true) === type
      ) return at + CMSG_DATA;
    }
    return -1;
  }

  /** Length of the control message at an offset, its header included; 0: none begins there. */
  controlSize(at: number): number {
    const end = this.controlLength;
    if (at + CMSG_DATA > end) return 0;
    const size = this.#controlView.getUint32(at, true);
    return size < CMSG_DATA || at + size > end ? 0 : size;
  }

  /** A 32-bit number of a control message, `offset` bytes into its data; undefined: not there. */
  controlInt32(level: number, type: number, offset = 0): number | undefined {
    const at = this.findControl(level, type);
    if (at < 0 || at + offset + 4 > this.controlLength) return undefined;
    return this.#controlView.getInt32(at + offset, true);
  }

  /** All control messages, as copies of nothing: `data` is a view that the next message reuses. */
  *controlMessages(): Generator<ControlMessage> {
    for (let at = 0, size = 0; (size = this.controlSize(at)) > 0; at += (size + 7) & ~7) {
      yield {
        level: this.#controlView.getInt32(at + CMSG_LEVEL, true),
        type: this.#controlView.getInt32(at + CMSG_TYPE, true),
        data: this.control.subarray(at + CMSG_DATA, at + size),
      };
    }
  }
}

/** One piece of control data that came with a packet. */
export interface ControlMessage {
  /** Such as IPPROTO_IP. */
  readonly level: number;
  /** Such as IP_PKTINFO. */
  readonly type: number;
  readonly data: Uint8Array;
}
