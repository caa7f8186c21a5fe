/**
 * Packets with what the kernel knows about them: `recvmsg` and `sendmsg`.
 *
 * Receiver and sender own all their buffers, made once; a packet in or out allocates nothing. What
 * a receiver shows (payload, source, control data) is valid until its next `receive`.
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
import { MSGHDR_SIZE } from "./layout.ts";
import { type ControlMessage, MessageSlot, outside } from "./message_header.ts";
import { libc } from "./symbols.ts";

/** Bytes of control data that hold everything halb asks the kernel for. */
export const DEFAULT_CONTROL_SIZE = 256;

/** Receives one packet at a time, with its source and control data. */
export class MessageReceiver {
  readonly #header = outside(MSGHDR_SIZE);
  readonly #slot: MessageSlot;
  #length = 0;

  /** `size`: bytes of the longest packet; `controlSize`: room for control data. */
  constructor(size = 2048, controlSize = DEFAULT_CONTROL_SIZE) {
    this.#slot = new MessageSlot(new DataView(this.#header.buffer), 0, size, controlSize);
  }

  /** Receives. Returns the bytes received or minus errno (-EAGAIN: nothing there). */
  receive(fd: number, flags = 0): number {
    this.#slot.prepareReceive();
    const count = countOrErrno(libc.recvmsg(fd, this.#header, flags));
    this.#length = Math.max(0, count);
    return count;
  }

  /** The whole buffer; the packet is its first `length` bytes. */
  get payload(): Uint8Array {
    return this.#slot.payload;
  }

  /** Length of the packet, bytes. */
  get length(): number {
    return this.#length;
  }

  /** Buffer of the sender's socket address; its first `sourceLength` bytes count. */
  get source(): Uint8Array {
    return this.#slot.name;
  }

  get sourceLength(): number {
    return this.#slot.nameLength;
  }

  /** MSG_TRUNC: the packet was longer than the buffer; MSG_CTRUNC: the control data was. */
  get flags(): number {
    return this.#slot.flags;
  }

  /** The buffer of control data. */
  get control(): Uint8Array {
    return this.#slot.control;
  }

  /** Offset in `control` of the data of that kind; -1: none. */
  findControl(level: number, type: number): number {
    return this.#slot.findControl(level, type);
  }

  /** A 32-bit number at the start of control data of that kind; undefined: none. */
  controlInt32(level: number, type: number): number | undefined {
    return this.#slot.controlInt32(level, type);
  }

  /** All control data, by level and type. */
  controlMessages(): Iterable<ControlMessage> {
    return this.#slot.controlMessages();
  }

  /** Interface the packet came in on (needs IP_PKTINFO or IPV6_RECVPKTINFO); 0: not known. */
  get interfaceIndex(): number {
    return this.#slot.controlInt32(IPPROTO_IP, IP_PKTINFO) ??
      this.#slot.controlInt32(IPPROTO_IPV6, IPV6_PKTINFO, 16) ?? 0;
  }

  /** TTL or hop limit (needs IP_RECVTTL or IPV6_RECVHOPLIMIT); -1: not known. */
  get hopLimit(): number {
    return this.#slot.controlInt32(IPPROTO_IP, IP_TTL) ??
      this.#slot.controlInt32(IPPROTO_IPV6, IPV6_HOPLIMIT) ?? -1;
  }
}

/** Sends packets with control data (`packetInfo4` …). */
export class MessageSender {
  readonly #header = outside(MSGHDR_SIZE);
  readonly #slot: MessageSlot;

  /** `size`: bytes of the longest packet; `controlSize`: room for control data. */
  constructor(size = 2048, controlSize = DEFAULT_CONTROL_SIZE) {
    this.#slot = new MessageSlot(new DataView(this.#header.buffer), 0, size, controlSize);
  }

  /**
   * Sends the first `length` bytes, to `sockaddr` or the connected peer. Returns the bytes sent or
   * minus errno. Throws RangeError when a part does not fit into the buffers.
   */
  send(
    fd: number,
    bytes: Uint8Array,
    length: number,
    sockaddr: Uint8Array | null,
    control: Uint8Array | null = null,
    flags = 0,
  ): number {
    this.#slot.fill(bytes, length, sockaddr, control);
    return countOrErrno(libc.sendmsg(fd, this.#header, flags));
  }
}
