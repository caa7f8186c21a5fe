/**
 * What carries a virtual router's adverts on one interface in one family: the sockets, and how to
 * read what they deliver. The driver knows no more of IPv4 and IPv6 than this.
 *
 * @module
 */

import {
  attachDropAll,
  bindToDevice,
  closeDescriptor,
  IPPROTO_VRRP,
  openSocket,
  setOption,
  SO_PRIORITY,
  SO_RCVBUF,
  SOCK_RAW,
  SOL_SOCKET,
} from "../../ffi/mod.ts";
import type { Decoded, DecodeOptions, RouterSettings } from "../vrrp/mod.ts";

/** Bytes the kernel may queue for us; what it does not hold, a late loop does not see. */
const RECEIVE_BUFFER = 1 << 20;
/** TC_PRIO_CONTROL: ahead of bulk traffic in the interface's own queue. */
const PRIORITY_CONTROL = 7;

export type Family = RouterSettings["family"];

/**
 * Opens a receiving and a sending raw socket of protocol 112, bound to the interface `name`, with
 * what both families want; `configure` adds the rest. Nothing stays open where it fails.
 *
 * @param domain AF_INET or AF_INET6
 * @throws {SystemError} when a socket or an option cannot be had
 */
export function openRawPair(
  domain: number,
  name: string,
  configure: (incoming: number, outgoing: number) => void,
): { incoming: number; outgoing: number } {
  const incoming = openSocket(domain, SOCK_RAW, IPPROTO_VRRP);
  let outgoing = -1;
  try {
    bindToDevice(incoming, name);
    setOption(incoming, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
    outgoing = openSocket(domain, SOCK_RAW, IPPROTO_VRRP);
    attachDropAll(outgoing);
    bindToDevice(outgoing, name);
    setOption(outgoing, SOL_SOCKET, SO_PRIORITY, PRIORITY_CONTROL);
    configure(incoming, outgoing);
    return { incoming, outgoing };
  } catch (error) {
    closeDescriptor(incoming);
    if (outgoing >= 0) closeDescriptor(outgoing);
    throw error;
  }
}

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
