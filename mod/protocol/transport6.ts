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
  closeDescriptor,
  inNamespace,
  IPPROTO_IPV6,
  IPV6_MULTICAST_HOPS,
  IPV6_MULTICAST_LOOP,
  IPV6_PKTINFO,
  IPV6_RECVHOPLIMIT,
  IPV6_RECVPKTINFO,
  IPV6_TCLASS,
  MessageReceiver,
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
  VRRP_GROUP_IPV6,
} from "../vrrp/mod.ts";
import { openRawPair, type VrrpTransport } from "./transport.ts";

/** Longest message: 255 addresses and room to see that a longer one is one. */
const LONGEST = 8192;
/** Offset of the address in `struct sockaddr_in6`. */
const SOCKADDR_ADDRESS = 8;
/** Network control, as the IPv4 adverts have it. */
const CLASS_CONTROL = 0xc0;
const NO_ADDRESS = new Uint8Array(16);

/** @throws {SystemError} when a socket cannot be had, such as EPERM or EAFNOSUPPORT */
export function openTransport6(namespace: string, index: number, name: string): VrrpTransport {
  return inNamespace(namespace, () => new Transport6(index, name));
}

class Transport6 implements VrrpTransport {
  readonly descriptor: number;
  readonly #outgoing: number;
  readonly #index: number;
  readonly #group: Uint8Array;
  readonly #receiver = new MessageReceiver(LONGEST);
  readonly #sender = new MessageSender(LONGEST);
  /** Control data that names the source, kept as long as it stays the same. */
  #source = "";
  #control: Uint8Array | null = null;

  constructor(index: number, name: string) {
    this.#index = index;
    this.#group = sockaddrIn6(VRRP_GROUP_IPV6, 0, index);
    const { incoming, outgoing } = openRawPair(AF_INET6, name, (receiver, sender) => {
      setOption(receiver, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
      setOption(receiver, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
      setOption(sender, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 255);
      setOption(sender, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
      setOption(sender, IPPROTO_IPV6, IPV6_TCLASS, CLASS_CONTROL);
      setMulticastInterface6(sender, index);
    });
    this.descriptor = incoming;
    this.#outgoing = outgoing;
  }

  receive(): number {
    return this.#receiver.receive(this.descriptor);
  }

  virtualRouterId(): number | undefined {
    return this.#receiver.length > 1 ? this.#receiver.payload[1] : undefined;
  }

  decode(options: DecodeOptions): Decoded {
    const { payload, length, source, control, hopLimit } = this.#receiver;
    const at = this.#receiver.findControl(IPPROTO_IPV6, IPV6_PKTINFO);
    return decodeAdvertisement6(payload, length, {
      source: source.subarray(SOCKADDR_ADDRESS, SOCKADDR_ADDRESS + 16),
      destination: at < 0 ? NO_ADDRESS : control.subarray(at, at + 16),
      hopLimit,
    }, options);
  }

  sender(): string {
    const { source } = this.#receiver;
    return formatIp(source.subarray(SOCKADDR_ADDRESS, SOCKADDR_ADDRESS + 16)) ?? "";
  }

  send(packet: Uint8Array, source: string): number {
    if (source !== this.#source || this.#control === null) {
      this.#control = packetInfo6(this.#index, parseIp(source));
      this.#source = source;
    }
    return this.#sender.send(this.#outgoing, packet, packet.length, this.#group, this.#control);
  }

  close(): void {
    closeDescriptor(this.descriptor);
    closeDescriptor(this.#outgoing);
  }
}
