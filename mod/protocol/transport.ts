/**
 * What carries a virtual router's adverts on one interface in one family: the sockets, and how to
 * read what they deliver. The driver knows no more of IPv4 and IPv6 than this.
 *
 * An advert has a destination (`reach.ts`: a group or a unicast peer) and leaves by an interface:
 * that of the `AdvertSender` which a router was given, usually the transport that it hears by.
 *
 * Two sockets receive (see `filters.ts`): one what may be an advert for a router of ours, the other
 * all the rest, to be counted when there is time for it. A third one sends and receives nothing; it
 * has a protocol number of its own, so that it does not stand in the list of those that the kernel
 * asks about each packet.
 *
 * @module
 */

import {
  attachDropAll,
  attachFilter,
  bindToDevice,
  closeDescriptor,
  drainSocket,
  IPPROTO_RAW,
  openSocket,
  queueDrops,
  setOption,
  setReceiveBuffer,
  SO_PRIORITY,
  SOCK_RAW,
  SOL_SOCKET,
} from "../../ffi/mod.ts";
import type {
  Authenticated,
  Decoded,
  DecodeOptions,
  DropReason,
  PROTOCOL_AUTHENTICATION_HEADER,
  PROTOCOL_VRRP,
  RouterSettings,
} from "../vrrp/mod.ts";
import { admittingFilter, refusingFilter } from "./filters.ts";
import type { Guard } from "./guard.ts";
import type { Destination, Located, Reach } from "./reach.ts";
import { commonTo, fingerprint, NOBODY, type Served } from "./served.ts";

/** Bytes the kernel may queue for us; what it does not hold, a late loop does not see. */
const RECEIVE_BUFFER = 1 << 20;
/** TC_PRIO_CONTROL: ahead of bulk traffic in the interface's own queue. */
export const PRIORITY_CONTROL = 7;

export type Family = RouterSettings["family"];

/** IP protocol that adverts come as. */
export type AdvertProtocol = typeof PROTOCOL_VRRP | typeof PROTOCOL_AUTHENTICATION_HEADER;

/** What became of a packet, believed or not. */
export type Judged = Decoded | Authenticated;

/** Packets from one socket, a batch at a time; valid until the next `receive`. */
export interface PacketReader {
  /** Descriptor that becomes readable. */
  readonly descriptor: number;
  /** Takes what waits, at most `limit` packets and a batch: how many, or minus errno. */
  receive(limit: number): number;
  /** Virtual router id of a packet; `undefined`: too short to have one. */
  virtualRouterId(index: number): number | undefined;
  /** Who sent a packet, as text for a log. */
  sender(index: number): string;
}

/** Packets that may be adverts for routers of ours. */
export interface AdmittedReader extends PacketReader, Located {
  /** Most packets of one `receive`. */
  readonly batch: number;
  /**
   * A packet, checked.
   *
   * @param guard of the router that it is for; null: it authenticates nothing
   * @param now on CLOCK_MONOTONIC
   */
  decode(index: number, options: DecodeOptions, guard: Guard | null, now: number): Judged;
}

/** Packets that are not. */
export interface RefusedReader extends PacketReader {
  /**
   * What is wrong with a packet; null: nothing but its virtual router id.
   *
   * @param reach of the router with its id, where there is one
   * @param trailer so many bytes, too, may stand behind the message
   */
  fault(
    index: number,
    options: DecodeOptions,
    reach?: Reach,
    trailer?: number,
  ): DropReason | null;
}

/** Sends adverts by one interface. */
export interface AdvertSender {
  /**
   * Sends what `outgoingPackets` has made for this destination: its length, or minus errno.
   *
   * @param source own address that it is sent from
   */
  send(packet: Uint8Array, source: string, destination: Destination): number;
}

/** The memberships are the kernel plane's: joining waits for the kernel's configuration lock. */
export interface VrrpTransport extends AdvertSender {
  readonly admitted: AdmittedReader;
  readonly refused: RefusedReader;
  /**
   * Says whose adverts to admit; until then nothing is received.
   *
   * @throws {SystemError} when the kernel takes no filter
   */
  serve(served: Served): void;
  /**
   * Packets that the kernel dropped because our queues were full, since the last time asked. Newer
   * kernels count for a full queue before they ask its filter: what the other socket took meanwhile
   * is then among them.
   */
  overflow(): number;
  close(): void;
}

/** The sockets that both families have. */
export class RawSockets {
  readonly admitted: number;
  readonly refused: number;
  readonly outgoing: number;
  readonly #family: Family;
  readonly #protocol: AdvertProtocol;
  readonly #all: number[] = [];
  #served: Served = NOBODY;
  readonly #dropsSeen = new Map<number, number>();

  /**
   * Opens sockets bound to the interface `name`. Nothing stays open where that fails.
   *
   * @param domain AF_INET or AF_INET6
   * @param protocol what is received; anything may be sent
   * @param configure sets what the family wants
   * @throws {SystemError} when a socket or an option cannot be had
   */
  constructor(
    family: Family,
    domain: number,
    protocol: AdvertProtocol,
    name: string,
    configure: (sockets: { admitted: number; refused: number; outgoing: number }) => void,
  ) {
    this.#family = family;
    this.#protocol = protocol;
    try {
      this.admitted = this.#open(domain, protocol, name);
      this.refused = this.#open(domain, protocol, name);
      this.outgoing = this.#open(domain, IPPROTO_RAW, name);
      for (const fd of [this.admitted, this.refused]) {
        setReceiveBuffer(fd, RECEIVE_BUFFER);
        // It heard every interface before it was bound to this one.
        drainSocket(fd);
      }
      setOption(this.outgoing, SOL_SOCKET, SO_PRIORITY, PRIORITY_CONTROL);
      configure(this);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #open(domain: number, protocol: number, name: string): number {
    const fd = openSocket(domain, SOCK_RAW, protocol);
    this.#all.push(fd);
    attachDropAll(fd);
    bindToDevice(fd, name);
    return fd;
  }

  /**
   * Two filters cannot be exchanged in one moment. In the microseconds between them nobody takes a
   * packet of those who come or go; no packet is ever taken twice, and no other one is affected.
   */
  serve(served: Served): void {
    const staying = commonTo(this.#served, served);
    if (fingerprint(staying) !== fingerprint(this.#served)) {
      attachFilter(this.admitted, admittingFilter(this.#family, staying, this.#protocol));
    }
    attachFilter(this.refused, refusingFilter(this.#family, served, this.#protocol));
    attachFilter(this.admitted, admittingFilter(this.#family, served, this.#protocol));
    this.#served = served;
  }

  overflow(): number {
    let total = 0;
    for (const fd of [this.admitted, this.refused]) {
      const drops = queueDrops(fd);
      total += (drops - (this.#dropsSeen.get(fd) ?? 0)) >>> 0;
      this.#dropsSeen.set(fd, drops);
    }
    return total;
  }

  close(): void {
    for (const fd of this.#all.splice(0)) closeDescriptor(fd);
  }
}
