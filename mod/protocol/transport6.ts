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
  inNamespace,
  IPPROTO_IPV6,
  IPPROTO_VRRP,
  IPV6_HDRINCL,
  IPV6_MULTICAST_HOPS,
  IPV6_MULTICAST_LOOP,
  IPV6_PKTINFO,
  IPV6_RECVHOPLIMIT,
  IPV6_RECVPKTINFO,
  IPV6_TCLASS,
  MessageSender,
  packetInfo6,
  setMulticastInterface6,
  setOption,
  sockaddrIn6,
} from "../../ffi/mod.ts";
import { formatIp, parseIp } from "../ip/mod.ts";
import {
  decodeAdvertisement6,
  type Decoded,
  type DecodeOptions,
  type DropReason,
  headerFault6,
  VRRP_GROUP_IPV6,
  VRRP_HEADER,
} from "../vrrp/mod.ts";
import { type ServedIds, TRIMMED_HOP_LIMIT, TRIMMED_SHORT } from "./filters.ts";
import {
  type AdmittedReader,
  RawSockets,
  type RefusedReader,
  type VrrpTransport,
} from "./transport.ts";

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

  decode(index: number, options: DecodeOptions): Decoded {
    const { packets } = this;
    const destination = packets.controlData(index, IPPROTO_IPV6, IPV6_PKTINFO, 16);
    return decodeAdvertisement6(packets.payload(index), packets.length(index), {
      source: senderOf(packets.source(index)),
      destination: destination ?? NO_ADDRESS,
      hopLimit: packets.hopLimit(index),
    }, options);
  }

  sender(index: number): string {
    return formatIp(senderOf(this.packets.source(index))) ?? "";
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

  fault(index: number, options: DecodeOptions): DropReason | null {
    const length = this.packets.length(index);
    if (length <= TRIMMED_SHORT) return "truncated";
    if (length === TRIMMED_HOP_LIMIT) return "ttl";
    return headerFault6(this.packets.payload(index), length, 255, options);
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
  readonly #group: Uint8Array;
  readonly #sender: MessageSender;
  /** Control data that names the source, kept as long as it stays the same. */
  #source = "";
  #control: Uint8Array | null = null;

  constructor(index: number, name: string) {
    buffers ??= {
      admitted: new BatchReceiver(ADMITTED.batch, ADMITTED.size),
      refused: new BareReceiver(REFUSED.batch, REFUSED.size),
      sender: new MessageSender(ADMITTED.size),
    };
    this.#sender = buffers.sender;
    this.#index = index;
    // The port of a raw socket's address is the protocol.
    this.#group = sockaddrIn6(VRRP_GROUP_IPV6, IPPROTO_VRRP, index);
    this.#sockets = new RawSockets("ipv6", AF_INET6, name, ({ admitted, outgoing }) => {
      setOption(admitted, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
      setOption(admitted, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
      setOption(outgoing, IPPROTO_IPV6, IPV6_HDRINCL, 0);
      setOption(outgoing, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 255);
      setOption(outgoing, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
      setOption(outgoing, IPPROTO_IPV6, IPV6_TCLASS, CLASS_CONTROL);
      setMulticastInterface6(outgoing, index);
    });
    this.admitted = new Admitted6(this.#sockets.admitted, buffers.admitted);
    this.refused = new Refused6(this.#sockets.refused, buffers.refused);
  }

  serve(ids: ServedIds): void {
    this.#sockets.serve(ids);
  }

  overflow(): number {
    return this.#sockets.overflow();
  }

  send(packet: Uint8Array, source: string): number {
    if (source !== this.#source || this.#control === null) {
      this.#control = packetInfo6(this.#index, parseIp(source));
      this.#source = source;
    }
    const { outgoing } = this.#sockets;
    return this.#sender.send(outgoing, packet, packet.length, this.#group, this.#control);
  }

  close(): void {
    this.#sockets.close();
  }
}
