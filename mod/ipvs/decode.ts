/**
 * What the kernel says about its load balancer, from bytes to objects. A reader refuses what it
 * cannot represent with the reason, and never throws: one odd entry of somebody else must not
 * keep us from the rest of the table. Commands of our own can be read back by the same readers,
 * since questions, answers and commands have one shape.
 *
 * @module
 */

import { formatIp } from "../ip/mod.ts";
import {
  AF_INET,
  AF_INET6,
  type Attributes,
  type Decoded,
  type NetlinkMessage,
  readGenericHeader,
  readNested,
  readPort,
  readText,
  readU16,
  readU32,
  readU64,
  readU8,
  viewOf,
} from "../netlink/mod.ts";
import * as C from "./constants.ts";
import type {
  Counters,
  Destination,
  DestinationKey,
  Family,
  Forward,
  Protocol,
  Service,
  ServiceKey,
  SyncDaemon,
  Timeouts,
  Tunnel,
  TunnelType,
} from "./model.ts";

/** A service as the kernel has it. */
export interface ServiceState {
  readonly service: Service;
  readonly counters: Counters;
}

/** A destination as the kernel has it. */
export interface DestinationState {
  readonly destination: Destination;
  readonly activeConnections: number;
  readonly inactiveConnections: number;
  readonly persistentConnections: number;
  readonly counters: Counters;
}

/** What the kernel's load balancer says of itself. */
export interface Info {
  /** `1.2.1` */
  readonly version: string;
  /** Buckets of the connection table. */
  readonly tableSize: number;
}

const PROTOCOLS: Readonly<Record<number, Protocol>> = {
  [C.IPPROTO_TCP]: "tcp",
  [C.IPPROTO_UDP]: "udp",
  [C.IPPROTO_SCTP]: "sctp",
};
const FORWARDS: readonly Forward[] = ["nat", "local", "tunnel", "direct", "bypass"];
const TUNNELS: readonly TunnelType[] = ["ipip", "gue", "gre"];
/** struct ip_vs_stats: positions of the first five attributes, in both widths. */
const STATS_CONNS = 1;
const STATS_INPKTS = 2;
const STATS_OUTPKTS = 3;
const STATS_INBYTES = 4;
const STATS_OUTBYTES = 5;

function refuse(what: string, why: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason: `Cannot read ${what}: ${why}` };
}

/** The nested attribute that a message is about. */
function readSubject(message: NetlinkMessage, type: number, what: string): Decoded<Attributes> {
  const header = readGenericHeader(message);
  if (!header.ok) return header;
  const nested = readNested(header.value.attributes, type);
  if (nested === undefined) return refuse(what, "it is missing");
  return nested.ok ? nested : refuse(what, nested.reason);
}

/** Reads whose command or answer it is: IPVS_CMD_…, for what has commands to tell apart. */
export function readCommandNumber(message: NetlinkMessage): Decoded<number> {
  const header = readGenericHeader(message);
  return header.ok ? { ok: true, value: header.value.command } : header;
}

/** Reads which service a message is about: a request that names one, or an answer. */
export function readServiceKey(message: NetlinkMessage): Decoded<ServiceKey> {
  const subject = readSubject(message, C.IPVS_CMD_ATTR_SERVICE, "service");
  return subject.ok ? keyOfService(subject.value) : subject;
}

/** Reads a service with its settings: an answer to `services`, or a command. */
export function readService(message: NetlinkMessage): Decoded<ServiceState> {
  const subject = readSubject(message, C.IPVS_CMD_ATTR_SERVICE, "service");
  if (!subject.ok) return subject;
  const attributes = subject.value;
  const key = keyOfService(attributes);
  if (!key.ok) return key;
  const scheduler = readText(attributes, C.IPVS_SVC_ATTR_SCHED_NAME);
  const flags = readU32(attributes, C.IPVS_SVC_ATTR_FLAGS);
  const timeout = readU32(attributes, C.IPVS_SVC_ATTR_TIMEOUT);
  const netmask = readNetmask(attributes, key.value.family);
  if (scheduler === undefined) return refuse("service", "it has no scheduler");
  if (flags === undefined) return refuse("service", "it has no flags");
  if (timeout === undefined) return refuse("service", "it has no timeout");
  if (netmask === undefined) return refuse("service", "it has no netmask");
  const service: Service = {
    key: key.value,
    scheduler,
    schedulerFlags: (flags >> C.SCHEDULER_FLAGS_SHIFT) & C.SCHEDULER_FLAGS_MASK,
    onePacket: (flags & C.IP_VS_SVC_F_ONEPACKET) !== 0,
    // Timeout and mask of a service without persistence mean nothing.
    persistence: (flags & C.IP_VS_SVC_F_PERSISTENT) === 0 ? null : { timeout, netmask },
    engine: readText(attributes, C.IPVS_SVC_ATTR_PE_NAME) ?? "",
  };
  const counters = readCounters(attributes, C.IPVS_SVC_ATTR_STATS64, C.IPVS_SVC_ATTR_STATS);
  return { ok: true, value: { service, counters } };
}

