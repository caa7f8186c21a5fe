/**
 * VRRP over IPv4. Raw sockets deliver packets with their IP header, and take them so
 * (IP_HDRINCL): source, TTL and type of service are what the codec has written.
 *
 * @module
 */

import {
  AF_INET,
  closeDescriptor,
  inNamespace,
  IP_HDRINCL,
  IP_MULTICAST_LOOP,
  IPPROTO_IP,
  MSG_DONTROUTE,
  receive,
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
  VRRP_GROUP_IPV4,
} from "../vrrp/mod.ts";
import { openRawPair, type VrrpTransport } from "./transport.ts";

const GROUP = sockaddrIn(VRRP_GROUP_IPV4, 0);

/** @throws {SystemError} when a socket cannot be had, such as EPERM or ENODEV */
export function openTransport4(namespace: string, index: number, name: string): VrrpTransport {
  return inNamespace(namespace, () => new Transport4(index, name));
}

/** Reads packets with their IP header; where they come from is the business of `fill`. */
export abstract class Ipv4Reader {
  readonly #packet = new Uint8Array(65_536);
  #length = 0;

  /** Writes the next packet into `buffer`. Returns its length, or minus errno. */
  protected abstract fill(buffer: Uint8Array): number;

  receive(): number {
    const length = this.fill(this.#packet);
    this.#length = Math.max(0, length);
    return length;
  }

  virtualRouterId(): number | undefined {
    // It stands behind the IP header, which may have options.
    const at = (this.#packet[0]! & 0x0f) * 4 + 1;
    return at < this.#length ? this.#packet[at] : undefined;
  }

  decode(options: DecodeOptions): Decoded {
    return decodeAdvertisement(this.#packet, this.#length, options);
  }

  sender(): string {
    return this.#length < 20 ? "" : formatIpv4(this.#packet, 12);
  }
}

class Transport4 extends Ipv4Reader implements VrrpTransport {
  readonly descriptor: number;
  readonly #outgoing: number;

  constructor(index: number, name: string) {
    super();
    const { incoming, outgoing } = openRawPair(AF_INET, name, (_, sender) => {
      setOption(sender, IPPROTO_IP, IP_HDRINCL, 1);
      setOption(sender, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
      setMulticastInterface4(sender, index);
    });
    this.descriptor = incoming;
    this.#outgoing = outgoing;
  }

  protected override fill(buffer: Uint8Array): number {
    return receive(this.descriptor, buffer, 0);
  }

  send(packet: Uint8Array): number {
    return sendTo(this.#outgoing, packet, packet.length, GROUP, MSG_DONTROUTE);
  }

  close(): void {
    closeDescriptor(this.descriptor);
    closeDescriptor(this.#outgoing);
  }
}
