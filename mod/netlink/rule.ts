/**
 * Rules of policy routing: RTM_GETRULE, RTM_NEWRULE, RTM_DELRULE.
 *
 *      0               1               2               3
 *     +---------------+---------------+---------------+-------------+
 *     |    family     |   to: bits    |  from: bits   |     TOS     |
 *     +---------------+---------------+---------------+-------------+
 *     |     table     |   reserved    |   reserved    |   action    |
 *     +---------------+---------------+---------------+-------------+
 *     |                    flags (FIB_RULE_…)                       |
 *     +-------------------------------------------------------------+
 *
 * The kernel has no key of a rule: two are the same where everything that they match and do is the
 * same. So a rule that was read has the same form as one that is asked for, and `ruleKey` of both
 * can be compared. The protocol number says whose it is and is no part of the key.
 *
 * @module
 */

import { formatIp, parseIp } from "../ip/mod.ts";
import { type Attributes, readFamilyHeader, readText, readU32, readU8 } from "./attribute.ts";
import {
  AF_INET,
  AF_INET6,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REQUEST,
} from "./constants.ts";
import { bigEndian64 } from "./encapsulation.ts";
import { type Decoded, type MessageWriter, type NetlinkMessage, viewOf } from "./frame.ts";

export const RTM_NEWRULE = 32;
export const RTM_DELRULE = 33;
export const RTM_GETRULE = 34;

const RULE_HEADER_LENGTH = 12;
const FRA_DST = 1;
const FRA_SRC = 2;
const FRA_IIFNAME = 3;
const FRA_GOTO = 4;
const FRA_PRIORITY = 6;
const FRA_FWMARK = 10;
const FRA_FLOW = 11;
const FRA_TUN_ID = 12;
const FRA_SUPPRESS_IFGROUP = 13;
const FRA_SUPPRESS_PREFIXLEN = 14;
const FRA_TABLE = 15;
const FRA_FWMASK = 16;
const FRA_OIFNAME = 17;
const FRA_L3MDEV = 19;
const FRA_UID_RANGE = 20;
const FRA_PROTOCOL = 21;
const FRA_IP_PROTO = 22;
const FRA_SPORT_RANGE = 23;
const FRA_DPORT_RANGE = 24;
/** In the flags: the rule matches what its selector does not. */
const FIB_RULE_INVERT = 0x2;
/** "No prefix length is suppressed", "no interface group is". */
const NONE = 0xffffffff;
const ALL_BITS = 0xffffffff;

/** Actions of rules and their numbers (FR_ACT_…). */
export const RULE_ACTIONS = {
  table: 1,
  goto: 2,
  nop: 3,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
} as const;
export type RuleAction = keyof typeof RULE_ACTIONS;

/** A range of numbers, both ends included. */
export type Range = readonly [number, number];

/** A rule. Keys stand in one order everywhere: `ruleKey` is its text. */
export interface RuleForm {
  readonly family: 4 | 6;
  readonly priority: number;
  readonly action: RuleAction;
  /** Of the action `table`; with `l3mdev` absent. */
  readonly table?: number;
  /** Of the action `goto`: the priority to go on at. */
  readonly goto?: number;
  readonly not?: true;
  /** Networks, such as `203.0.113.0/24`. */
  readonly from?: string;
  readonly to?: string;
  readonly iif?: string;
  readonly oif?: string;
  readonly tos?: number;
  readonly fwmark?: number;
  readonly fwmask?: number;
  readonly realms?: number;
  readonly uids?: Range;
  readonly l3mdev?: true;
  /** IPPROTO_… */
  readonly ipProtocol?: number;
  readonly sourcePorts?: Range;
  readonly destinationPorts?: Range;
  /** Routes of the table with a prefix so long or shorter do not count. */
  readonly suppressPrefixLength?: number;
  readonly suppressGroup?: number;
  readonly tunnelId?: number;
}

/** A rule that was read, and who made it; 0: not said. */
export interface ShownRule {
  readonly rule: RuleForm;
  readonly protocol: number;
}

/** What tells a rule from all others. */
export function ruleKey(rule: RuleForm): string {
  return JSON.stringify(ordered(rule));
}

/** Every key in the order of {@link RuleForm}, what is absent or means nothing left out. */
function ordered(rule: RuleForm): RuleForm {
  const { family, priority, action, table, goto, not, from, to, iif, oif, tos, fwmark } = rule;
  const { fwmask, realms, uids, l3mdev, ipProtocol, sourcePorts, destinationPorts } = rule;
  const { suppressPrefixLength, suppressGroup, tunnelId } = rule;
  const all = {
    family,
    priority,
    action,
    table: table || undefined,
    goto,
    not,
    from: wholeAsNone(from),
    to: wholeAsNone(to),
    iif,
    oif,
    tos: tos || undefined,
    fwmark: fwmark || undefined,
    fwmask: fwmark || (fwmask !== undefined && fwmask !== ALL_BITS)
      ? fwmask ?? ALL_BITS
      : undefined,
    realms: realms || undefined,
    uids,
    l3mdev,
    ipProtocol: ipProtocol || undefined,
    sourcePorts,
    destinationPorts,
    suppressPrefixLength,
    suppressGroup,
    tunnelId: tunnelId || undefined,
  };
  return Object.fromEntries(
    Object.entries(all).filter(([, value]) => value !== undefined),
  ) as unknown as RuleForm;
}

