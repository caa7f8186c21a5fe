/**
 * Links: RTM_GETLINK, RTM_NEWLINK, RTM_DELLINK.
 *
 *      0               1               2               3
 *     +---------------+---------------+-----------------------------+
 *     |    family     |       0       |        hardware type        |
 *     +---------------+---------------+-----------------------------+
 *     |                       interface index                       |
 *     +-------------------------------------------------------------+
 *     |                    flags (IFF_UP, …)                        |
 *     +-------------------------------------------------------------+
 *     |                         change mask                         |
 *     +-------------------------------------------------------------+
 *
 * @module
 */

import { type Attributes, readAttributes, readNested, readText, readU32 } from "./attribute.ts";
import {
  AF_INET6,
  AF_UNSPEC,
  IFF_RUNNING,
  IFF_UP,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
} from "./constants.ts";
import { type Decoded, type MessageWriter, type NetlinkMessage, viewOf } from "./frame.ts";

const LINK_HEADER_LENGTH = 16;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINK = 5;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
const IFLA_IFALIAS = 20;
const IFLA_AF_SPEC = 26;
const IFLA_GROUP = 27;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_MACVLAN_MODE = 1;
const IFLA_VRF_TABLE = 1;
const IFLA_IPVLAN_MODE = 1;
const IFLA_INET6_ADDR_GEN_MODE = 8;
const MACVLAN_MODE_VEPA = 2;
const IPVLAN_MODE_L2 = 0;
const IN6_ADDR_GEN_MODE_NONE = 1;

/** One network interface as the kernel reports it. */
export interface Link {
  /**
   * AF_UNSPEC for the link itself. Bridges report their ports with a family of their own: a
   * RTM_DELLINK of that kind says that the port has left the bridge, not that it is gone.
   */
  readonly family: number;
  /** 1 or more. */
  readonly index: number;
  readonly name: string;
  /** ARPHRD_…: 1 Ethernet, 772 loopback. */
  readonly hardwareType: number;
  /** IFF_… */
  readonly flags: number;
  readonly up: boolean;
  /** There is carrier and the device is operational. */
  readonly running: boolean;
  /** `aa:bb:cc:dd:ee:ff`; empty: the device has none. */
  readonly mac: string;
  /** Bytes; 0 where the kernel did not say. */
  readonly mtu: number;
  /** Interface that it lies upon, as a VLAN or a macvlan does; 0: none. */
  readonly parent: number;
  /** Interface that it belongs to, such as a bridge or a VRF; 0: none. */
  readonly master: number;
  /** Such as `macvlan`; empty: a device of hardware, or unknown. */
  readonly kind: string;
  /** IFLA_IFALIAS, a note of up to 255 bytes that the kernel keeps with it; empty: none. */
  readonly alias: string;
  /** Number of its group, as `ip link set … group` gives it; 0: the default one. */
  readonly group: number;
  /** The routing table of a VRF; absent: it is none. */
  readonly vrfTable?: number;
}

/** An interface to be made upon another one. */
export interface LinkRequest {
  readonly name: string;
  readonly kind: "macvlan" | "ipvlan";
  /** Index of the interface it lies upon. */
  readonly parent: number;
  /** `aa:bb:cc:dd:ee:ff`; absent: the kernel's choice, an ipvlan has its parent's. */
  readonly mac?: string;
}

/** What is to be different about an interface. */
export interface LinkChange {
  readonly up?: boolean;
  /** Bytes. */
  readonly mtu?: number;
  readonly alias?: string;
  readonly group?: number;
  /** Index of the interface that it is to belong to, such as a VRF; 0: none. */
  readonly master?: number;
  /** IPv6: no link-local address is made when it comes up. */
  readonly noLinkLocal?: boolean;
}

/** Reads the payload of RTM_NEWLINK or RTM_DELLINK. */
export function readLink(message: NetlinkMessage): Decoded<Link> {
  const { payload } = message;
  if (payload.length < LINK_HEADER_LENGTH) {
    return { ok: false, reason: `Cannot read link: ${payload.length} bytes, need 16` };
  }
  const view = viewOf(payload);
  const index = view.getInt32(4, true);
  if (index < 1) return { ok: false, reason: `Cannot read link: index is ${index}` };
  const attributes = readAttributes(payload, LINK_HEADER_LENGTH);
  if (!attributes.ok) return attributes;
  const name = readText(attributes.value, IFLA_IFNAME);
  if (name === undefined || name === "") {
    return { ok: false, reason: `Cannot read link ${index}: it has no name` };
  }
  const flags = view.getUint32(8, true);
  const { kind, vrfTable } = readInfo(attributes.value);
  return {
    ok: true,
    value: {
      family: payload[0] ?? 0,
      index,
      name,
      hardwareType: view.getUint16(2, true),
      flags,
      up: (flags & IFF_UP) !== 0,
      running: (flags & IFF_RUNNING) !== 0,
      mac: formatMac(attributes.value.get(IFLA_ADDRESS)),
      mtu: readU32(attributes.value, IFLA_MTU) ?? 0,
      parent: readU32(attributes.value, IFLA_LINK) ?? 0,
      master: readU32(attributes.value, IFLA_MASTER) ?? 0,
      kind,
      alias: readText(attributes.value, IFLA_IFALIAS) ?? "",
      group: readU32(attributes.value, IFLA_GROUP) ?? 0,
      ...(vrfTable === undefined ? {} : { vrfTable }),
    },
  };
}

