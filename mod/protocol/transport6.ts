/**
 * VRRP over IPv6. Raw sockets deliver the message without its IP header: source, destination and
 * hop limit come as control data, which the checks need. The kernel writes the header of what is
 * sent, and takes the source from control data; checksums are ours on both ways, so that a wrong
 * one is counted, not swallowed.
 *
 * @module
 */

import {
  AF_INET6,
  BareReceiver,
  BatchReceiver,
  hopLimit6,
  inNamespace,
  IPPROTO_IPV6,
  IPPROTO_VRRP,
  IPV6_HDRINCL,
  IPV6_MULTICAST_LOOP,
  IPV6_PKTINFO,
  IPV6_RECVHOPLIMIT,
  IPV6_RECVPKTINFO,
  IPV6_TCLASS,
  joinControl,
  MessageSender,
  packetInfo6,
  setMulticastInterface6,
  setOption,
  sockaddrIn6,
} from "../../ffi/mod.ts";
import { formatIp, parseIp } from "../ip/mod.ts";
import {
  decodeAdvertisement6,
  type DecodeOptions,
  type DropReason,
  headerFault6,
  PROTOCOL_VRRP,
  VRRP_HEADER,
} from "../vrrp/mod.ts";
import {
  TRIMMED_DESTINATION,
  TRIMMED_HOP_LIMIT,
  TRIMMED_SHORT,
  TRIMMED_SOURCE,
} from "./filters.ts";
import type { Guard } from "./guard.ts";
import type { Destination, Reach } from "./reach.ts";
import type { Served } from "./served.ts";
import {
  type AdmittedReader,
  type Judged,
  RawSockets,
  type RefusedReader,
  type VrrpTransport,
} from "./transport.ts";
import { hasAt } from "./transport4.ts";

/** Adverts of one batch; the longest has 255 addresses, and there is room to see a longer one. */
const ADMITTED = { batch: 32, size: 8192 };
/** Refused packets of one batch; of each the VRRP header. */
const REFUSED = { batch: 256, size: VRRP_HEADER };
/** Offset of the address in `struct sockaddr_in6`. */
const SOCKADDR_ADDRESS = 8;
/** Network control, as the IPv4 adverts have it. */
const CLASS_CONTROL = 0xc0;
const NO_ADDRESS = new Uint8Array(16);

/** @throws {SystemError} when a socket cannot be had, such as EPERM or EAFNOSUPPORT */
export function openTransport6(namespace: string, index: number, name: string): VrrpTransport {
  return inNamespace(namespace, () => new Transport6(index, name));
}

/**
 * What is read is dealt with before the next socket is, and what is sent has left when the call
 * returns: one set of buffers serves all.
 */
let buffers: { admitted: BatchReceiver; refused: BareReceiver; sender: MessageSender } | undefined;

function senderOf(sockaddr: Uint8Array): Uint8Array {
  return sockaddr.subarray(SOCKADDR_ADDRESS, SOCKADDR_ADDRESS + 16);
}

class Admitted6 implements AdmittedReader {
  readonly batch = ADMITTED.batch;

  constructor(readonly descriptor: number, readonly packets: BatchReceiver) {}

  receive(limit: number): number {
    return this.packets.receive(this.descriptor, 0, limit);
  }

  virtualRouterId(index: number): number | undefined {
    return this.packets.length(index) > 1 ? this.packets.payload(index)[1] : undefined;
  }

  decode(index: number, options: DecodeOptions, guard: Guard | null, now: number): Judged {
    const { packets } = this;
    const destination = packets.controlData(index, IPPROTO_IPV6, IPV6_PKTINFO, 16);
    const [message, length] = [packets.payload(index), packets.length(index)];
    const from = {
      source: senderOf(packets.source(index)),
      destination: destination ?? NO_ADDRESS,
      hopLimit: packets.hopLimit(index),
    };
    return guard === null
      ? decodeAdvertisement6(message, length, from, options)
      : guard.receive6(message, length, from, options, now);
  }

  sender(index: number): string {
    return formatIp(senderOf(this.packets.source(index))) ?? "";
  }

