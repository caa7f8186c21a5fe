/**
 * nftables messages: one table that gives packets to certain addresses and ports a firewall mark,
 * so that IPVS takes all of them for one service. Addresses and ports may be ranges: one map for
 * each family holds them, and a packet is looked up once, however many there are.
 *
 * The table belongs to nobody: like the services that go by its marks it outlives a killed agent,
 * and the next one exchanges it for its own in one batch. In return anybody may remove it, so that
 * whoever keeps it there reads it again.
 *
 * @module
 */

import { parseIp } from "../ip/mod.ts";
import { readAttributes } from "./attribute.ts";
import type { MessageWriter, NetlinkMessage } from "./frame.ts";
import {
  EQUAL,
  GET_GENERATION,
  GET_RULE,
  GET_SET_ELEMENTS,
  GET_TABLE,
  IPV4_ADDRESS,
  IPV6_ADDRESS,
  NETWORK_HEADER,
  type NextSequence,
  NFPROTO_BRIDGE,
  NFPROTO_INET,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  NFTABLES_SUBSYSTEM,
  NftablesBatch,
  REGISTER,
  requestNftables,
  type SetElement,
  type SetShape,
  TRANSPORT_HEADER,
} from "./nftables_batch.ts";

/** Packets that get a mark: to these addresses and ports, by this protocol. */
export interface MarkRule {
  readonly protocol: "tcp" | "udp" | "sctp";
  /** Canonical text; the first address of a range. */
  readonly address: string;
  /** The last address of a range, of the same family; the same as `address` for one. */
  readonly last: string;
  /** 0 to 65535. */
  readonly port: number;
  /** The last port of a range; the same as `port` for one. */
  readonly lastPort: number;
  /** 1 to 4294967295. */
  readonly mark: number;
}

const NEW_GENERATION = 15;

/** Which packets a table sees: all of the host, or those that a bridge of it carries. */
export type MarkFamily = "inet" | "bridge";

const FAMILIES: Readonly<Record<MarkFamily, number>> = {
  inet: NFPROTO_INET,
  bridge: NFPROTO_BRIDGE,
};

const HOOK_PREROUTING = 0;
const HOOK_LOCAL_OUT = 3;
/** That of iptables' mangle table; IPVS comes much later, when packets are delivered. */
export const MARK_PRIORITY = -150;

const META_PROTOCOL = 1;
const META_MARK = 3;
const META_NFPROTO = 15;
const META_L4PROTO = 16;
const PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 } as const;

const INET_PROTOCOL = 12;
const INET_SERVICE = 13;
const MARK = 19;
/** Set flags. */
const INTERVAL = 4;
const MAP = 8;

/** What `nft` has to know to show a map: keys are in network byte order (2), marks the host's (1). */
const BYTE_ORDERS = Uint8Array.of(0, 4, 2, 0, 0, 0, 1, 4, 1, 0, 0, 0);

interface AddressMap extends SetShape {
  readonly etherType: number;
  readonly protocol: number;
  /** Where the destination stands in the IP header, and its length. */
  readonly offset: number;
  readonly addressLength: number;
  /** Registers of the protocol and of the port, behind the address. */
  readonly protocolRegister: number;
  readonly portRegister: number;
}

/** Type number that `nft` shows such a key by: address . inet_proto . inet_service. */
function keyType(address: number): number {
  return (address << 12) | (INET_PROTOCOL << 6) | INET_SERVICE;
}

const MAPS: Readonly<Record<4 | 6, AddressMap>> = {
  4: {
    name: "ipv4",
    type: keyType(IPV4_ADDRESS),
    length: 12,
    fields: [4, 1, 2],
    flags: INTERVAL | MAP,
    data: { type: MARK, length: 4 },
    userdata: BYTE_ORDERS,
    etherType: 0x0800,
    protocol: NFPROTO_IPV4,
    offset: 16,
    addressLength: 4,
    protocolRegister: 9,
    portRegister: 10,
  },
  6: {
    name: "ipv6",
    type: keyType(IPV6_ADDRESS),
    length: 24,
    fields: [16, 1, 2],
    flags: INTERVAL | MAP,
    data: { type: MARK, length: 4 },
    userdata: BYTE_ORDERS,
    etherType: 0x86dd,
    protocol: NFPROTO_IPV6,
    offset: 24,
    addressLength: 16,
    protocolRegister: 12,
    portRegister: 13,
  },
};

/** What a table of marks is called, and where it works. */
export interface MarkTableName {
  readonly family: MarkFamily;
  readonly name: string;
  /** Of its chains; lower ones come first. */
  readonly priority: number;
}

/**
 * Writes a batch after which the table sets just these marks; with none of them there is no table.
 * Whatever had its name before is gone, and no packet passes in between.
 *
 * @returns sequence numbers of the messages that are acknowledged, in order
 * @throws {RangeError} for what is no IP address
 */