/** Reads which destination a message is about. */
export function readDestinationKey(
  message: NetlinkMessage,
  serviceFamily: Family,
): Decoded<DestinationKey> {
  const subject = readSubject(message, C.IPVS_CMD_ATTR_DEST, "destination");
  return subject.ok ? keyOfDestination(subject.value, serviceFamily) : subject;
}

/**
 * Reads a destination with its settings: an answer to `destinations`, or a command.
 *
 * @param serviceFamily of its service: kernels before 3.18 know no other for the destination
 */
export function readDestination(
  message: NetlinkMessage,
  serviceFamily: Family,
): Decoded<DestinationState> {
  const subject = readSubject(message, C.IPVS_CMD_ATTR_DEST, "destination");
  if (!subject.ok) return subject;
  const attributes = subject.value;
  const key = keyOfDestination(attributes, serviceFamily);
  if (!key.ok) return key;
  const method = readU32(attributes, C.IPVS_DEST_ATTR_FWD_METHOD);
  const weight = readU32(attributes, C.IPVS_DEST_ATTR_WEIGHT);
  const upperThreshold = readU32(attributes, C.IPVS_DEST_ATTR_U_THRESH);
  const lowerThreshold = readU32(attributes, C.IPVS_DEST_ATTR_L_THRESH);
  if (method === undefined) return refuse("destination", "it has no forwarding method");
  if (weight === undefined) return refuse("destination", "it has no weight");
  if (upperThreshold === undefined || lowerThreshold === undefined) {
    return refuse("destination", "it has no thresholds");
  }
  const forward = FORWARDS[method];
  if (forward === undefined) return refuse("destination", `forwarding method is ${method}`);
  const tunnel = forward === "tunnel" ? readTunnel(attributes) : { ok: true, value: null } as const;
  if (!tunnel.ok) return tunnel;
  const destination: Destination = {
    key: key.value,
    forward,
    tunnel: tunnel.value,
    weight,
    upperThreshold,
    lowerThreshold,
  };
  return {
    ok: true,
    value: {
      destination,
      activeConnections: readU32(attributes, C.IPVS_DEST_ATTR_ACTIVE_CONNS) ?? 0,
      inactiveConnections: readU32(attributes, C.IPVS_DEST_ATTR_INACT_CONNS) ?? 0,
      persistentConnections: readU32(attributes, C.IPVS_DEST_ATTR_PERSIST_CONNS) ?? 0,
      counters: readCounters(attributes, C.IPVS_DEST_ATTR_STATS64, C.IPVS_DEST_ATTR_STATS),
    },
  };
}

/** Reads one of the two synchronisation daemons: an answer to `daemons`, or a command. */
export function readDaemon(message: NetlinkMessage): Decoded<SyncDaemon> {
  const subject = readSubject(message, C.IPVS_CMD_ATTR_DAEMON, "daemon");
  if (!subject.ok) return subject;
  const attributes = subject.value;
  const state = readU32(attributes, C.IPVS_DAEMON_ATTR_STATE);
  if (state !== C.IP_VS_STATE_MASTER && state !== C.IP_VS_STATE_BACKUP) {
    return refuse("daemon", `state is ${state}`);
  }
  const name = readText(attributes, C.IPVS_DAEMON_ATTR_MCAST_IFN);
  if (name === undefined || name === "") return refuse("daemon", "it has no interface");
  const group = attributes.get(C.IPVS_DAEMON_ATTR_MCAST_GROUP) ??
    attributes.get(C.IPVS_DAEMON_ATTR_MCAST_GROUP6);
  const address = group === undefined ? "" : formatIp(group);
  if (address === undefined) return refuse("daemon", `group has ${group?.length} bytes`);
  return {
    ok: true,
    value: {
      role: state === C.IP_VS_STATE_MASTER ? "master" : "backup",
      interface: name,
      id: readU32(attributes, C.IPVS_DAEMON_ATTR_SYNC_ID) ?? 0,
      maxLength: readU16(attributes, C.IPVS_DAEMON_ATTR_SYNC_MAXLEN) ?? 0,
      group: address,
      port: readU16(attributes, C.IPVS_DAEMON_ATTR_MCAST_PORT) ?? 0,
      ttl: readU8(attributes, C.IPVS_DAEMON_ATTR_MCAST_TTL) ?? 0,
    },
  };
}

/** Reads the answer to `timeouts`. A kernel without one of the protocols leaves its timeout out. */
export function readTimeouts(message: NetlinkMessage): Decoded<Timeouts> {
  const header = readGenericHeader(message);
  if (!header.ok) return header;
  const { command, attributes } = header.value;
  if (command !== C.IPVS_CMD_SET_CONFIG) return refuse("timeouts", `command is ${command}`);
  return {
    ok: true,
    value: {
      tcp: readU32(attributes, C.IPVS_CMD_ATTR_TIMEOUT_TCP) ?? 0,
      tcpFin: readU32(attributes, C.IPVS_CMD_ATTR_TIMEOUT_TCP_FIN) ?? 0,
      udp: readU32(attributes, C.IPVS_CMD_ATTR_TIMEOUT_UDP) ?? 0,
    },
  };
}

