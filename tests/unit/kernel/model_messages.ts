/**
 * What the model kernel says, as netlink bytes.
 *
 * @module
 */

import {
  addAddress,
  addRoute,
  AF_INET6,
  IFA_F_PERMANENT,
  MessageWriter,
  NLMSG_DONE,
  NLMSG_ERROR,
  RTM_NEWNETCONF,
  viewOf,
} from "../../../mod/netlink/mod.ts";

const SECOND = 1_000_000;

export interface ModelLink {
  index: number;
  name: string;
  flags: number;
  mac: number[];
  mtu: number;
}

export interface ModelAddress {
  readonly index: number;
  readonly address: string;
  readonly prefixLength: number;
  flags: number;
  /** Seconds, where not as long as it is valid. */
  readonly preferred?: number;
  readonly protocol: number;
  readonly label: string;
  /** Virtual microseconds; Infinity: permanent. */
  expiresAt: number;
}

export interface ModelRoute {
  readonly index: number;
  readonly destination: string;
  readonly prefixLength: number;
  readonly gateway: string;
  readonly source: string;
  readonly priority: number;
  readonly protocol: number;
  /** Virtual microseconds; Infinity: never. Then the route counts no more. */
  readonly expiresAt: number;
}

export function addressMessage(
  type: number,
  one: ModelAddress,
  port: number,
  now: number,
): Uint8Array {
  const left = Math.max(1, Math.ceil((one.expiresAt - now) / SECOND));
  const permanent = one.expiresAt === Infinity;
  const writer = new MessageWriter();
  addAddress(writer, 0, {
    index: one.index,
    address: one.address,
    prefixLength: one.prefixLength,
    flags: one.flags | (permanent ? IFA_F_PERMANENT : 0),
    ...(permanent ? {} : { valid: left, preferred: one.preferred ?? left }),
    ...(one.protocol === 0 ? {} : { protocol: one.protocol }),
    ...(one.label === "" ? {} : { label: one.label }),
  }, "create");
  const bytes = writer.finish().slice();
  viewOf(bytes).setUint16(4, type, true);
  viewOf(bytes).setUint32(12, port, true);
  return bytes;
}

export function linkMessage(type: number, link: ModelLink): Uint8Array {
  const writer = new MessageWriter();
  writer.begin(type, 2, 0).u8(0).u8(0).u16(1).u32(link.index).u32(link.flags).u32(0);
  writer.attributeText(3, link.name).attributeU32(4, link.mtu);
  return writer.attribute(1, Uint8Array.from(link.mac)).end().finish().slice();
}

/** Whether an interface forwards IPv6. */
export function settingsMessage(index: number, forwarding: boolean): Uint8Array {
  const writer = new MessageWriter().begin(RTM_NEWNETCONF, 0, 0).u8(AF_INET6).u8(0).u8(0).u8(0);
  writer.attributeU32(1, index).attributeU32(2, Number(forwarding));
  return writer.end().finish().slice();
}

export function routeMessage(route: ModelRoute): Uint8Array {
  const writer = new MessageWriter();
  addRoute(writer, 0, {
    index: route.index,
    destination: route.destination,
    prefixLength: route.prefixLength,
    protocol: route.protocol,
    scope: route.gateway === "" ? 253 : 0,
    ...(route.gateway === "" ? {} : { gateway: route.gateway }),
    ...(route.source === "" ? {} : { source: route.source }),
    ...(route.priority === 0 ? {} : { priority: route.priority }),
  });
  return writer.finish().slice();
}

export function errorMessage(sequence: number, errno: number): Uint8Array {
  const writer = new MessageWriter().begin(NLMSG_ERROR, 0x100, sequence).u32(-errno >>> 0);
  return writer.u32(16).u16(0).u16(0).u32(sequence).u32(0).end().finish().slice();
}

/** A copy of a message as the answer to a dump. */
export function answering(sequence: number, message: Uint8Array): Uint8Array {
  const copy = message.slice();
  viewOf(copy).setUint32(8, sequence, true);
  return copy;
}

export function endOfDump(sequence: number): Uint8Array {
  return new MessageWriter().begin(NLMSG_DONE, 2, sequence).u32(0).end().finish().slice();
}
