/**
 * A table of services and their destinations: what the kernel has, or what it is to have. The
 * wanted one is made of virtual servers, each of which may listen on many addresses: ranges and
 * networks become one service for each address, all with the same real servers.
 *
 * @module
 */

import { formatIp, lastOf, networkOf, numberOf, parseIp } from "../ip/mod.ts";
import { atOnce } from "../steps/mod.ts";
import type { Decoded } from "../netlink/mod.ts";
import {
  type Destination,
  destinationName,
  type Family,
  type Protocol,
  refuseDestination,
  refuseService,
  sameDestination,
  sameService,
  type Service,
  type ServiceKey,
  serviceName,
} from "./model.ts";

/** A service and its destinations by their names. */
export interface TableEntry {
  readonly service: Service;
  readonly destinations: ReadonlyMap<string, Destination>;
}

/** Services by their names. */
export type Table = ReadonlyMap<string, TableEntry>;

/** Whether two are alike, or both missing. */
export function sameEntry(a: TableEntry | undefined, b: TableEntry | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (!sameService(a.service, b.service)) return false;
  if (a.destinations.size !== b.destinations.size) return false;
  for (const [name, destination] of a.destinations) {
    const other = b.destinations.get(name);
    if (other === undefined || !sameDestination(destination, other)) return false;
  }
  return true;
}

/** Real servers of one step. */
const STEP = 64;

/** Addresses a range or network may have at most: each becomes a service of its own. */
export const LARGEST_RANGE = 65536;

/** Where a virtual server listens. */
export type Listen =
  | {
    readonly protocol: Protocol;
    /** The first address. */
    readonly address: string;
    /** The last one of a range. */
    readonly last?: string;
    /** Every address of the network of `address`; not together with `last`. */
    readonly prefixLength?: number;
    readonly port: number;
  }
  | { readonly family: Family; readonly mark: number };

/** A real server: a port only where it differs from the service's. */
export interface RealServer {
  readonly address: string;
  readonly port?: number;
  readonly forward: Destination["forward"];
  readonly tunnel: Destination["tunnel"];
  readonly weight: number;
  readonly upperThreshold: number;
  readonly lowerThreshold: number;
}

/** Settings of each service of a virtual server. */
export interface ServiceSettings extends Omit<Service, "key"> {
  /**
   * Where there are services of both families: how many bits of an IPv6 client's address count, 1
   * to 128. The netmask of `persistence` is IPv4's then. Absent: that one is everybody's.
   */
  readonly ipv6Netmask?: number;
}

/** What one virtual server wants of the kernel. */
export interface VirtualServer {
  readonly listen: readonly Listen[];
  readonly settings: ServiceSettings;
  /** Each belongs to the services that `servedBy` says. */
  readonly servers: readonly RealServer[];
}

/** One of the services of a virtual server. */
export function serviceAt(key: ServiceKey, settings: ServiceSettings): Service {
  const { ipv6Netmask: netmask, ...service } = settings;
  const { persistence } = service;
  if (netmask === undefined || persistence === null || key.family === 4) return { ...service, key };
  return { ...service, key, persistence: { ...persistence, netmask } };
}

/** The family of the services that it stands for. */
export function familyOfListen(listen: Listen): Family {
  return "mark" in listen ? listen.family : familyOfAddress(listen.address);
}

function familyOfAddress(address: string): Family {
  return address.includes(":") ? 6 : 4;
}

/**
 * Those of a virtual server's services that a real server belongs to. Only a tunnel leads from one
 * address family to the other: with NAT and direct routing each family has servers of its own. A
 * server whose family none of the services has is left to all, and refused by each.
 */
export function servedBy<Key extends { readonly family: Family }>(
  keys: readonly Key[],
  { forward, address }: Pick<RealServer, "forward" | "address">,
): readonly Key[] {
  if (forward === "tunnel") return keys;
  const own = keys.filter(({ family }) => family === familyOfAddress(address));
  return own.length === 0 ? keys : own;
}