function readInfo(attributes: Attributes): { kind: string; vrfTable?: number | undefined } {
  const info = readNested(attributes, IFLA_LINKINFO);
  if (!info?.ok) return { kind: "" };
  const kind = readText(info.value, IFLA_INFO_KIND) ?? "";
  const data = kind === "vrf" ? readNested(info.value, IFLA_INFO_DATA) : undefined;
  return { kind, vrfTable: data?.ok ? readU32(data.value, IFLA_VRF_TABLE) : undefined };
}

/** Appends a request for all links. */
export function requestLinks(writer: MessageWriter, sequence: number): void {
  writer.begin(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, sequence);
  writer.u8(AF_UNSPEC).u8(0).u16(0).u32(0).u32(0).u32(0).end();
}

/** Appends a request for the link of this name; the answer is one RTM_NEWLINK. */
export function requestLink(writer: MessageWriter, sequence: number, name: string): void {
  writer.begin(RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, sequence);
  writeHeader(writer, 0);
  writer.attributeText(IFLA_IFNAME, name).end();
}

/**
 * Appends a request for a new interface, which is down; EEXIST where there is one of that name.
 *
 * A macvlan is made in VEPA mode: its parent goes on hearing multicast from peers with the same
 * hardware address, which private mode would keep from it, and several of one parent stay apart
 * when they send, as in private mode.
 */
export function addLink(writer: MessageWriter, sequence: number, link: LinkRequest): void {
  writer.begin(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, sequence);
  writeHeader(writer, 0);
  writer.attributeText(IFLA_IFNAME, link.name).attributeU32(IFLA_LINK, link.parent);
  if (link.mac !== undefined) {
    const bytes = link.mac.split(":").map((part) => parseInt(part, 16));
    writer.attribute(IFLA_ADDRESS, Uint8Array.from(bytes));
  }
  const info = writer.beginNested(IFLA_LINKINFO);
  writer.attributeText(IFLA_INFO_KIND, link.kind);
  const data = writer.beginNested(IFLA_INFO_DATA);
  if (link.kind === "macvlan") writer.attributeU32(IFLA_MACVLAN_MODE, MACVLAN_MODE_VEPA);
  else writer.attributeU16(IFLA_IPVLAN_MODE, IPVLAN_MODE_L2);
  writer.endNested(data).endNested(info).end();
}

/** Appends a request that changes an interface. @param which its index, or its name */
export function changeLink(
  writer: MessageWriter,
  sequence: number,
  which: number | string,
  { up, mtu, alias, group, master, noLinkLocal }: LinkChange,
): void {
  writer.begin(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, sequence);
  const flags = up === undefined ? { set: 0, mask: 0 } : { set: up ? IFF_UP : 0, mask: IFF_UP };
  writeHeader(writer, typeof which === "number" ? which : 0, flags);
  if (typeof which === "string") writer.attributeText(IFLA_IFNAME, which);
  if (mtu !== undefined) writer.attributeU32(IFLA_MTU, mtu);
  if (master !== undefined) writer.attributeU32(IFLA_MASTER, master);
  if (group !== undefined) writer.attributeU32(IFLA_GROUP, group);
  if (alias !== undefined) writer.attribute(IFLA_IFALIAS, new TextEncoder().encode(alias));
  if (noLinkLocal) {
    const families = writer.beginNested(IFLA_AF_SPEC);
    const ipv6 = writer.beginNested(AF_INET6);
    writer.attributeU8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
    writer.endNested(ipv6).endNested(families);
  }
  writer.end();
}

/** Appends a request that removes an interface. */
export function deleteLink(writer: MessageWriter, sequence: number, index: number): void {
  writer.begin(RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK, sequence);
  writeHeader(writer, index);
  writer.end();
}

/** Appends a request that removes all interfaces of a group, in the time that one takes. */
export function deleteLinkGroup(writer: MessageWriter, sequence: number, group: number): void {
  writer.begin(RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK, sequence);
  writeHeader(writer, 0);
  writer.attributeU32(IFLA_GROUP, group).end();
}

function writeHeader(
  writer: MessageWriter,
  index: number,
  flags: { readonly set: number; readonly mask: number } = { set: 0, mask: 0 },
): void {
  writer.u8(AF_UNSPEC).u8(0).u16(0).u32(index).u32(flags.set).u32(flags.mask);
}

/** Six bytes as text; loopback's all-zero address counts as none. */
function formatMac(bytes: Uint8Array | undefined): string {
  if (bytes === undefined || bytes.every((byte) => byte === 0)) return "";
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}