/** A network of length 0 is everybody, as no network is. */
function wholeAsNone(network: string | undefined): string | undefined {
  return network?.endsWith("/0") ? undefined : network;
}

/** Appends a request for all rules of one family. */
export function requestRules(writer: MessageWriter, sequence: number, family: 4 | 6): void {
  writer.begin(RTM_GETRULE, NLM_F_REQUEST | NLM_F_DUMP, sequence);
  writer.u8(family === 4 ? AF_INET : AF_INET6).u8(0).u8(0).u8(0).u32(0).u32(0).end();
}

/** Appends RTM_NEWRULE; one that is there already is refused (EEXIST). @throws {RangeError} */
export function addRule(
  writer: MessageWriter,
  sequence: number,
  rule: RuleForm,
  protocol: number,
): void {
  const flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
  writeRule(writer.begin(RTM_NEWRULE, flags, sequence), rule, protocol);
}

/** Appends RTM_DELRULE for the rule of this form and protocol. @throws {RangeError} */
export function deleteRule(
  writer: MessageWriter,
  sequence: number,
  rule: RuleForm,
  protocol: number,
): void {
  writeRule(writer.begin(RTM_DELRULE, NLM_F_REQUEST | NLM_F_ACK, sequence), rule, protocol);
}

function writeRule(writer: MessageWriter, rule: RuleForm, protocol: number): void {
  const { family, priority, action, table = 0, not, from, to } = rule;
  const source = networkBytes(from);
  const destination = networkBytes(to);
  writer.u8(family === 4 ? AF_INET : AF_INET6).u8(destination.length).u8(source.length);
  writer.u8(rule.tos ?? 0).u8(table < 256 ? table : 0).u16(0).u8(RULE_ACTIONS[action]);
  writer.u32(not === true ? FIB_RULE_INVERT : 0);
  if (source.length > 0) writer.attribute(FRA_SRC, source.bytes);
  if (destination.length > 0) writer.attribute(FRA_DST, destination.bytes);
  writer.attributeU32(FRA_PRIORITY, priority);
  if (table >= 256) writer.attributeU32(FRA_TABLE, table);
  writer.attributeU8(FRA_PROTOCOL, protocol);
  if (rule.goto !== undefined) writer.attributeU32(FRA_GOTO, rule.goto);
  if (rule.iif !== undefined) writer.attributeText(FRA_IIFNAME, rule.iif);
  if (rule.oif !== undefined) writer.attributeText(FRA_OIFNAME, rule.oif);
  if (rule.fwmark !== undefined || rule.fwmask !== undefined) {
    writer.attributeU32(FRA_FWMARK, rule.fwmark ?? 0);
  }
  if (rule.fwmask !== undefined) writer.attributeU32(FRA_FWMASK, rule.fwmask);
  if (rule.realms !== undefined) writer.attributeU32(FRA_FLOW, rule.realms);
  if (rule.tunnelId !== undefined) writer.attribute(FRA_TUN_ID, bigEndian64(rule.tunnelId));
  if (rule.l3mdev !== undefined) writer.attributeU8(FRA_L3MDEV, 1);
  if (rule.uids !== undefined) writer.attribute(FRA_UID_RANGE, numbers(Uint32Array, rule.uids));
  if (rule.ipProtocol !== undefined) writer.attributeU8(FRA_IP_PROTO, rule.ipProtocol);
  if (rule.sourcePorts !== undefined) {
    writer.attribute(FRA_SPORT_RANGE, numbers(Uint16Array, rule.sourcePorts));
  }
  if (rule.destinationPorts !== undefined) {
    writer.attribute(FRA_DPORT_RANGE, numbers(Uint16Array, rule.destinationPorts));
  }
  if (rule.suppressPrefixLength !== undefined) {
    writer.attributeU32(FRA_SUPPRESS_PREFIXLEN, rule.suppressPrefixLength);
  }
  if (rule.suppressGroup !== undefined) {
    writer.attributeU32(FRA_SUPPRESS_IFGROUP, rule.suppressGroup);
  }
  writer.end();
}