/**
 * The table that virtual servers ask for; refused where the kernel would refuse a part of it, or
 * where two of them ask for the same service.
 */
export function buildTable(virtualServers: readonly VirtualServer[]): Decoded<Table> {
  return atOnce(buildingTable(virtualServers));
}

/** The same in steps. */
export function* buildingTable(
  virtualServers: readonly VirtualServer[],
): Generator<void, Decoded<Table>> {
  const table = new Map<string, TableEntry>();
  for (const { listen, settings, servers } of virtualServers) {
    const byFamily = serversByFamily(listen, servers);
    for (const where of listen) {
      const keys = expandListen(where);
      if (!keys.ok) return keys;
      for (const key of keys.value) {
        const name = serviceName(key);
        if (table.has(name)) return { ok: false, reason: `${name} is asked for twice` };
        const service = serviceAt(key, settings);
        const wrong = refuseService(service);
        if (wrong !== undefined) return { ok: false, reason: `${name}: ${wrong}` };
        const destinations = yield* listingDestinations(key, byFamily.get(key.family) ?? servers);
        if (!destinations.ok) return { ok: false, reason: `${name}: ${destinations.reason}` };
        table.set(name, { service, destinations: destinations.value });
      }
    }
  }
  return { ok: true, value: table };
}

/** The servers of services of each family. */
function serversByFamily(
  listen: readonly Listen[],
  servers: readonly RealServer[],
): Map<Family, readonly RealServer[]> {
  const families = [...new Set(listen.map(familyOfListen))];
  if (families.length < 2) return new Map();
  const keys = families.map((family) => ({ family }));
  const byFamily = new Map<Family, RealServer[]>(families.map((family) => [family, []]));
  for (const server of servers) {
    for (const { family } of servedBy(keys, server)) byFamily.get(family)?.push(server);
  }
  return byFamily;
}

function* listingDestinations(
  service: ServiceKey,
  servers: readonly RealServer[],
): Generator<void, Decoded<Map<string, Destination>>> {
  const destinations = new Map<string, Destination>();
  const kind = kindOf(service);
  for (const server of servers) {
    const named = namedDestinationAt(service, kind, server);
    if (!named.ok) return named;
    const { name, destination } = named.value;
    if (destinations.has(name)) return { ok: false, reason: `${name} is given twice` };
    destinations.set(name, destination);
    if (destinations.size % STEP === 0) yield;
  }
  return { ok: true, value: destinations };
}

interface NamedDestination {
  readonly name: string;
  readonly destination: Destination;
}

function kindOf(service: ServiceKey): string {
  return `${service.family} ${servicePort(service)}`;
}

/** What real servers are within services of a family and a port: it depends on nothing else. */
const known = new WeakMap<RealServer, Map<string, Decoded<NamedDestination>>>();

/**
 * As `destinationAt`, and the same value each time that it is asked about the same real server: the
 * table of thousands is made anew whenever one of them fails.
 *
 * @param kind family and port of the service
 */
function namedDestinationAt(
  service: ServiceKey,
  kind: string,
  server: RealServer,
): Decoded<NamedDestination> {
  let kinds = known.get(server);
  if (kinds === undefined) known.set(server, kinds = new Map());
  let named = kinds.get(kind);
  if (named === undefined) {
    const made = destinationAt(service, server);
    named = made.ok
      ? { ok: true, value: { name: destinationName(made.value.key), destination: made.value } }
      : made;
    kinds.set(kind, named);
  }
  return named;
}

/** Name of a real server within a service; undefined: it cannot be in it. */
export function destinationNameAt(service: ServiceKey, server: RealServer): string | undefined {
  const named = namedDestinationAt(service, kindOf(service), server);
  return named.ok ? named.value.name : undefined;
}

