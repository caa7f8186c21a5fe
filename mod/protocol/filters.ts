/**
 * What the kernel lets into the two receiving sockets of a channel.
 *
 * Each packet goes into exactly one of them: what could be an advert for a router of ours into the
 * *admitted* socket, everything else into the *refused* one, by the same program with the answers
 * exchanged. So a flood of foreign or malformed packets never stands in an advert's way, be it
 * ever so long, and yet each packet of it is counted, with the reason and for the right router.
 *
 * Admitted is a packet of type 1, of a version that the router with this id speaks, at least as
 * long as the addresses that it announces, and either sent with TTL 255 to that router's group, or
 * to a unicast address by a peer at the right distance. What it takes arithmetic or memory to see
 * (a checksum, an interval, what stands behind the addresses) is for the codec to judge; which of
 * the peers belongs to which router, and whether it has sent to the right address of ours, for
 * `Reach`.
 *
 * A raw IPv6 socket delivers no IP header, and asking for it with each refused packet is dear. What
 * is wrong with it is therefore told by the length: the filter trims a packet to fewer bytes than a
 * VRRP header has, and one that was too short from the beginning to fewer still.
 *
 * Where adverts have IPsec's authentication header, all of this is true of what stands behind it.
 * Packets with such a header that carry something else than VRRP are nobody's here: neither socket
 * takes them.
 *
 * @module
 */

import { assemble, bpf, type Instruction } from "../../ffi/mod.ts";
import { parseIp } from "../ip/mod.ts";
import {
  AUTHENTICATION_HEADER,
  PROTOCOL_AUTHENTICATION_HEADER,
  PROTOCOL_VRRP,
  TYPE_ADVERTISEMENT,
  VRRP_HEADER,
} from "../vrrp/mod.ts";
import type { TtlRange } from "./reach.ts";
import type { Served, ServedIds } from "./served.ts";
import type { AdvertProtocol, Family } from "./transport.ts";

/** Length of a refused IPv6 packet whose hop limit is not allowed. */
export const TRIMMED_HOP_LIMIT = VRRP_HEADER - 1;
/** Length of a refused IPv6 packet for a router of ours, sent to another address than that hears. */
export const TRIMMED_DESTINATION = VRRP_HEADER - 2;
/** Length of a refused IPv6 packet whose sender is no peer. */
export const TRIMMED_SOURCE = VRRP_HEADER - 3;
/** Greatest length of a refused IPv6 packet that was too short from the beginning. */
export const TRIMMED_SHORT = VRRP_HEADER - 4;

/** Offsets in the IP headers. */
const TTL = { ipv4: 8, ipv6: 7 } as const;
const SOURCE = { ipv4: 12, ipv6: 8 } as const;
const DESTINATION = { ipv4: 16, ipv6: 24 } as const;
/** First byte of a multicast address, and the bits of it that count. */
const MULTICAST = { ipv4: { mask: 0xf0, value: 0xe0 }, ipv6: { mask: 0xff, value: 0xff } } as const;
/** Offsets in a VRRP message. */
const VERSION_TYPE = 0;
const VIRTUAL_ROUTER_ID = 1;
const COUNT = 3;
/** Authentication data of version 2. */
const VERSION2_TAIL = 8;
/** Cells of the filter's memory. */
const MESSAGE_LENGTH = 0;
const BIT = 1;
const VERSION = 2;
/** A filter has room for so many; for more, packets are admitted and judged by `Reach`. */
const MOST_GROUPS = 20;
const MOST_SOURCES = { ipv4: 200, ipv6: 100 } as const;

/** Jump targets of `classify`, but for `admit`: what is wrong. */
const REFUSALS = {
  short: TRIMMED_SHORT,
  hop_limit: TRIMMED_HOP_LIMIT,
  destination: TRIMMED_DESTINATION,
  source: TRIMMED_SOURCE,
} as const;

/** The filter of the socket for adverts. */
export function admittingFilter(
  family: Family,
  served: Served,
  protocol: AdvertProtocol = PROTOCOL_VRRP,
): Uint8Array {
  return assemble([
    ...classify(family, served, protocol),
    bpf.label("admit"),
    bpf.accept(),
    ...[...Object.keys(REFUSALS), "refuse", "foreign"].map(bpf.label),
    bpf.drop(),
  ]);
}

/** The filter of the socket for all the rest. */
export function refusingFilter(
  family: Family,
  served: Served,
  protocol: AdvertProtocol = PROTOCOL_VRRP,
): Uint8Array {
  return assemble([
    ...classify(family, served, protocol),
    bpf.label("admit"),
    bpf.label("foreign"),
    bpf.drop(),
    ...Object.entries(REFUSALS).flatMap(([label, length]) => [
      bpf.label(label),
      family === "ipv6" ? bpf.returnBytes(length) : bpf.accept(),
    ]),
    bpf.label("refuse"),
    bpf.accept(),
  ]);
}

