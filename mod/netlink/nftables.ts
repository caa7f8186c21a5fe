/**
 * nftables messages: one table whose chain drops what comes to certain addresses of this host, as
 * a router must that does not own its virtual addresses and runs with Accept_Mode false (RFC 9568
 * section 6.4.3). Neighbour discovery for them is still answered; ARP is no business of nftables.
 *
 * Such requests travel as a batch between two brackets, and the kernel does all of it or nothing.
 * The table belongs to the socket that made it (NFT_TABLE_F_OWNER, Linux 5.12): nobody else changes
 * it, and it vanishes with its owner, however that ends.
 *
 *      0               1               2               3
 *     +---------------+---------------+-----------------------------+
 *     |    family     |   version 0   |  0, or the subsystem's no.  |
 *     +---------------+---------------+-----------------------------+
 *
 * Numbers in attributes are in network byte order.
 *
 * @module
 */

import { parseIp } from "../ip/mod.ts";
import { NLM_F_ACK, NLM_F_CREATE, NLM_F_REQUEST } from "./constants.ts";
import type { MessageWriter } from "./frame.ts";

/** An address of this host that accepts nothing. */
export interface BlockedAddress {
  /** Canonical text. */
  readonly address: string;
  /** Counts for link-local addresses, which other interfaces may have as well. */
  readonly interface: string;
}

const SUBSYSTEM = 10;
const BATCH_BEGIN = 0x10;
const BATCH_END = 0x11;
const NFPROTO_INET = 1;
const NFPROTO_IPV4 = 2;
const NFPROTO_IPV6 = 10;
const APPEND = 0x800;

// ---- messages -----------------------------------------------------------------------------------
const NEW_TABLE = 0;
const DELETE_TABLE = 2;
const NEW_CHAIN = 3;
const NEW_RULE = 6;
const NEW_SET = 9;
const NEW_SET_ELEMENTS = 12;

const TABLE_OWNER = 2;
const HOOK_LOCAL_IN = 1;
/** Just before the filters of others, as keepalived does. */
const PRIORITY = -1;
const NF_DROP = 0;
const NF_ACCEPT = 1;

// ---- registers and keys -------------------------------------------------------------------------
const VERDICT = 0;
/** 16 bytes; the words 8 to 11 are the same memory. */
const REGISTER = 1;
/** The sixteen bytes behind it, as words. */
const WORD_AFTER = 12;
const META_IIFNAME = 6;
const META_NFPROTO = 15;
const META_L4PROTO = 16;
const NETWORK_HEADER = 1;
const TRANSPORT_HEADER = 2;
const EQUAL = 0;
const AT_LEAST = 5;
const AT_MOST = 3;

const ICMPV6 = 58;
const NEIGHBOUR_SOLICITATION = 135;
const NEIGHBOUR_ADVERTISEMENT = 136;

/** Type numbers that `nft` shows keys by: ipv4_addr, ipv6_addr, and ipv6_addr . ifname. */
const IPV4_ADDRESS = 7;
const IPV6_ADDRESS = 8;
const IPV6_ADDRESS_IFNAME = (8 << 6) | 41;
const IFNAME_LENGTH = 16;
/** Set flags: the key is made of several fields. */
const CONCATENATION = 0x80;

/** The length of an attribute has 16 bits. */
const ELEMENTS_AT_ONCE = 500;

/** One set: what it is called, how its key is read from a packet, and how it is written. */
interface AddressSet {
  readonly name: string;
  readonly type: number;
  /** Bytes of a key. */
  readonly length: number;
  readonly concatenated?: true;
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
    concatenated: true,
    protocol: NFPROTO_IPV6,
    offset: 24,
    addressLength: 16,
  },
} as const satisfies Record<string, AddressSet>;

/** Numbers the messages of one batch. */
export type NextSequence = () => number;

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
  const batch = new Batch(writer, next, name);
  batch.bracket(BATCH_BEGIN);
  if (present) batch.message(DELETE_TABLE, 0, () => writer.attributeText(1, name));
  if (addresses.length > 0) batch.blocklist(addresses);
  batch.bracket(BATCH_END);
  return batch.acknowledged;
}

class Batch {
  readonly acknowledged: number[] = [];
  readonly #writer: MessageWriter;
  readonly #next: NextSequence;
  readonly #table: string;
  #setId = 0;

  constructor(writer: MessageWriter, next: NextSequence, table: string) {
    this.#writer = writer;
    this.#next = next;
    this.#table = table;
  }

  bracket(type: number): void {
    this.#writer.begin(type, NLM_F_REQUEST, this.#next());
    this.#header(0, SUBSYSTEM);
    this.#writer.end();
  }

  message(type: number, flags: number, attributes: () => void): void {
    const sequence = this.#next();
    this.acknowledged.push(sequence);
    this.#writer.begin((SUBSYSTEM << 8) | type, NLM_F_REQUEST | NLM_F_ACK | flags, sequence);
    this.#header(NFPROTO_INET, 0);
    attributes();
    this.#writer.end();
  }

