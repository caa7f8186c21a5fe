/**
 * What the kernel's load balancer holds, as plain data. A service is known by protocol, address
 * and port, or by a firewall mark; it has a scheduler and destinations (real servers), each known
 * within it by address and port. Everything that is not part of such a key can be edited in place
 * while connections go on.
 *
 * Addresses are canonical text, so that keys can be compared; the names that `serviceName` and
 * `destinationName` make of keys are the keys of every map here, and what an operator reads.
 *
 * @module
 */

import { endpointText, parseIp } from "../ip/mod.ts";
import { SCHEDULER_FLAGS_MASK } from "./constants.ts";

export type Family = 4 | 6;
export type Protocol = "tcp" | "udp" | "sctp";

/** What makes a service this one: its address, or the mark that a firewall rule sets. */
export type ServiceKey =
  | {
    readonly family: Family;
    readonly protocol: Protocol;
    readonly address: string;
    /** 0: every port; only with persistence. */
    readonly port: number;
  }
  | { readonly family: Family; readonly mark: number };

/** Connections of one client (or of one network of clients) stay with one server. */
export interface Persistence {
  /** Seconds after the last connection. */
  readonly timeout: number;
  /** Which bits of the client's address count. IPv4: a mask, 0xffffff00; IPv6: a prefix length. */
  readonly netmask: number;
}

/** A virtual service. */
export interface Service {
  readonly key: ServiceKey;
  /** Such as `wlc`, at most 15 characters. */
  readonly scheduler: string;
  /** The scheduler's flag-1, flag-2 and flag-3 as bits 1, 2 and 4 (`sh`, `mh`: fallback 1, port 2). */
  readonly schedulerFlags: number;
  /** UDP: each datagram is scheduled by itself. */
  readonly onePacket: boolean;
  readonly persistence: Persistence | null;
  /** Persistence engine, `sip`; empty: none. */
  readonly engine: string;
}

/** What makes a destination this one within its service. */
export interface DestinationKey {
  readonly family: Family;
  readonly address: string;
  readonly port: number;
}

/**
 * How packets reach the real server. `local` and `bypass` are the kernel's own business: they can
 * be read, and never have to be asked for.
 */
export type Forward = "nat" | "local" | "tunnel" | "direct" | "bypass";

export type TunnelType = "ipip" | "gue" | "gre";

/** How a packet is wrapped. */
export interface Tunnel {
  readonly type: TunnelType;
  /** UDP port of GUE; 0 otherwise. */
  readonly port: number;
  /** TUNNEL_CHECKSUM, TUNNEL_REMOTE_CHECKSUM; GUE and GRE only. */
  readonly flags: number;
}

export const TUNNEL_CHECKSUM = 1;
/** GUE only: the receiver computes the checksum of what is inside. */
export const TUNNEL_REMOTE_CHECKSUM = 2;

/** The greatest weight of a real server that can be configured, as keepalived's. */
export const GREATEST_WEIGHT = 65_535;

/** A real server. */
export interface Destination {
  readonly key: DestinationKey;
  readonly forward: Forward;
  /** Where `forward` is `tunnel`. */
  readonly tunnel: Tunnel | null;
  /** 0: no new connections. */
  readonly weight: number;
  /** So many connections, and it gets no new ones …; 0: no limit. */
  readonly upperThreshold: number;
  /** … until there are fewer than these; 0: three quarters of the upper. */
  readonly lowerThreshold: number;
}

