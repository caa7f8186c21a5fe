/**
 * nftables messages: one table whose chain drops what comes to certain addresses of this host, as
 * a router must that does not own its virtual addresses and runs with Accept_Mode false (RFC 9568
 * section 6.4.3). Neighbour discovery for them is still answered; ARP is no business of nftables.
 *
 * The table belongs to the socket that made it (NFT_TABLE_F_OWNER, Linux 5.12): nobody else changes
 * it, and it vanishes with its owner, however that ends.
 *
 * @module
 */

import { parseIp } from "../ip/mod.ts";
import type { MessageWriter } from "./frame.ts";
import {
  EQUAL,
  IPV4_ADDRESS,
  IPV6_ADDRESS,
  NETWORK_HEADER,
  type NextSequence,
  NFPROTO_INET,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  NftablesBatch,
  REGISTER,
  type SetShape,
  TRANSPORT_HEADER,
} from "./nftables_batch.ts";

/** An address of this host that accepts nothing. */
export interface BlockedAddress {
  /** Canonical text. */
  readonly address: string;
  /** Counts for link-local addresses, which other interfaces may have as well. */
  readonly interface: string;
}

const TABLE_OWNER = 2;
const HOOK_LOCAL_IN = 1;
/** Just before the filters of others, as keepalived does. */
const PRIORITY = -1;
const NF_DROP = 0;
const NF_ACCEPT = 1;

/** The sixteen bytes behind the first register, as words. */
const WORD_AFTER = 12;
const META_IIFNAME = 6;
const META_NFPROTO = 15;
const META_L4PROTO = 16;
const AT_LEAST = 5;
const AT_MOST = 3;

const ICMPV6 = 58;
const NEIGHBOUR_SOLICITATION = 135;
const NEIGHBOUR_ADVERTISEMENT = 136;

/** Type number that `nft` shows such a key by: ipv6_addr . ifname. */
const IPV6_ADDRESS_IFNAME = (IPV6_ADDRESS << 6) | 41;
const IFNAME_LENGTH = 16;

/** One set: what it is called, how its key is read from a packet, and how it is written. */
interface AddressSet extends SetShape {
  readonly protocol: number;
  /** Where the destination stands in the IP header, and its length. */
  readonly offset: number;
  readonly addressLength: number;
}

const SETS = {
  ipv4: {
    name: "ipv4",
    type: IPV4_ADDRESS,
    length: 4,
    protocol: NFPROTO_IPV4,
    offset: 16,
    addressLength: 4,
  },
  ipv6: {
    name: "ipv6",
    type: IPV6_ADDRESS,
    length: 16,
    protocol: NFPROTO_IPV6,
    offset: 24,
    addressLength: 16,
  },
  linkLocal: {
    name: "link_local",
    type: IPV6_ADDRESS_IFNAME,
    length: 16 + IFNAME_LENGTH,
    fields: [16, IFNAME_LENGTH],
    protocol: NFPROTO_IPV6,
    offset: 24,
    addressLength: 16,
  },
} as const satisfies Record<string, AddressSet>;

/**
 * Writes a batch after which the table `name` blocks just these addresses.
 *
 * @param present the table is there already, from a batch before
 * @returns sequence numbers of the messages that are acknowledged, in order
 * @throws {RangeError} for what is no IP address
 */
export function encodeBlocklist(
  writer: MessageWriter,
  next: NextSequence,
  name: string,
  addresses: readonly BlockedAddress[],
  present: boolean,
): number[] {
  const batch = new NftablesBatch(writer, next, NFPROTO_INET, name);
  if (present) batch.deleteTable();
  if (addresses.length > 0) blocklist(batch, addresses);
  batch.end();
  return batch.acknowledged;
}

function blocklist(batch: NftablesBatch, addresses: readonly BlockedAddress[]): void {
  batch.table(TABLE_OWNER);
  batch.chain({ name: "input", type: "filter", hook: HOOK_LOCAL_IN, priority: PRIORITY });
  const keys = { ipv4: [], ipv6: [], linkLocal: [] } as Record<keyof typeof SETS, Uint8Array[]>;
  for (const one of addresses) {
    const bytes = parseIp(one.address);
    if (bytes === undefined) throw new RangeError(`Not an IP address: ${one.address}`);
    const kind = bytes.length === 4 ? "ipv4" : isLinkLocal(bytes) ? "linkLocal" : "ipv6";
    const key = new Uint8Array(SETS[kind].length);
    key.set(bytes);
    if (kind === "linkLocal") key.set(new TextEncoder().encode(one.interface), 16);
    keys[kind].push(key);
  }
  for (const kind of ["ipv4", "ipv6", "linkLocal"] as const) {
    if (keys[kind].length > 0) block(batch, SETS[kind], keys[kind]);
  }
}

function block(batch: NftablesBatch, set: AddressSet, keys: readonly Uint8Array[]): void {
  batch.set(set, keys.map((key) => ({ key })));
  if (set.protocol === NFPROTO_IPV6) {
    // Neighbours still ask for the address, and answer.
    rule(batch, set, () => {
      batch.meta(META_L4PROTO, REGISTER);
      batch.compare(EQUAL, Uint8Array.of(ICMPV6));
      batch.payload(TRANSPORT_HEADER, 0, 1);
      batch.compare(AT_LEAST, Uint8Array.of(NEIGHBOUR_SOLICITATION));
      batch.compare(AT_MOST, Uint8Array.of(NEIGHBOUR_ADVERTISEMENT));
      batch.verdict(NF_ACCEPT);
    });
  }
  rule(batch, set, () => {
    batch.counter();
    batch.verdict(NF_DROP);
  });
}

/** A rule for packets to an address of the set. */
function rule(batch: NftablesBatch, set: AddressSet, rest: () => void): void {
  batch.rule("input", () => {
    batch.meta(META_NFPROTO, REGISTER);
    batch.compare(EQUAL, Uint8Array.of(set.protocol));
    batch.payload(NETWORK_HEADER, set.offset, set.addressLength);
    if (set.fields !== undefined) batch.meta(META_IIFNAME, WORD_AFTER);
    batch.lookup(set.name);
    rest();
  });
}

function isLinkLocal(bytes: Uint8Array): boolean {
  return bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80;
}