/** What a real server is within a service; refused where the kernel would refuse it. */
export function destinationAt(service: ServiceKey, server: RealServer): Decoded<Destination> {
  const destination = asDestination(service, server);
  if (!destination.ok) return destination;
  const wrong = refuseDestination(service, destination.value);
  if (wrong === undefined) return destination;
  return { ok: false, reason: `${destinationName(destination.value.key)}: ${wrong}` };
}

/** The same, whatever the kernel would say to it; refused where the address is none. */
export function asDestination(service: ServiceKey, server: RealServer): Decoded<Destination> {
  const { address, port: _, ...rest } = server;
  const bytes = parseIp(address);
  const text = bytes === undefined ? undefined : formatIp(bytes);
  if (bytes === undefined || text === undefined) {
    return { ok: false, reason: `not an IP address: "${address}"` };
  }
  const key = {
    family: bytes.length === 4 ? 4 : 6,
    address: text,
    port: destinationPort(servicePort(service), server),
  } as const;
  return { ok: true, value: { key, ...rest } };
}

/** The port of a service; 0 of a mark. */
export function servicePort(service: ServiceKey): number {
  return "mark" in service ? 0 : service.port;
}

/**
 * The port at which the kernel knows a real server. Only NAT rewrites ports: otherwise packets
 * arrive at the one that the client asked for.
 *
 * @param asked port of the service; of a mark 0
 */
export function destinationPort(
  asked: number,
  { forward, port }: {
    readonly forward: Destination["forward"];
    readonly port?: number | undefined;
  },
): number {
  return forward === "nat" ? port ?? asked : asked;
}

/** The services that one `listen` stands for, in ascending order. */
export function expandListen(listen: Listen): Decoded<ServiceKey[]> {
  if ("mark" in listen) return { ok: true, value: [listen] };
  const { protocol, port } = listen;
  const addresses = expandAddresses(listen);
  if (!addresses.ok) return addresses;
  return {
    ok: true,
    value: addresses.value.map((address) => ({
      family: address.includes(":") ? 6 : 4,
      protocol,
      address,
      port,
    })),
  };
}

function expandAddresses(
  { address, last, prefixLength }: {
    readonly address: string;
    readonly last?: string;
    readonly prefixLength?: number;
  },
): Decoded<string[]> {
  const first = parseIp(address);
  if (first === undefined) return { ok: false, reason: `not an IP address: "${address}"` };
  let low: Uint8Array = first;
  let high: Uint8Array = first;
  if (prefixLength !== undefined) {
    const bits = first.length * 8;
    if (!Number.isInteger(prefixLength) || prefixLength < 0 || prefixLength > bits) {
      return { ok: false, reason: `the prefix length of "${address}" is ${prefixLength}` };
    }
    low = networkOf(first, prefixLength);
    high = lastOf(low, prefixLength);
  } else if (last !== undefined) {
    const end = parseIp(last);
    if (end === undefined) return { ok: false, reason: `not an IP address: "${last}"` };
    if (end.length !== first.length) {
      return { ok: false, reason: `"${address}" and "${last}" are of two families` };
    }
    high = end;
  }
  const count = numberOf(high) - numberOf(low) + 1n;
  if (count < 1n) return { ok: false, reason: `"${last}" comes before "${address}"` };
  if (count > BigInt(LARGEST_RANGE)) {
    return { ok: false, reason: `"${address}" stands for more than ${LARGEST_RANGE} addresses` };
  }
  const addresses: string[] = [];
  const current = low.slice();
  for (let i = 0n; i < count; i++) {
    addresses.push(formatIp(current) ?? "");
    increment(current);
  }
  return { ok: true, value: addresses };
}

/** The next address, carried over all bytes. */
function increment(bytes: Uint8Array): void {
  for (let i = bytes.length - 1; i >= 0; i--) {
    const next = ((bytes[i] ?? 0) + 1) & 0xff;
    bytes[i] = next;
    if (next !== 0) return;
  }
}