/** Makes X point at the message; IPv4 headers may have options. A is lost. */
function messageIn(family: Family, protocol: AdvertProtocol): Instruction[] {
  if (family === "ipv6") return [bpf.loadIndex(0)];
  if (protocol === PROTOCOL_VRRP) return [bpf.loadHeaderLength(0)];
  return [
    bpf.loadByte(0),
    bpf.and(0x0f),
    bpf.shiftLeft(2),
    bpf.add(AUTHENTICATION_HEADER),
    bpf.moveToIndex(),
  ];
}

/** Jumps to `foreign` where something else than VRRP has an authentication header. */
function unlessVrrp(protocol: AdvertProtocol): Instruction[] {
  if (protocol !== PROTOCOL_AUTHENTICATION_HEADER) return [];
  return [
    bpf.loadHeaderLength(0),
    // The header begins with the protocol of what follows.
    bpf.loadByteIndexed(0),
    bpf.jumpEqual(PROTOCOL_VRRP, 1, 0),
    bpf.jump("foreign"),
  ];
}

/** Jumps to `admit`, to one of `REFUSALS`, to `refuse` or to `foreign`, which must follow. */
function classify(family: Family, served: Served, protocol: AdvertProtocol): Instruction[] {
  const six = family === "ipv6";
  const findMessage = messageIn(family, protocol);
  const addressBits = six ? 4 : 2;
  const versions = [
    { name: "version 3", version: 3, tail: 0 },
    // There is no version 2 over IPv6.
    ...(six ? [] : [{ name: "version 2", version: 2, tail: VERSION2_TAIL }]),
  ];
  return [
    ...unlessVrrp(protocol),
    ...findMessage,
    bpf.loadLength(),
    bpf.jumpGreaterOrEqualIndex(1, 0),
    bpf.jump("short"),
    bpf.subtractIndex(),
    bpf.jumpGreaterOrEqual(VRRP_HEADER, 1, 0),
    bpf.jump("short"),
    bpf.store(MESSAGE_LENGTH),
    ...unlessMulticast(family, "any distance"),
    ...loadTtl(family),
    bpf.jumpEqual(255, 1, 0),
    bpf.jump("hop_limit"),
    bpf.label("any distance"),
    bpf.loadByteIndexed(VERSION_TYPE),
    ...versions.map(({ name, version }) =>
      bpf.jumpEqual((version << 4) | TYPE_ADVERTISEMENT, name, 0)
    ),
    bpf.jump("refuse"),
    ...versions.flatMap(({ name, version, tail }) => [
      bpf.label(name),
      bpf.loadConstant(version),
      bpf.store(VERSION),
      // As long as the count says.
      bpf.loadByteIndexed(COUNT),
      bpf.shiftLeft(addressBits),
      bpf.add(VRRP_HEADER + tail),
      bpf.jump("length"),
    ]),
    bpf.label("length"),
    bpf.moveToIndex(),
    bpf.loadCell(MESSAGE_LENGTH),
    bpf.jumpGreaterOrEqualIndex(1, 0),
    bpf.jump("refuse"),
    ...unlessMulticast(family, "unicast"),
    ...multicast(family, served, findMessage),
    bpf.label("unicast"),
    ...areMembers(served.unicast, "of unicast", "sender", "elsewhere", findMessage),
    bpf.label("sender"),
    ...senders(family, served.sources),
    // Nothing is wrong with it but that it came to the wrong place, or that nobody has its id.
    bpf.label("elsewhere"),
    ...isMember(allIds(served), "of all", "destination", "refuse", findMessage),
  ];
}

function unlessMulticast(family: Family, target: string): Instruction[] {
  const { mask, value } = MULTICAST[family];
  const at = DESTINATION[family];
  return [
    family === "ipv6" ? bpf.loadNetworkByte(at) : bpf.loadByte(at),
    bpf.and(mask),
    bpf.jumpEqual(value, 1, 0),
    bpf.jump(target),
  ];
}

function loadTtl(family: Family): Instruction[] {
  return [family === "ipv6" ? bpf.loadNetworkByte(TTL.ipv6) : bpf.loadByte(TTL.ipv4)];
}