/** Reads the payload of RTM_NEWRULE or RTM_DELRULE. */
export function readRule(message: NetlinkMessage): Decoded<ShownRule> {
  const { payload } = message;
  const read = readFamilyHeader("rule", payload, RULE_HEADER_LENGTH);
  if (!read.ok) return read;
  const { family, attributes } = read.value;
  const number = payload[7] ?? 0;
  const action = (Object.keys(RULE_ACTIONS) as RuleAction[])
    .find((name) => RULE_ACTIONS[name] === number);
  if (action === undefined) return { ok: false, reason: `Cannot read rule: action is ${number}` };
  const suppressed = readU32(attributes, FRA_SUPPRESS_PREFIXLEN) ?? NONE;
  const group = readU32(attributes, FRA_SUPPRESS_IFGROUP) ?? NONE;
  const mask = readU32(attributes, FRA_FWMASK);
  const tunnel = attributes.get(FRA_TUN_ID);
  const rule: Record<string, unknown> = {
    family,
    priority: readU32(attributes, FRA_PRIORITY) ?? 0,
    action,
    table: readU32(attributes, FRA_TABLE) ?? payload[4] ?? 0,
    goto: readU32(attributes, FRA_GOTO),
    not: (viewOf(payload).getUint32(8, true) & FIB_RULE_INVERT) !== 0 ? true : undefined,
    from: networkText(attributes.get(FRA_SRC), payload[2] ?? 0),
    to: networkText(attributes.get(FRA_DST), payload[1] ?? 0),
    iif: readText(attributes, FRA_IIFNAME),
    oif: readText(attributes, FRA_OIFNAME),
    tos: payload[3] ?? 0,
    fwmark: readU32(attributes, FRA_FWMARK),
    fwmask: mask,
    realms: readU32(attributes, FRA_FLOW),
    uids: range(attributes, FRA_UID_RANGE, 4),
    l3mdev: (readU8(attributes, FRA_L3MDEV) ?? 0) !== 0 ? true : undefined,
    ipProtocol: readU8(attributes, FRA_IP_PROTO),
    sourcePorts: range(attributes, FRA_SPORT_RANGE, 2),
    destinationPorts: range(attributes, FRA_DPORT_RANGE, 2),
    suppressPrefixLength: suppressed === NONE ? undefined : suppressed,
    suppressGroup: group === NONE ? undefined : group,
    tunnelId: tunnel?.length === 8
      ? viewOf(tunnel).getUint32(0, false) * 2 ** 32 + viewOf(tunnel).getUint32(4, false)
      : undefined,
  };
  const protocol = readU8(attributes, FRA_PROTOCOL) ?? 0;
  return { ok: true, value: { rule: ordered(rule as unknown as RuleForm), protocol } };
}

/** In the words of `ip rule`. */
export function describeRule(rule: RuleForm): string {
  const word = (name: string, value: unknown) => value === undefined ? [] : [`${name} ${value}`];
  const span = (of: Range | undefined) => of === undefined ? undefined : of.join("-");
  const mask = rule.fwmask === undefined ? "" : `/0x${rule.fwmask.toString(16)}`;
  return [
    `${rule.priority}:`,
    ...(rule.not === true ? ["not"] : []),
    `from ${rule.from ?? "all"}${rule.family === 6 && !rule.from && !rule.to ? " (IPv6)" : ""}`,
    ...word("to", rule.to),
    ...word("tos", rule.tos),
    ...word(
      "fwmark",
      rule.fwmark === undefined ? undefined : `0x${rule.fwmark.toString(16)}${mask}`,
    ),
    ...word("iif", rule.iif),
    ...word("oif", rule.oif),
    ...word("uidrange", span(rule.uids)),
    ...word("ipproto", rule.ipProtocol),
    ...word("sport", span(rule.sourcePorts)),
    ...word("dport", span(rule.destinationPorts)),
    ...word("tun_id", rule.tunnelId),
    ...(rule.l3mdev === true ? ["lookup [l3mdev-table]"] : word("lookup", rule.table)),
    ...word("suppress_prefixlength", rule.suppressPrefixLength),
    ...word("suppress_ifgroup", rule.suppressGroup),
    ...(rule.action === "goto" ? word("goto", rule.goto) : []),
    ...(rule.action === "table" || rule.action === "goto" ? [] : [rule.action]),
  ].join(" ");
}

/** @throws {RangeError} */
function networkBytes(text: string | undefined): { bytes: Uint8Array; length: number } {
  if (text === undefined) return { bytes: new Uint8Array(), length: 0 };
  const [address = "", length = ""] = text.split("/");
  const bytes = parseIp(address);
  if (bytes === undefined || !(Number(length) <= bytes.length * 8)) {
    throw new RangeError(`Cannot encode "${text}": not a network`);
  }
  return { bytes, length: Number(length) };
}

function networkText(bytes: Uint8Array | undefined, length: number): string | undefined {
  const address = bytes === undefined ? undefined : formatIp(bytes);
  return address === undefined || length === 0 ? undefined : `${address}/${length}`;
}

/** Two numbers of the machine's byte order, which is little-endian here. */
function numbers(
  Kind: typeof Uint16Array | typeof Uint32Array,
  range: Range,
): Uint8Array {
  return new Uint8Array(Kind.of(...range).buffer);
}

function range(attributes: Attributes, type: number, width: 2 | 4): Range | undefined {
  const bytes = attributes.get(type);
  if (bytes === undefined || bytes.length < width * 2) return undefined;
  const view = viewOf(bytes);
  return width === 2
    ? [view.getUint16(0, true), view.getUint16(2, true)]
    : [view.getUint32(0, true), view.getUint32(4, true)];
}
