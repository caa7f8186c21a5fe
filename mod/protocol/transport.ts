/**
 * What carries a virtual router's adverts on one interface in one family: the sockets, and how to
 * read what they deliver. The driver knows no more of IPv4 and IPv6 than this.
 *
 * @module
 */

import type { Decoded, DecodeOptions, RouterSettings } from "../vrrp/mod.ts";

/** Bytes the kernel may queue for us; what it does not hold, a late loop does not see. */
export const RECEIVE_BUFFER = 1 << 20;
/** TC_PRIO_CONTROL: ahead of bulk traffic in the interface's own queue. */
export const PRIORITY_CONTROL = 7;

export type Family = RouterSettings["family"];

/**
 * A pair of sockets: one receives what the interface's membership lets in, one sends and receives
 * nothing. The membership is the kernel plane's: joining waits for the kernel's configuration lock.
 */
export interface VrrpTransport {
  /** Descriptor that becomes readable. */
  readonly descriptor: number;
  /** Takes the next packet: its length, or minus errno. Never blocks. */
  receive(): number;
  /** Virtual router id of the packet just received; `undefined`: too short to have one. */
  virtualRouterId(): number | undefined;
  /** The packet just received, checked. */
  decode(options: DecodeOptions): Decoded;
  /** Who sent the packet just received, as text for a log. */
  sender(): string;
  /**
   * Sends what `outgoingPackets` has made to the group: its length, or minus errno.
   *
   * @param source own address that it is sent from
   */
  send(packet: Uint8Array, source: string): number;
  close(): void;
}