/** Jumps to `target` where the address in the IP header is the given one, else goes on. */
function whereAddress(
  family: Family,
  offset: number,
  address: string,
  target: string,
): Instruction[] {
  const bytes = parseIp(address)!;
  const view = new DataView(bytes.buffer);
  const words = bytes.length / 4;
  return Array.from({ length: words }, (_, i) => {
    const at = offset + 4 * i;
    const load = family === "ipv6" ? bpf.loadNetworkWord(at) : bpf.loadWord(at);
    // Past the words that are left, two instructions each, and the jump.
    return [load, bpf.jumpEqual(view.getUint32(4 * i), 0, (words - i - 1) * 2 + 1)];
  }).flat().concat(bpf.jump(target));
}

function multicast(
  family: Family,
  served: Served,
  findMessage: readonly Instruction[],
): Instruction[] {
  const groups = [...served.groups].slice(0, MOST_GROUPS)
    .map(([group, ids]) => ({ name: `of ${group}`, group, ids }));
  const rest = [...served.groups.values()].slice(MOST_GROUPS);
  return [
    ...groups.flatMap(({ name, group }) => whereAddress(family, DESTINATION[family], group, name)),
    ...areMembers(unionOf(rest), "of any group", "admit", "elsewhere", findMessage),
    ...groups.flatMap(({ name, ids }) => [
      bpf.label(name),
      ...areMembers(ids, name, "admit", "elsewhere", findMessage),
    ]),
  ];
}

/** Jumps to `admit`, `source` or `hop_limit`. */
function senders(family: Family, sources: Served["sources"]): Instruction[] {
  if (sources === null || sources.size > MOST_SOURCES[family]) return [bpf.jump("admit")];
  const ranges = new Map<string, TtlRange>();
  const tests: Instruction[] = [];
  for (const [address, range] of sources) {
    const name = `TTL ${range.least} to ${range.most}`;
    ranges.set(name, range);
    tests.push(...whereAddress(family, SOURCE[family], address, name));
  }
  return [
    ...tests,
    bpf.jump("source"),
    ...[...ranges].flatMap(([name, { least, most }]) => [
      bpf.label(name),
      ...loadTtl(family),
      bpf.jumpGreaterOrEqual(least, 0, 1),
      bpf.jumpGreater(most, 0, 1),
      bpf.jump("hop_limit"),
      bpf.jump("admit"),
    ]),
  ];
}

/** Jumps by whether a router with this id takes this version. */
function areMembers(
  { version3, version2 }: ServedIds,
  unique: string,
  member: string,
  other: string,
  findMessage: readonly Instruction[],
): Instruction[] {
  if (version3.size === 0 && version2.size === 0) return [bpf.jump(other)];
  const name = `version 2, ${unique}`;
  return [
    bpf.loadCell(VERSION),
    bpf.jumpEqual(3, 1, 0),
    bpf.jump(name),
    ...isMember(version3, `version 3, ${unique}`, member, other, findMessage),
    bpf.label(name),
    ...isMember(version2, name, member, other, findMessage),
  ];
}

/**
 * Whether the virtual router id is one of a set, as 256 bits in eight words: the time that it takes
 * does not depend on how many there are.
 */
function isMember(
  ids: ReadonlySet<number>,
  unique: string,
  member: string,
  other: string,
  findMessage: readonly Instruction[],
): Instruction[] {
  if (ids.size === 0) return [bpf.jump(other)];
  const words = Array.from({ length: 8 }, () => 0);
  for (const id of ids) words[id >> 5] = (words[id >> 5]! | (1 << (id & 31))) >>> 0;
  return [
    ...findMessage,
    bpf.loadByteIndexed(VIRTUAL_ROUTER_ID),
    bpf.and(31),
    bpf.store(BIT),
    bpf.loadByteIndexed(VIRTUAL_ROUTER_ID),
    bpf.loadIndexCell(BIT),
    bpf.shiftRight(5),
    ...words.flatMap((word, i) => [
      bpf.jumpEqual(i, 0, 2),
      bpf.loadConstant(word),
      bpf.jump(`${unique}, bit`),
    ]),
    bpf.label(`${unique}, bit`),
    bpf.shiftRightByIndex(),
    bpf.jumpSet(1, 0, 1),
    bpf.jump(member),
    bpf.jump(other),
  ];
}

function unionOf(all: readonly ServedIds[]): ServedIds {
  const version3 = new Set<number>();
  const version2 = new Set<number>();
  for (const ids of all) {
    for (const id of ids.version3) version3.add(id);
    for (const id of ids.version2) version2.add(id);
  }
  return { version3, version2 };
}

function allIds({ groups, unicast }: Served): ReadonlySet<number> {
  const { version3, version2 } = unionOf([...groups.values(), unicast]);
  return version3.union(version2);
}
