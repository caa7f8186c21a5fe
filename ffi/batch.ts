/**
 * Many packets in one system call: `recvmmsg` and `sendmmsg`.
 *
 * Where hundreds of sessions share a socket, the call itself is most of a packet's cost. Buffers
 * for a fixed number of packets are made once; what a receiver shows is valid until its next
 * `receive`.
 *
 * @module
 */

import {
  IP_PKTINFO,
  IP_TTL,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_HOPLIMIT,
  IPV6_PKTINFO,
} from "./constants.ts";
import { countOrErrno } from "./errors.ts";
import { MMSGHDR_LENGTH, MMSGHDR_SIZE } from "./layout.ts";
import { DEFAULT_CONTROL_SIZE } from "./message.ts";
import { type ControlMessage, MessageSlot } from "./message_header.ts";
import { libc } from "./symbols.ts";

/** The kernel takes at most so many messages in one call. */
const MAX_BATCH = 1024;

function makeSlots(
  headers: DataView,
  capacity: number,
  size: number,
  controlSize: number,
): readonly MessageSlot[] {
  const slots: MessageSlot[] = [];
  for (let index = 0; index < capacity; index++) {
    slots.push(new MessageSlot(headers, index * MMSGHDR_SIZE, size, controlSize));
  }
  return slots;
}

function requireCapacity(capacity: number): void {
  if (!Number.isInteger(capacity) || capacity < 1 || capacity > MAX_BATCH) {
    throw new RangeError(`A batch holds 1 to ${MAX_BATCH} packets, not ${capacity}`);
  }
}

/** Receives up to `capacity` packets at once. */
export class BatchReceiver {
  readonly capacity: number;
  readonly #headers: DataView;
  readonly #slots: readonly MessageSlot[];
  #count = 0;

  /** `capacity`: packets, 1 to 1024; `size`: bytes of the longest. */
  constructor(capacity: number, size = 2048, controlSize = DEFAULT_CONTROL_SIZE) {
    requireCapacity(capacity);
    this.capacity = capacity;
    this.#headers = new DataView(new ArrayBuffer(capacity * MMSGHDR_SIZE));
    this.#slots = makeSlots(this.#headers, capacity, size, controlSize);
    for (const slot of this.#slots) slot.prepareReceive();
  }

  /**
   * Receives what is queued, at most `limit` packets. Returns how many, or minus errno (-EAGAIN:
   * nothing there).
   */
  receive(fd: number, flags = 0, limit = this.capacity): number {
    // Only the slots of the last batch were written to by the kernel.
    for (let index = 0; index < this.#count; index++) this.#slots[index]?.offerAgain();
    this.#count = 0;
    const wanted = Math.min(limit, this.capacity);
    const count = countOrErrno(libc.recvmmsg(fd, this.#headers, wanted, flags, null));
    this.#count = Math.max(0, count);
    return count;
  }

  /** The i-th packet's buffer; the packet is its first `length(index)` bytes. */
  payload(index: number): Uint8Array {
    return this.#slot(index).payload;
  }

  length(index: number): number {
    return this.#headers.getUint32(index * MMSGHDR_SIZE + MMSGHDR_LENGTH, true);
  }

  /** Buffer of the sender's socket address; its first `sourceLength(index)` bytes count. */
  source(index: number): Uint8Array {
    return this.#slot(index).name;
  }

  sourceLength(index: number): number {
    return this.#slot(index).nameLength;
  }

  /** MSG_TRUNC, MSG_CTRUNC … of the i-th packet. */
  flags(index: number): number {
    return this.#slot(index).flags;
  }

  controlMessages(index: number): Iterable<ControlMessage> {
    return this.#slot(index).controlMessages();
  }

  /** A 32-bit number at the start of the i-th packet's control data of that kind. */
  controlInt32(index: number, level: number, type: number): number | undefined {
    return this.#slot(index).controlInt32(level, type);
  }

  /** The first `size` bytes of the i-th packet's control data of that kind; undefined: none. */
  controlData(index: number, level: number, type: number, size: number): Uint8Array | undefined {
    const slot = this.#slot(index);
    const at = slot.findControl(level, type);
    return at < 0 ? undefined : slot.control.subarray(at, at + size);
  }

  /** Interface the i-th packet came in on; 0: not known. */
  interfaceIndex(index: number): number {
    return this.#slot(index).controlInt32(IPPROTO_IP, IP_PKTINFO) ??
      this.#slot(index).controlInt32(IPPROTO_IPV6, IPV6_PKTINFO, 16) ?? 0;
  }

  /** TTL or hop limit of the i-th packet; -1: not known. */
  hopLimit(index: number): number {
    return this.#slot(index).controlInt32(IPPROTO_IP, IP_TTL) ??
      this.#slot(index).controlInt32(IPPROTO_IPV6, IPV6_HOPLIMIT) ?? -1;
  }

  #slot(index: number): MessageSlot {
    const slot = index < this.#count ? this.#slots[index] : undefined;
    if (slot === undefined) {
      throw new RangeError(`No packet ${index} in a batch of ${this.#count}`);
    }
    return slot;
  }
}

/** Collects packets and sends them at once. */
export class BatchSender {
  readonly capacity: number;
  readonly #headers: DataView;
  readonly #slots: readonly MessageSlot[];
  /** The headers from the i-th on, for going on after a part was sent. */
  readonly #tails: readonly Uint8Array[];
  #first = 0;
  #end = 0;

  /** `capacity`: packets, 1 to 1024; `size`: bytes of the longest. */
  constructor(capacity: number, size = 2048, controlSize = 64) {
    requireCapacity(capacity);
    this.capacity = capacity;
    this.#headers = new DataView(new ArrayBuffer(capacity * MMSGHDR_SIZE));
    this.#slots = makeSlots(this.#headers, capacity, size, controlSize);
    this.#tails = this.#slots.map((_, index) =>
      new Uint8Array(this.#headers.buffer, index * MMSGHDR_SIZE)
    );
  }

  /** Packets collected and not sent yet. */
  get pending(): number {
    return this.#end - this.#first;
  }

  /** Copies a packet into the batch. Returns false when it is full: send first. */
  add(
    bytes: Uint8Array,
    length: number,
    sockaddr: Uint8Array | null,
    control: Uint8Array | null = null,
  ): boolean {
    const slot = this.#slots[this.#end];
    if (slot === undefined) return false;
    slot.fill(bytes, length, sockaddr, control);
    this.#end++;
    return true;
  }

  /**
   * Sends what is pending. Returns the packets sent, which may be fewer, or minus errno when the
   * first could not be sent: then send again later, `skip` it, or `clear` all.
   */
  send(fd: number, flags = 0): number {
    const tail = this.#tails[this.#first];
    if (tail === undefined || this.pending === 0) return 0;
    const count = countOrErrno(libc.sendmmsg(fd, tail, this.pending, flags));
    if (count > 0) this.#advance(count);
    return count;
  }

  /** Leaves out the first pending packet. */
  skip(): void {
    if (this.pending > 0) this.#advance(1);
  }

  /** Forgets what is pending. */
  clear(): void {
    this.#first = 0;
    this.#end = 0;
  }

  #advance(count: number): void {
    this.#first += count;
    if (this.#first === this.#end) this.clear();
  }
}
