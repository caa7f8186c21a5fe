/**
 * Addresses of interfaces: RTM_GETADDR, RTM_NEWADDR, RTM_DELADDR, both families.
 *
 *      0               1               2               3
 *     +---------------+---------------+---------------+-------------+
 *     |    family     | prefix length |  flags (low)  |    scope    |
 *     +---------------+---------------+---------------+-------------+
 *     |                       interface index                       |
 *     +-------------------------------------------------------------+
 *
 * IFA_FLAGS carries all 32 flag bits. IFA_CACHEINFO carries the lifetimes: the kernel itself
 * removes an address whose valid lifetime ends, which is what a lease is made of. IFA_PROTO
 * (Linux 5.18) says who put the address there; an older kernel leaves it out.
 *
 * @module
 */

import { type Attributes, readFamilyHeader, readText, readU32, readU8 } from "./attribute.ts";
import {
  AF_INET,
  AF_INET6,
  IFA_F_PERMANENT,
  INFINITE_LIFETIME,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
  RTM_DELADDR,
  RTM_GETADDR,
  RTM_NEWADDR,
} from "./constants.ts";
import { writeIp } from "./encapsulation.ts";
import { type Decoded, type MessageWriter, type NetlinkMessage, viewOf } from "./frame.ts";
import { formatIp, parseIp } from "../ip/mod.ts";

const ADDRESS_HEADER_LENGTH = 8;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_LABEL = 3;
const IFA_BROADCAST = 4;
const IFA_CACHEINFO = 6;
const IFA_FLAGS = 8;
const IFA_RT_PRIORITY = 9;
const IFA_PROTO = 11;

/** One address on one interface. */
export interface InterfaceAddress {
  /** Interface index. */
  readonly index: number;
  readonly family: 4 | 6;
  /** Canonical text. */
  readonly address: string;
  /** 0 to 32 or 128. */
  readonly prefixLength: number;
  /** RT_SCOPE_… */
  readonly scope: number;
  /** IFA_F_… */
  readonly flags: number;
  /** No lifetime: it stays until somebody removes it. */
  readonly permanent: boolean;
  /** Seconds left at the time of the report; INFINITE_LIFETIME: for ever. */
  readonly valid: number;
  /** Seconds left as a source for new connections. */
  readonly preferred: number;
  /** Who put it there; 0: not said. */
  readonly protocol: number;
  /** IPv4 only; empty: none. */
  readonly label: string;
  /** Metric of the connected route; 0: the default. */
  readonly routePriority: number;
  /** The other end of a point-to-point link; absent: there is none. */
  readonly peer?: string;
  /** IPv4; absent: none. */
  readonly broadcast?: string;
}

/** What is asked for; everything left out is left to the kernel. */
export interface AddressRequest {
  readonly index: number;
  readonly address: string;
  readonly prefixLength: number;
  readonly scope?: number;
  readonly flags?: number;
  /** Seconds; absent: for ever. */
  readonly valid?: number;
  /** Seconds, at most `valid`; absent: as long as `valid`. */
  readonly preferred?: number;
  readonly protocol?: number;
  readonly label?: string;
  readonly routePriority?: number;
  readonly peer?: string;
  readonly broadcast?: string;
}

/** Reads the payload of RTM_NEWADDR or RTM_DELADDR. */
export function readAddress(message: NetlinkMessage): Decoded<InterfaceAddress> {
  const { payload } = message;
  const read = readFamilyHeader("address", payload, ADDRESS_HEADER_LENGTH);
  if (!read.ok) return read;
  const { family, attributes } = read.value;
  // On a point-to-point link IFA_ADDRESS is the peer and IFA_LOCAL the address itself.
  const bytes = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  const width = family === 4 ? 4 : 16;
  if (bytes === undefined || bytes.length !== width) {
    return { ok: false, reason: `Cannot read address: ${bytes?.length ?? 0} bytes, need ${width}` };
  }
  const prefixLength = payload[1] ?? 0;
  if (prefixLength > width * 8) {
    return { ok: false, reason: `Cannot read address: prefix length is ${prefixLength}` };
  }
  const flags = readU32(attributes, IFA_FLAGS) ?? payload[2] ?? 0;
  const [preferred, valid] = readLifetimes(attributes);
  const address = formatIp(bytes) ?? "";
  const peer = formatIp(attributes.get(IFA_ADDRESS) ?? bytes) ?? address;
  const broadcast = formatIp(attributes.get(IFA_BROADCAST) ?? new Uint8Array());
  return {
    ok: true,
    value: {
      index: viewOf(payload).getUint32(4, true),
      family,
      address,
      prefixLength,
      scope: payload[3] ?? 0,
      flags,
      permanent: (flags & IFA_F_PERMANENT) !== 0,
      valid,
      preferred,
      protocol: readU8(attributes, IFA_PROTO) ?? 0,
      label: readText(attributes, IFA_LABEL) ?? "",
      routePriority: readU32(attributes, IFA_RT_PRIORITY) ?? 0,
      ...(peer === address ? {} : { peer }),
      ...(broadcast === undefined ? {} : { broadcast }),
    },
  };
}