  blocklist(addresses: readonly BlockedAddress[]): void {
    const writer = this.#writer;
    const table = this.#table;
    this.message(NEW_TABLE, NLM_F_CREATE, () => {
      writer.attributeText(1, table);
      this.#number(2, TABLE_OWNER);
    });
    this.message(NEW_CHAIN, NLM_F_CREATE, () => {
      writer.attributeText(1, table).attributeText(3, "input");
      this.#nested(4, () => {
        this.#number(1, HOOK_LOCAL_IN);
        this.#number(2, PRIORITY);
      });
      this.#number(5, NF_ACCEPT);
      writer.attributeText(7, "filter");
    });
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
      if (keys[kind].length > 0) this.#set(SETS[kind], keys[kind]);
    }
  }

  #set(set: AddressSet, keys: readonly Uint8Array[]): void {
    const writer = this.#writer;
    const id = ++this.#setId;
    this.message(NEW_SET, NLM_F_CREATE, () => {
      writer.attributeText(1, this.#table).attributeText(2, set.name);
      this.#number(3, set.concatenated ? CONCATENATION : 0);
      this.#number(4, set.type);
      this.#number(5, set.length);
      this.#number(10, id);
      if (set.concatenated) this.#describeFields();
    });
    for (let first = 0; first < keys.length; first += ELEMENTS_AT_ONCE) {
      this.message(NEW_SET_ELEMENTS, NLM_F_CREATE, () => {
        writer.attributeText(1, this.#table).attributeText(2, set.name);
        this.#number(4, id);
        this.#nested(3, () => {
          for (const key of keys.slice(first, first + ELEMENTS_AT_ONCE)) this.#element(key);
        });
      });
    }
    if (set.protocol === NFPROTO_IPV6) {
      // Neighbours still ask for the address, and answer.
      this.#rule(set, () => {
        this.#meta(META_L4PROTO, REGISTER);
        this.#compare(EQUAL, Uint8Array.of(ICMPV6));
        this.#payload(TRANSPORT_HEADER, 0, 1);
        this.#compare(AT_LEAST, Uint8Array.of(NEIGHBOUR_SOLICITATION));
        this.#compare(AT_MOST, Uint8Array.of(NEIGHBOUR_ADVERTISEMENT));
        this.#verdict(NF_ACCEPT);
      });
    }
    this.#rule(set, () => {
      this.#expression("counter", () => {});
      this.#verdict(NF_DROP);
    });
  }

  /** Lengths of the fields of a concatenated key (NFTA_SET_DESC_CONCAT). */
  #describeFields(): void {
    this.#nested(9, () =>
      this.#nested(2, () => {
        for (const length of [16, IFNAME_LENGTH]) {
          this.#nested(1, () => this.#number(1, length));
        }
      }));
  }

  #element(key: Uint8Array): void {
    this.#nested(1, () => this.#nested(1, () => this.#writer.attribute(1, key)));
  }

  /** A rule for packets to an address of the set. */
  #rule(set: AddressSet, rest: () => void): void {
    this.message(NEW_RULE, NLM_F_CREATE | APPEND, () => {
      this.#writer.attributeText(1, this.#table).attributeText(2, "input");
      this.#nested(4, () => {
        this.#meta(META_NFPROTO, REGISTER);
        this.#compare(EQUAL, Uint8Array.of(set.protocol));
        this.#payload(NETWORK_HEADER, set.offset, set.addressLength);
        if (set.concatenated) this.#meta(META_IIFNAME, WORD_AFTER);
        this.#expression("lookup", () => {
          this.#writer.attributeText(1, set.name);
          this.#number(2, REGISTER);
        });
        rest();
      });
    });
  }

  #meta(key: number, register: number): void {
    this.#expression("meta", () => {
      this.#number(1, register);
      this.#number(2, key);
    });
  }

  #compare(operation: number, value: Uint8Array): void {
    this.#expression("cmp", () => {
      this.#number(1, REGISTER);
      this.#number(2, operation);
      this.#nested(3, () => this.#writer.attribute(1, value));
    });
  }

  #payload(base: number, offset: number, length: number): void {
    this.#expression("payload", () => {
      this.#number(1, REGISTER);
      this.#number(2, base);
      this.#number(3, offset);
      this.#number(4, length);
    });
  }

  #verdict(code: number): void {
    this.#expression("immediate", () => {
      this.#number(1, VERDICT);
      this.#nested(2, () => this.#nested(2, () => this.#number(1, code)));
    });
  }

  #expression(name: string, attributes: () => void): void {
    this.#nested(1, () => {
      this.#writer.attributeText(1, name);
      this.#nested(2, attributes);
    });
  }

  #nested(type: number, content: () => void): void {
    const start = this.#writer.beginNested(type);
    content();
    this.#writer.endNested(start);
  }

  #number(type: number, value: number): void {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setInt32(0, value, false);
    this.#writer.attribute(type, bytes);
  }

  /** `struct nfgenmsg`; the resource is in network byte order. */
  #header(family: number, resource: number): void {
    this.#writer.u8(family).u8(0).u8(resource >> 8).u8(resource & 0xff);
  }
}

function isLinkLocal(bytes: readonly number[] | Uint8Array): boolean {
  return bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80;
}