/** Reads the answer to `info`. */
export function readInfo(message: NetlinkMessage): Decoded<Info> {
  const header = readGenericHeader(message);
  if (!header.ok) return header;
  const { command, attributes } = header.value;
  if (command !== C.IPVS_CMD_SET_INFO) return refuse("info", `command is ${command}`);
  const version = readU32(attributes, C.IPVS_INFO_ATTR_VERSION);
  const tableSize = readU32(attributes, C.IPVS_INFO_ATTR_CONN_TAB_SIZE);
  if (version === undefined || tableSize === undefined) return refuse("info", "it is incomplete");
  const text = `${(version >> 16) & 0xff}.${(version >> 8) & 0xff}.${version & 0xff}`;
  return { ok: true, value: { version: text, tableSize } };
}

function keyOfService(attributes: Attributes): Decoded<ServiceKey> {
  const family = readFamily(attributes, C.IPVS_SVC_ATTR_AF);
  if (typeof family !== "number") return refuse("service", family.why);
  const mark = readU32(attributes, C.IPVS_SVC_ATTR_FWMARK) ?? 0;
  if (mark !== 0) return { ok: true, value: { family, mark } };
  const number = readU16(attributes, C.IPVS_SVC_ATTR_PROTOCOL);
  const protocol = PROTOCOLS[number ?? 0];
  if (protocol === undefined) return refuse("service", `protocol is ${number}`);
  const address = readUnionAddress(attributes, C.IPVS_SVC_ATTR_ADDR, family);
  if (address === undefined) return refuse("service", "it has no address");
  const port = readPort(attributes, C.IPVS_SVC_ATTR_PORT);
  if (port === undefined) return refuse("service", "it has no port");
  return { ok: true, value: { family, protocol, address, port } };
}

function keyOfDestination(attributes: Attributes, serviceFamily: Family): Decoded<DestinationKey> {
  const family = readFamily(attributes, C.IPVS_DEST_ATTR_ADDR_FAMILY, serviceFamily);
  if (typeof family !== "number") return refuse("destination", family.why);
  const address = readUnionAddress(attributes, C.IPVS_DEST_ATTR_ADDR, family);
  if (address === undefined) return refuse("destination", "it has no address");
  const port = readPort(attributes, C.IPVS_DEST_ATTR_PORT);
  if (port === undefined) return refuse("destination", "it has no port");
  return { ok: true, value: { family, address, port } };
}

function readFamily(
  attributes: Attributes,
  type: number,
  otherwise?: Family,
): Family | { readonly why: string } {
  const number = readU16(attributes, type);
  if (number === AF_INET) return 4;
  if (number === AF_INET6) return 6;
  if (number === undefined && otherwise !== undefined) return otherwise;
  return { why: `address family is ${number}` };
}

function readUnionAddress(
  attributes: Attributes,
  type: number,
  family: Family,
): string | undefined {
  const width = family === 4 ? 4 : 16;
  const bytes = attributes.get(type);
  if (bytes === undefined || bytes.length < width) return undefined;
  return formatIp(bytes.subarray(0, width));
}

function readNetmask(attributes: Attributes, family: Family): number | undefined {
  const bytes = attributes.get(C.IPVS_SVC_ATTR_NETMASK);
  if (bytes === undefined || bytes.length < 4) return undefined;
  // An IPv4 mask is in network byte order, an IPv6 prefix length in the host's.
  return viewOf(bytes).getUint32(0, family === 6);
}

function readTunnel(attributes: Attributes): Decoded<Tunnel> {
  const number = readU8(attributes, C.IPVS_DEST_ATTR_TUN_TYPE) ?? 0;
  const type = TUNNELS[number];
  if (type === undefined) return refuse("destination", `type of tunnel is ${number}`);
  const flags = readU16(attributes, C.IPVS_DEST_ATTR_TUN_FLAGS) ?? 0;
  const port = type === "gue" ? readPort(attributes, C.IPVS_DEST_ATTR_TUN_PORT) ?? 0 : 0;
  return { ok: true, value: { type, port, flags } };
}

/** Counters of 64 bits, or of 32 where the kernel is older than 4.1. */
function readCounters(attributes: Attributes, wide: number, narrow: number): Counters {
  const nested = readNested(attributes, wide) ?? readNested(attributes, narrow);
  if (nested === undefined || !nested.ok) {
    return { connections: 0, packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0 };
  }
  const stats = nested.value;
  const counter = (type: number) => readU64(stats, type) ?? readU32(stats, type) ?? 0;
  return {
    connections: counter(STATS_CONNS),
    packetsIn: counter(STATS_INPKTS),
    packetsOut: counter(STATS_OUTPKTS),
    bytesIn: counter(STATS_INBYTES),
    bytesOut: counter(STATS_OUTBYTES),
  };
}