/** What a service or destination has counted. */
export interface Counters {
  readonly connections: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** The kernel thread that tells other directors of connections, or listens to them. */
export interface SyncDaemon {
  readonly role: "master" | "backup";
  readonly interface: string;
  /** 0 to 255: daemons of one number listen to each other. */
  readonly id: number;
  /** Most bytes of a message; 0: what the interface's MTU gives. */
  readonly maxLength: number;
  /** Multicast group; empty: the kernel's, 224.0.0.81. */
  readonly group: string;
  /** 0: the kernel's, 8848. */
  readonly port: number;
  /** 0: the kernel's, 1. */
  readonly ttl: number;
}

/** Seconds after which an idle connection is forgotten; 0 in a request: leave it as it is. */
export interface Timeouts {
  readonly tcp: number;
  readonly tcpFin: number;
  readonly udp: number;
}

/** A service in words, one spelling for each: `tcp 192.0.2.10:80`, `mark 7 ipv6`. */
export function serviceName(key: ServiceKey): string {
  if ("mark" in key) return `mark ${key.mark} ipv${key.family}`;
  return `${key.protocol} ${endpointText(key)}`;
}

/** A destination within its service in words: `198.51.100.11:8080`. */
export function destinationName(key: DestinationKey): string {
  return endpointText(key);
}

/** Whether the kernel would have to be told of a change from one to the other. */
export function sameService(a: Service, b: Service): boolean {
  return a.scheduler === b.scheduler && a.schedulerFlags === b.schedulerFlags &&
    a.onePacket === b.onePacket && a.engine === b.engine &&
    a.persistence?.timeout === b.persistence?.timeout &&
    a.persistence?.netmask === b.persistence?.netmask;
}

/** Whether the kernel would have to be told of a change from one to the other. */
export function sameDestination(a: Destination, b: Destination): boolean {
  return a.weight === b.weight && a.forward === b.forward &&
    a.upperThreshold === b.upperThreshold && a.lowerThreshold === b.lowerThreshold &&
    a.tunnel?.type === b.tunnel?.type && a.tunnel?.port === b.tunnel?.port &&
    a.tunnel?.flags === b.tunnel?.flags;
}

/** Every bit of the client's address counts: what a service without a mask has. */
export function wholeNetmask(family: Family): number {
  return family === 4 ? 0xffffffff : 128;
}

/** The netmask of a prefix length, 1 to 32 or 128. */
export function netmaskOf(family: Family, prefixLength: number): number {
  return family === 4 ? (0xffffffff << (32 - prefixLength)) >>> 0 : prefixLength;
}

function isWhole(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && value >= low && value <= high;
}

function isAddress(family: Family, text: string): boolean {
  return parseIp(text)?.length === (family === 4 ? 4 : 16);
}

/** What is wrong with a wanted service, in words; `undefined`: nothing. */
export function refuseService(service: Service): string | undefined {
  const { key, scheduler, persistence } = service;
  if ("mark" in key) {
    if (!isWhole(key.mark, 1, 0xffffffff)) return `the mark is ${key.mark}, not 1 to 4294967295`;
  } else {
    if (!isAddress(key.family, key.address)) return `not an IPv${key.family} address`;
    if (!isWhole(key.port, 0, 65535)) return `the port is ${key.port}`;
    if (key.port === 0 && persistence === null) return "all ports (0) need persistence";
    if (service.onePacket && key.protocol !== "udp") return "one-packet scheduling is for UDP";
    if (service.engine !== "" && key.protocol !== "udp") return "persistence engines are for UDP";
  }
  if (!/^[\x21-\x7e]{1,15}$/.test(scheduler)) return `no name of a scheduler: "${scheduler}"`;
  if (!/^[\x21-\x7e]{0,15}$/.test(service.engine)) return `no name of an engine`;
  if (!isWhole(service.schedulerFlags, 0, SCHEDULER_FLAGS_MASK)) {
    return `the scheduler's flags are ${service.schedulerFlags}`;
  }
  if (service.engine !== "" && persistence === null) {
    return "a persistence engine needs persistence";
  }
  if (persistence === null) return undefined;
  // The kernel counts in ticks: past this its 32 bits overflow at the fastest clock, 1000 Hz.
  if (!isWhole(persistence.timeout, 1, 31 * 86400)) {
    return `persistence lasts ${persistence.timeout} s, not 1 s to 31 days`;
  }
  const widest = key.family === 4 ? 0xffffffff : 128;
  if (!isWhole(persistence.netmask, 1, widest)) return `the netmask is ${persistence.netmask}`;
  return undefined;
}

/** What is wrong with a wanted destination of a service, in words; `undefined`: nothing. */
export function refuseDestination(service: ServiceKey, wanted: Destination): string | undefined {
  const { key, tunnel } = wanted;
  if (!isAddress(key.family, key.address)) return `not an IPv${key.family} address`;
  if (!isWhole(key.port, 0, 65535)) return `the port is ${key.port}`;
  if (!isWhole(wanted.weight, 0, GREATEST_WEIGHT)) {
    return `the weight is ${wanted.weight}, not 0 to ${GREATEST_WEIGHT}`;
  }
  const { upperThreshold: upper, lowerThreshold: lower } = wanted;
  if (!isWhole(upper, 0, 0xffffffff) || !isWhole(lower, 0, 0xffffffff)) {
    return `the thresholds are ${lower} and ${upper}`;
  }
  if (lower > upper) return `the lower threshold ${lower} is above the upper one, ${upper}`;
  if (wanted.forward === "local" || wanted.forward === "bypass") {
    return `"${wanted.forward}" cannot be asked for`;
  }
  if (key.family !== service.family && wanted.forward !== "tunnel") {
    return "a server of the other address family can only be reached through a tunnel";
  }
  if ((tunnel !== null) !== (wanted.forward === "tunnel")) {
    return tunnel === null ? "no kind of tunnel is given" : "a tunnel is given and not used";
  }
  return tunnel === null ? undefined : refuseTunnel(tunnel);
}

function refuseTunnel({ type, port, flags }: Tunnel): string | undefined {
  if (type === "gue" ? !isWhole(port, 1, 65535) : port !== 0) {
    return type === "gue" ? "a GUE tunnel needs a port" : `a tunnel of type ${type} has no port`;
  }
  const offered = { ipip: 0, gre: TUNNEL_CHECKSUM, gue: TUNNEL_CHECKSUM | TUNNEL_REMOTE_CHECKSUM };
  if (!isWhole(flags, 0, 3) || (flags & ~offered[type]) !== 0) {
    return `a tunnel of type ${type} does not offer this checksum`;
  }
  if (flags === (TUNNEL_CHECKSUM | TUNNEL_REMOTE_CHECKSUM)) return "two kinds of checksum at once";
  return undefined;
}