/** Appends a request for all addresses of one family. */
export function requestAddresses(writer: MessageWriter, sequence: number, family: 4 | 6): void {
  writer.begin(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, sequence);
  writer.u8(familyNumber(family)).u8(0).u8(0).u8(0).u32(0).end();
}

/**
 * Appends RTM_NEWADDR with a request for an acknowledgement. `create` refuses an address that is
 * there; `replace` makes the address where it is missing and otherwise gives it new lifetimes.
 *
 * @throws {RangeError} for an address or a prefix length that is none
 */
export function addAddress(
  writer: MessageWriter,
  sequence: number,
  request: AddressRequest,
  mode: "create" | "replace",
): void {
  const bytes = checkAddress(request);
  const flags = mode === "create" ? NLM_F_CREATE | NLM_F_EXCL : NLM_F_CREATE | NLM_F_REPLACE;
  writer.begin(RTM_NEWADDR, NLM_F_REQUEST | NLM_F_ACK | flags, sequence);
  writeHeader(writer, request, bytes);
  writeEnds(writer, request, bytes);
  writeIp(writer, IFA_BROADCAST, request.broadcast);
  if (request.flags !== undefined) writer.attributeU32(IFA_FLAGS, request.flags);
  if (request.label !== undefined) writer.attributeText(IFA_LABEL, request.label);
  if (request.protocol !== undefined) writer.attributeU8(IFA_PROTO, request.protocol);
  if (request.routePriority !== undefined) {
    writer.attributeU32(IFA_RT_PRIORITY, request.routePriority);
  }
  if (request.valid !== undefined) {
    const preferred = request.preferred ?? request.valid;
    if (request.valid < 1 || preferred > request.valid) {
      throw new RangeError(
        `Cannot encode lifetimes of "${request.address}": valid ${request.valid} s, preferred ${preferred} s`,
      );
    }
    // struct ifa_cacheinfo: preferred, valid, and two time stamps that the kernel fills in.
    const lifetimes = new Uint8Array(16);
    viewOf(lifetimes).setUint32(0, preferred, true);
    viewOf(lifetimes).setUint32(4, request.valid, true);
    writer.attribute(IFA_CACHEINFO, lifetimes);
  }
  writer.end();
}

/**
 * Appends RTM_DELADDR with a request for an acknowledgement. The kernel matches address, prefix
 * length and interface; a label that is given must match too.
 *
 * @throws {RangeError} for an address or a prefix length that is none
 */
export function deleteAddress(
  writer: MessageWriter,
  sequence: number,
  request: AddressRequest,
): void {
  const bytes = checkAddress(request);
  writer.begin(RTM_DELADDR, NLM_F_REQUEST | NLM_F_ACK, sequence);
  writeHeader(writer, request, bytes);
  writeEnds(writer, request, bytes);
  if (request.label !== undefined) writer.attributeText(IFA_LABEL, request.label);
  writer.end();
}

function writeHeader(writer: MessageWriter, request: AddressRequest, bytes: Uint8Array): void {
  writer.u8(bytes.length === 4 ? AF_INET : AF_INET6).u8(request.prefixLength);
  writer.u8((request.flags ?? 0) & 0xff).u8(request.scope ?? 0).u32(request.index);
}

/** The address itself and what is at the other end, which is itself where there is none. */
function writeEnds(writer: MessageWriter, { peer }: AddressRequest, bytes: Uint8Array): void {
  writer.attribute(IFA_LOCAL, bytes);
  if (peer === undefined) writer.attribute(IFA_ADDRESS, bytes);
  else writeIp(writer, IFA_ADDRESS, peer);
}

function checkAddress(request: AddressRequest): Uint8Array<ArrayBuffer> {
  const bytes = parseIp(request.address);
  if (bytes === undefined) {
    throw new RangeError(`Cannot encode "${request.address}": not an IP address`);
  }
  const { prefixLength } = request;
  if (!Number.isInteger(prefixLength) || prefixLength < 0 || prefixLength > bytes.length * 8) {
    throw new RangeError(`Cannot encode "${request.address}": prefix length is ${prefixLength}`);
  }
  return bytes;
}

function familyNumber(family: 4 | 6): number {
  return family === 4 ? AF_INET : AF_INET6;
}

/** Preferred and valid seconds; an address without the attribute has no end. */
function readLifetimes(attributes: Attributes): [number, number] {
  const bytes = attributes.get(IFA_CACHEINFO);
  if (bytes === undefined || bytes.length < 8) return [INFINITE_LIFETIME, INFINITE_LIFETIME];
  const view = viewOf(bytes);
  return [view.getUint32(0, true), view.getUint32(4, true)];
}
