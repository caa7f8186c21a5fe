/**
 * Lightweight tunnels of routes: the attributes RTA_ENCAP_TYPE and RTA_ENCAP
 * (`linux/lwtunnel.h`, `linux/mpls_iptunnel.h`).
 *
 * @module
 */

import { parseIp } from "../ip/mod.ts";
import { type MessageWriter, viewOf } from "./frame.ts";

const RTA_ENCAP_TYPE = 21;
const RTA_ENCAP = 22;
/** `LWTUNNEL_ENCAP_…` */
const TYPES = { mpls: 1, ip: 2, ip6: 4 } as const;
const MPLS_IPTUNNEL_DST = 1;
const MPLS_IPTUNNEL_TTL = 2;
/** The same numbers for IPv4 and IPv6 tunnels. */
const TUNNEL_ID = 1;
const TUNNEL_DESTINATION = 2;
const TUNNEL_SOURCE = 3;
const TUNNEL_TTL = 4;
const TUNNEL_TOS = 5;
/** The last label of a stack (RFC 3032 section 2.1). */
const BOTTOM_OF_STACK = 0x100;

/** What packets of a route are wrapped in. */
export type Encapsulation =
  | {
    readonly type: "mpls";
    /** Outermost first, 0 to 1,048,575 each. */
    readonly labels: readonly number[];
    /** 1 to 255; absent: that of the packet. */
    readonly ttl?: number;
  }
  | {
    /** For the metadata of a tunnel device (VXLAN, GRE …) that works by flow. */
    readonly type: "ip" | "ip6";
    readonly id?: number;
    readonly destination?: string;
    readonly source?: string;
    /** TTL or hop limit. */
    readonly ttl?: number;
    /** TOS or traffic class. */
    readonly tos?: number;
  };

/** Appends both attributes. @throws {RangeError} for an address that is none */
export function writeEncapsulation(writer: MessageWriter, encapsulation: Encapsulation): void {
  writer.attributeU16(RTA_ENCAP_TYPE, TYPES[encapsulation.type]);
  const nested = writer.beginNested(RTA_ENCAP);
  if (encapsulation.type === "mpls") {
    const { labels, ttl } = encapsulation;
    const stack = new Uint8Array(labels.length * 4);
    labels.forEach((label, index) => {
      const last = index === labels.length - 1 ? BOTTOM_OF_STACK : 0;
      viewOf(stack).setUint32(index * 4, label * 0x1000 + last, false);
    });
    writer.attribute(MPLS_IPTUNNEL_DST, stack);
    if (ttl !== undefined) writer.attributeU8(MPLS_IPTUNNEL_TTL, ttl);
  } else {
    const { id, destination, source, ttl, tos } = encapsulation;
    if (id !== undefined) writer.attribute(TUNNEL_ID, bigEndian64(id));
    writeIp(writer, TUNNEL_DESTINATION, destination);
    writeIp(writer, TUNNEL_SOURCE, source);
    if (ttl !== undefined) writer.attributeU8(TUNNEL_TTL, ttl);
    if (tos !== undefined) writer.attributeU8(TUNNEL_TOS, tos);
  }
  writer.endNested(nested);
}

/** As `ip route` writes it, such as `encap mpls 100/200`. */
export function describeEncapsulation(encapsulation: Encapsulation): string {
  if (encapsulation.type === "mpls") {
    const { labels, ttl } = encapsulation;
    return `encap mpls ${labels.join("/")}${ttl === undefined ? "" : ` ttl ${ttl}`}`;
  }
  const { type, id, source, destination, ttl, tos } = encapsulation;
  return [
    `encap ${type}`,
    id === undefined ? "" : `id ${id}`,
    source === undefined ? "" : `src ${source}`,
    destination === undefined ? "" : `dst ${destination}`,
    ttl === undefined ? "" : `${type === "ip" ? "ttl" : "hoplimit"} ${ttl}`,
    tos === undefined ? "" : `${type === "ip" ? "tos" : "tc"} ${tos}`,
  ].filter((word) => word !== "").join(" ");
}

/** Appends an address as an attribute; nothing where it is absent. @throws {RangeError} */
export function writeIp(writer: MessageWriter, type: number, text: string | undefined): void {
  if (text === undefined) return;
  const bytes = parseIp(text);
  if (bytes === undefined) throw new RangeError(`Cannot encode "${text}": not an IP address`);
  writer.attribute(type, bytes);
}

/** A number up to 2⁵³ as 64 bits in network byte order. */
export function bigEndian64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  viewOf(bytes).setUint32(0, Math.floor(value / 2 ** 32), false);
  viewOf(bytes).setUint32(4, value % 2 ** 32, false);
  return bytes;
}
