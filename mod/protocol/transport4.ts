/**
 * VRRP over IPv4. Raw sockets deliver packets with their IP header, and take them so
 * (IP_HDRINCL): source, TTL and type of service are what the codec has written.
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
  decodeAdvertisement,
  type DecodeOptions,
  type DropReason,
  headerFault,
} from "../vrrp/mod.ts";
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

const IP_HEADER = 20;
/** Offsets in it. */
const TTL = 8;
const SOURCE = 12;
const DESTINATION = 16;

/** Adverts of one batch; the longest has 255 addresses and an IP header with options. */
const ADMITTED = { batch: 32, size: 2048 };
/** Refused packets of one batch; of each the longest IP header and the VRRP header. */
const REFUSED = { batch: 256, size: 68 };

/** @throws {SystemError} when a socket cannot be had, such as EPERM or ENODEV */
export function openTransport4(namespace: string, index: number, name: string): VrrpTransport {
  return inNamespace(namespace, () => new Transport4(index, name));
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

  constructor(descriptor: number, packets: Packets, batch: number) {
    this.descriptor = descriptor;
    this.batch = batch;
    this.#packets = packets;
  }

  receive(limit: number): number {
    return this.#packets.receive(this.descriptor, limit);
  }

  virtualRouterId(index: number): number | undefined {
    const packet = this.#packets.payload(index);
    // It stands behind the IP header, which may have options.
    const at = (packet[0]! & 0x0f) * 4 + 1;
    return at < this.#packets.length(index) ? packet[at] : undefined;
  }

  decode(index: number, options: DecodeOptions, guard: Guard | null, now: number): Judged {
    const packet = this.#packets.payload(index);
    const length = this.#packets.length(index);
    return guard === null
      ? decodeAdvertisement(packet, length, options)
      : guard.receive4(packet, length, options, now);
  }

  fault(index: number, options: DecodeOptions, reach?: Reach): DropReason | null {
    const packet = this.#packets.payload(index);
    return headerFault(packet, this.#packets.length(index), options) ??
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

  constructor(index: number, name: string) {
    buffers ??= {
      admitted: new BareReceiver(ADMITTED.batch, ADMITTED.size),
      refused: new BareReceiver(REFUSED.batch, REFUSED.size),
    };
    this.#sockets = new RawSockets("ipv4", AF_INET, name, ({ outgoing }) => {
      setOption(outgoing, IPPROTO_IP, IP_HDRINCL, 1);
      setOption(outgoing, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
      setMulticastInterface4(outgoing, index);
    });
    this.admitted = new Ipv4Reader(this.#sockets.admitted, buffers.admitted, ADMITTED.batch);
    this.refused = new Ipv4Reader(this.#sockets.refused, buffers.refused, REFUSED.batch);
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
