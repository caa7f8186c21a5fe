/**
 * VRRP over IPv4. Raw sockets deliver packets with their IP header, and take them so
 * (IP_HDRINCL): source, TTL and type of service are what the codec has written, and so is an
 * authentication header.
 *
 * @module
 */

import {
  AF_INET,
  BareReceiver,
  inNamespace,
  IP_HDRINCL,
  IP_MULTICAST_LOOP,
  IPPROTO_IP,
  MSG_DONTROUTE,
  sendTo,
  setMulticastInterface4,
  setOption,
  sockaddrIn,
} from "../../ffi/mod.ts";
import { formatIpv4 } from "../ip/mod.ts";
import {
  AUTHENTICATION_HEADER,
  decodeAdvertisement,
  type DecodeOptions,
  type DropReason,
  headerFault,
  headerFaultBehind,
  PROTOCOL_VRRP,
} from "../vrrp/mod.ts";
import type { Guard } from "./guard.ts";
import type { Destination, Reach } from "./reach.ts";
import type { Served } from "./served.ts";
import {
  type AdmittedReader,
  type AdvertProtocol,
  type Judged,
  RawSockets,
  type RefusedReader,
  type VrrpTransport,
} from "./transport.ts";

const IP_HEADER = 20;
/** Offsets in it. */
const TTL = 8;
const SOURCE = 12;
const DESTINATION = 16;

/** Adverts of one batch; the longest has 255 addresses and an IP header with options. */
const ADMITTED = { batch: 32, size: 2048 };
/** Refused packets of one batch; of each the longest IP header, authentication, the VRRP header. */
const REFUSED = { batch: 256, size: 60 + AUTHENTICATION_HEADER + 8 };

/** @throws {SystemError} when a socket cannot be had, such as EPERM or ENODEV */
export function openTransport4(
  namespace: string,
  index: number,
  name: string,
  protocol: AdvertProtocol,
): VrrpTransport {
  return inNamespace(namespace, () => new Transport4(index, name, protocol));
}

/** Where packets are put, a batch at a time. */
export interface Packets {
  receive(fd: number, limit: number): number;
  payload(index: number): Uint8Array;
  length(index: number): number;
}

/** Reads packets with their IP header. */
export class Ipv4Reader implements AdmittedReader, RefusedReader {
  readonly descriptor: number;
  readonly batch: number;
  readonly #packets: Packets;
  /** Bytes between the IP header and the message. */
  readonly #between: number;

  constructor(
    descriptor: number,
    packets: Packets,
    batch: number,
    protocol: AdvertProtocol = PROTOCOL_VRRP,
  ) {
    this.descriptor = descriptor;
    this.batch = batch;
    this.#packets = packets;
    this.#between = protocol === PROTOCOL_VRRP ? 0 : AUTHENTICATION_HEADER;
  }

  receive(limit: number): number {
    return this.#packets.receive(this.descriptor, limit);
  }

  virtualRouterId(index: number): number | undefined {
    const packet = this.#packets.payload(index);
    // It stands behind the IP header, which may have options.
    const at = (packet[0]! & 0x0f) * 4 + this.#between + 1;
    return at < this.#packets.length(index) ? packet[at] : undefined;
  }

  decode(index: number, options: DecodeOptions, guard: Guard | null, now: number): Judged {
    const packet = this.#packets.payload(index);
    const length = this.#packets.length(index);
    if (guard !== null) return guard.receive4(packet, length, options, now);
    // Whose it was has just left, or wants no such header any more.
    if (this.#between > 0) return { ok: false, drop: "authentication" };
    return decodeAdvertisement(packet, length, options);
  }

  fault(index: number, options: DecodeOptions, reach?: Reach, trailer = 0): DropReason | null {
    const packet = this.#packets.payload(index);
    const judge = this.#between > 0 ? headerFaultBehind : headerFault;
    return judge(packet, this.#packets.length(index), options, trailer) ??
      reach?.fault(this, index) ?? null;
  }

  sender(index: number): string {
    if (this.#packets.length(index) < IP_HEADER) return "";
    return formatIpv4(this.#packets.payload(index), SOURCE);
  }

  isMulticast(index: number): boolean {
    return this.#packets.payload(index)[DESTINATION]! >> 4 === 0xe;
  }

  isFrom(index: number, address: Uint8Array): boolean {
    return hasAt(this.#packets.payload(index), SOURCE, address);
  }

  isTo(index: number, address: Uint8Array): boolean {
    return hasAt(this.#packets.payload(index), DESTINATION, address);
  }

  ttl(index: number): number {
    return this.#packets.payload(index)[TTL]!;
  }

  source(index: number): Uint8Array {
    return this.#packets.payload(index).slice(SOURCE, DESTINATION);
  }
}

/** Whether the bytes at an offset are an address. */
export function hasAt(packet: Uint8Array, offset: number, address: Uint8Array): boolean {
  for (let i = 0; i < address.length; i++) if (packet[offset + i] !== address[i]) return false;
  return true;
}

/** What is read is dealt with before the next socket is: one set of buffers serves all. */
let buffers: { admitted: BareReceiver; refused: BareReceiver } | undefined;

class Transport4 implements VrrpTransport {
  readonly admitted: AdmittedReader;
  readonly refused: RefusedReader;
  readonly #sockets: RawSockets;
  /** Socket addresses of groups and peers. */
  readonly #targets = new Map<string, Uint8Array>();

  constructor(index: number, name: string, protocol: AdvertProtocol) {
    buffers ??= {
      admitted: new BareReceiver(ADMITTED.batch, ADMITTED.size),
      refused: new BareReceiver(REFUSED.batch, REFUSED.size),
    };
    this.#sockets = new RawSockets("ipv4", AF_INET, protocol, name, ({ outgoing }) => {
      setOption(outgoing, IPPROTO_IP, IP_HDRINCL, 1);
      setOption(outgoing, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
      setMulticastInterface4(outgoing, index);
    });
    const { admitted, refused } = this.#sockets;
    this.admitted = new Ipv4Reader(admitted, buffers.admitted, ADMITTED.batch, protocol);
    this.refused = new Ipv4Reader(refused, buffers.refused, REFUSED.batch, protocol);
  }

  serve(served: Served): void {
    this.#sockets.serve(served);
  }

  overflow(): number {
    return this.#sockets.overflow();
  }

  send(packet: Uint8Array, _: string, { address, unicast }: Destination): number {
    let target = this.#targets.get(address);
    if (target === undefined) this.#targets.set(address, target = sockaddrIn(address, 0));
    const flags = unicast ? 0 : MSG_DONTROUTE;
    return sendTo(this.#sockets.outgoing, packet, packet.length, target, flags);
  }

  close(): void {
    this.#sockets.close();
  }
}
