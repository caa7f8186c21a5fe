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
  type Decoded,
  type DecodeOptions,
  type DropReason,
  headerFault,
  VRRP_GROUP_IPV4,
} from "../vrrp/mod.ts";
import type { ServedIds } from "./filters.ts";
import {
  type AdmittedReader,
  RawSockets,
  type RefusedReader,
  type VrrpTransport,
} from "./transport.ts";

const GROUP = sockaddrIn(VRRP_GROUP_IPV4, 0);
const IP_HEADER = 20;

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

  decode(index: number, options: DecodeOptions): Decoded {
    return decodeAdvertisement(this.#packets.payload(index), this.#packets.length(index), options);
  }

  fault(index: number, options: DecodeOptions): DropReason | null {
    return headerFault(this.#packets.payload(index), this.#packets.length(index), options);
  }

  sender(index: number): string {
    if (this.#packets.length(index) < IP_HEADER) return "";
    return formatIpv4(this.#packets.payload(index), 12);
  }
}

/** What is read is dealt with before the next socket is: one set of buffers serves all. */
let buffers: { admitted: BareReceiver; refused: BareReceiver } | undefined;

class Transport4 implements VrrpTransport {
  readonly admitted: AdmittedReader;
  readonly refused: RefusedReader;
  readonly #sockets: RawSockets;

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

  serve(ids: ServedIds): void {
    this.#sockets.serve(ids);
  }

  overflow(): number {
    return this.#sockets.overflow();
  }

  send(packet: Uint8Array): number {
    return sendTo(this.#sockets.outgoing, packet, packet.length, GROUP, MSG_DONTROUTE);
  }

  close(): void {
    this.#sockets.close();
  }
}