  isMulticast(index: number): boolean {
    return this.packets.controlData(index, IPPROTO_IPV6, IPV6_PKTINFO, 16)?.[0] === 0xff;
  }

  isFrom(index: number, address: Uint8Array): boolean {
    return hasAt(this.packets.source(index), SOCKADDR_ADDRESS, address);
  }

  isTo(index: number, address: Uint8Array): boolean {
    const to = this.packets.controlData(index, IPPROTO_IPV6, IPV6_PKTINFO, 16);
    return to !== undefined && hasAt(to, 0, address);
  }

  ttl(index: number): number {
    return this.packets.hopLimit(index);
  }

  source(index: number): Uint8Array {
    return senderOf(this.packets.source(index)).slice();
  }
}

class Refused6 implements RefusedReader {
  constructor(readonly descriptor: number, readonly packets: BareReceiver) {}

  receive(limit: number): number {
    return this.packets.receive(this.descriptor, limit);
  }

  virtualRouterId(index: number): number | undefined {
    return this.packets.length(index) > 1 ? this.packets.payload(index)[1] : undefined;
  }

  fault(index: number, options: DecodeOptions, _?: Reach, trailer = 0): DropReason | null {
    const length = this.packets.length(index);
    if (length <= TRIMMED_SHORT) return "truncated";
    if (length === TRIMMED_HOP_LIMIT) return "ttl";
    if (length === TRIMMED_DESTINATION) return "destination";
    if (length === TRIMMED_SOURCE) return "source";
    return headerFault6(this.packets.payload(index), length, 255, options, trailer);
  }

  sender(index: number): string {
    return formatIp(senderOf(this.packets.source(index))) ?? "";
  }
}

class Transport6 implements VrrpTransport {
  readonly admitted: AdmittedReader;
  readonly refused: RefusedReader;
  readonly #sockets: RawSockets;
  readonly #index: number;
  readonly #sender: MessageSender;
  /** Socket addresses of groups and peers. */
  readonly #targets = new Map<string, Uint8Array>();
  /** Control data that names source and hop limit, kept as long as they stay the same. */
  #source = "";
  #ttl = 0;
  #control: Uint8Array | null = null;

  constructor(index: number, name: string) {
    buffers ??= {
      admitted: new BatchReceiver(ADMITTED.batch, ADMITTED.size),
      refused: new BareReceiver(REFUSED.batch, REFUSED.size),
      sender: new MessageSender(ADMITTED.size),
    };
    this.#sender = buffers.sender;
    this.#index = index;
    this.#sockets = new RawSockets(
      "ipv6",
      AF_INET6,
      PROTOCOL_VRRP,
      name,
      ({ admitted, outgoing }) => {
        setOption(admitted, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
        setOption(admitted, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
        setOption(outgoing, IPPROTO_IPV6, IPV6_HDRINCL, 0);
        setOption(outgoing, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
        setOption(outgoing, IPPROTO_IPV6, IPV6_TCLASS, CLASS_CONTROL);
        setMulticastInterface6(outgoing, index);
      },
    );
    this.admitted = new Admitted6(this.#sockets.admitted, buffers.admitted);
    this.refused = new Refused6(this.#sockets.refused, buffers.refused);
  }

  serve(served: Served): void {
    this.#sockets.serve(served);
  }

  overflow(): number {
    return this.#sockets.overflow();
  }

  send(packet: Uint8Array, source: string, { address, ttl }: Destination): number {
    if (source !== this.#source || ttl !== this.#ttl || this.#control === null) {
      this.#control = joinControl(packetInfo6(this.#index, parseIp(source)), hopLimit6(ttl));
      this.#source = source;
      this.#ttl = ttl;
    }
    let target = this.#targets.get(address);
    if (target === undefined) {
      // The port of a raw socket's address is the protocol. The scope says where a link-local
      // address is, a group's included, and means nothing for any other.
      target = sockaddrIn6(address, IPPROTO_VRRP, this.#index);
      this.#targets.set(address, target);
    }
    const { outgoing } = this.#sockets;
    return this.#sender.send(outgoing, packet, packet.length, target, this.#control);
  }

  close(): void {
    this.#sockets.close();
  }
}