export function encodeMarks(
  writer: MessageWriter,
  next: NextSequence,
  table: MarkTableName,
  rules: readonly MarkRule[],
): number[] {
  const batch = new NftablesBatch(writer, next, FAMILIES[table.family], table.name);
  // Made where it is not there, so that it can be deleted.
  batch.table(0);
  batch.deleteTable();
  if (rules.length > 0) marks(batch, table, rules);
  batch.end();
  return batch.acknowledged;
}

function marks(batch: NftablesBatch, table: MarkTableName, rules: readonly MarkRule[]): void {
  const { priority } = table;
  batch.table(0);
  const chains = [{ name: "prerouting", type: "filter", hook: HOOK_PREROUTING, priority }];
  // The host is a client of its own services, too; a new mark may lead to another route.
  if (table.family === "inet") {
    chains.push({ name: "output", type: "route", hook: HOOK_LOCAL_OUT, priority });
  }
  for (const chain of chains) batch.chain(chain);
  for (const family of [4, 6] as const) {
    const elements = rules.filter(({ address }) => address.includes(":") === (family === 6))
      .map((rule) => elementOf(MAPS[family], rule));
    if (elements.length === 0) continue;
    batch.set(MAPS[family], elements);
    for (const { name } of chains) markBy(batch, table.family, name, MAPS[family]);
  }
}

function markBy(
  batch: NftablesBatch,
  family: MarkFamily,
  chain: string,
  map: AddressMap,
): void {
  batch.rule(chain, () => {
    if (family === "inet") {
      batch.meta(META_NFPROTO, REGISTER);
      batch.compare(EQUAL, Uint8Array.of(map.protocol));
    } else {
      batch.meta(META_PROTOCOL, REGISTER);
      batch.compare(EQUAL, Uint8Array.of(map.etherType >> 8, map.etherType & 0xff));
    }
    batch.payload(NETWORK_HEADER, map.offset, map.addressLength);
    batch.meta(META_L4PROTO, map.protocolRegister);
    batch.payload(TRANSPORT_HEADER, 2, 2, map.portRegister);
    batch.lookup(map.name, true);
    batch.setMeta(META_MARK, REGISTER);
  });
}

function elementOf(map: AddressMap, rule: MarkRule): SetElement {
  const key = (address: string, port: number) => {
    const bytes = parseIp(address);
    if (bytes === undefined) throw new RangeError(`Not an IP address: ${address}`);
    const whole = new Uint8Array(map.length);
    whole.set(bytes);
    whole[map.addressLength] = PROTOCOLS[rule.protocol];
    new DataView(whole.buffer).setUint16(map.addressLength + 4, port, false);
    return whole;
  };
  // A mark is a number of the host's own byte order.
  const data = new Uint8Array(4);
  new DataView(data.buffer).setUint32(0, rule.mark, true);
  return { key: key(rule.address, rule.port), last: key(rule.last, rule.lastPort), data };
}

// ---- what is there ------------------------------------------------------------------------------

/** Writes the question for the number that every change of nftables by anybody moves on. */
export function requestGeneration(writer: MessageWriter, sequence: number): void {
  requestNftables(writer, GET_GENERATION, sequence, { family: 0 }, () => {});
}

/** The number that answers it; undefined: this message does not. */
export function readGeneration({ type, payload }: NetlinkMessage): number | undefined {
  if (type !== ((NFTABLES_SUBSYSTEM << 8) | NEW_GENERATION)) return undefined;
  const attributes = readAttributes(payload, 4);
  const bytes = attributes.ok ? attributes.value.get(1) : undefined;
  if (bytes === undefined || bytes.length < 4) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, false);
}

/**
 * Writes questions for all that makes the table what it is, to be asked one after the other: the
 * table, its rules, what its maps hold. Their answers, put together, are alike as long as nobody
 * has touched it.
 */
export function requestMarks(
  table: MarkTableName,
  rules: readonly MarkRule[],
): readonly ((writer: MessageWriter, sequence: number) => void)[] {
  const family = FAMILIES[table.family];
  const maps = ([4, 6] as const).filter((each) =>
    rules.some(({ address }) => address.includes(":") === (each === 6))
  );
  const ask =
    (message: number, dump: boolean, set?: string) => (writer: MessageWriter, sequence: number) =>
      requestNftables(writer, message, sequence, { family, dump }, () => {
        writer.attributeText(1, table.name);
        if (set !== undefined) writer.attributeText(2, set);
      });
  return [
    ask(GET_TABLE, false),
    ask(GET_RULE, true),
    ...maps.map((each) => ask(GET_SET_ELEMENTS, true, MAPS[each].name)),
  ];
}
