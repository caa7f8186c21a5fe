/**
 * What the kernel lets into the two receiving sockets of a channel.
 *
 * Each packet goes into exactly one of them: what could be an advert for a router of ours into the
 * *admitted* socket, everything else into the *refused* one, by the same program with the answers
 * exchanged. So a flood of foreign or malformed packets never stands in an advert's way, be it
 * ever so long, and yet each packet of it is counted, with the reason and for the right router.
 *
 * Admitted is a packet with TTL 255, of type 1, of a version that the router with this id speaks,
 * and at least as long as the addresses that it announces. What it takes arithmetic or memory to see
 * (a checksum, an interval, what stands behind the addresses) is for the codec to judge.
 *
 * A raw IPv6 socket delivers no IP header, and asking for the hop limit of each refused packet is
 * dear. A wrong one is therefore told by the length: the filter trims such a packet to
 * `TRIMMED_HOP_LIMIT` bytes and what is too short to be VRRP to `TRIMMED_SHORT`, and no packet that
 * was not trimmed is shorter than a VRRP header.
 *
 * @module
 */

import { assemble, bpf, type Instruction } from "../../ffi/mod.ts";
import { TYPE_ADVERTISEMENT, VRRP_HEADER } from "../vrrp/mod.ts";
import type { Family } from "./transport.ts";

/** Length of a refused IPv6 packet whose hop limit was not 255. */
export const TRIMMED_HOP_LIMIT = VRRP_HEADER - 1;
/** Greatest length of a refused IPv6 packet that was too short from the beginning. */
export const TRIMMED_SHORT = VRRP_HEADER - 2;

/** Virtual router ids that have a router, by the versions that it takes. */
export interface ServedIds {
  readonly version3: ReadonlySet<number>;
  readonly version2: ReadonlySet<number>;
}

/** Where the TTL stands in the IP header, and the hop limit in that of IPv6. */
const TTL = 8;
const HOP_LIMIT = 7;
/** Offsets in a VRRP message. */
const VERSION_TYPE = 0;
const VIRTUAL_ROUTER_ID = 1;
const COUNT = 3;
/** Authentication data of version 2. */
const VERSION2_TAIL = 8;
/** Cells of the filter's memory. */
const MESSAGE_LENGTH = 0;
const BIT = 1;

/** The filter of the socket for adverts. */
export function admittingFilter(family: Family, ids: ServedIds): Uint8Array {
  return assemble([
    ...classify(family, ids),
    bpf.label("admit"),
    bpf.accept(),
    ...["short", "hop_limit", "refuse"].map(bpf.label),
    bpf.drop(),
  ]);
}

/** The filter of the socket for all the rest. */
export function refusingFilter(family: Family, ids: ServedIds): Uint8Array {
  return assemble([
    ...classify(family, ids),
    bpf.label("admit"),
    bpf.drop(),
    bpf.label("short"),
    family === "ipv6" ? bpf.returnBytes(TRIMMED_SHORT) : bpf.accept(),
    bpf.label("hop_limit"),
    family === "ipv6" ? bpf.returnBytes(TRIMMED_HOP_LIMIT) : bpf.accept(),
    bpf.label("refuse"),
    bpf.accept(),
  ]);
}

/** Jumps to `admit`, `short`, `hop_limit` or `refuse`, which must follow. */
function classify(family: Family, ids: ServedIds): Instruction[] {
  const six = family === "ipv6";
  // X points at the message from here on; IPv4 headers may have options.
  const findMessage = six ? bpf.loadIndex(0) : bpf.loadHeaderLength(0);
  const addressBits = six ? 4 : 2;
  const versions = [
    { name: "version 3", version: 3, tail: 0, ids: ids.version3 },
    // There is no version 2 over IPv6.
    ...(six ? [] : [{ name: "version 2", version: 2, tail: VERSION2_TAIL, ids: ids.version2 }]),
  ];
  return [
    findMessage,
    bpf.loadLength(),
    bpf.subtractIndex(),
    bpf.jumpGreaterOrEqual(VRRP_HEADER, 0, "short"),
    bpf.store(MESSAGE_LENGTH),
    six ? bpf.loadNetworkByte(HOP_LIMIT) : bpf.loadByte(TTL),
    bpf.jumpEqual(255, 0, "hop_limit"),
    bpf.loadByteIndexed(VERSION_TYPE),
    ...versions.map(({ name, version }) =>
      bpf.jumpEqual((version << 4) | TYPE_ADVERTISEMENT, name, 0)
    ),
    bpf.jump("refuse"),
    ...versions.flatMap(({ name, tail, ids }) => [
      bpf.label(name),
      // As long as the count says.
      bpf.loadByteIndexed(COUNT),
      bpf.shiftLeft(addressBits),
      bpf.add(VRRP_HEADER + tail),
      bpf.moveToIndex(),
      bpf.loadCell(MESSAGE_LENGTH),
      bpf.jumpGreaterOrEqualIndex(0, "refuse"),
      findMessage,
      ...isMember(ids, name),
    ]),
  ];
}

/**
 * Whether the virtual router id is one of a set, as 256 bits in eight words: the time that it takes
 * does not depend on how many there are. Jumps to `admit` or `refuse`.
 */
function isMember(ids: ReadonlySet<number>, unique: string): Instruction[] {
  const words = Array.from({ length: 8 }, () => 0);
  for (const id of ids) words[id >> 5] = (words[id >> 5]! | (1 << (id & 31))) >>> 0;
  return [
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
    bpf.jumpSet(1, "admit", "refuse"),
  ];
}
