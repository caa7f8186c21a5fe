/** Random services, destinations and tables, of the kind that the kernel accepts. */

import {
  type Destination,
  destinationName,
  type Family,
  netmaskOf,
  refuseDestination,
  refuseService,
  type Service,
  type ServiceKey,
  serviceName,
  type Table,
  type TableEntry,
  type Tunnel,
} from "../../../mod/ipvs/mod.ts";
import type { Random } from "../../lib/random.ts";

const SCHEDULERS = ["rr", "wrr", "lc", "wlc", "sh", "mh", "dh", "fo", "ovf", "sed", "nq", "lblc"];

export function randomAddress(random: Random, family: Family): string {
  if (family === 4) return `198.51.100.${random.int(1, 254)}`;
  return `2001:db8::${random.int(1, 0xffff).toString(16)}`;
}

export function randomKey(random: Random): ServiceKey {
  const family = random.chance(0.5) ? 4 : 6;
  if (random.chance(0.2)) return { family, mark: random.int(1, 0xffffffff) };
  const protocol = random.pick(["tcp", "udp", "sctp"] as const);
  return { family, protocol, address: randomAddress(random, family), port: random.int(1, 65535) };
}

export function randomService(random: Random, key: ServiceKey): Service {
  const udp = "protocol" in key && key.protocol === "udp";
  const persistent = random.chance(0.4);
  const length = random.int(1, key.family === 4 ? 32 : 128);
  const service = {
    key,
    scheduler: random.pick(SCHEDULERS),
    schedulerFlags: random.int(0, 7),
    onePacket: udp && random.chance(0.3),
    persistence: persistent
      ? { timeout: random.int(1, 31 * 86400), netmask: netmaskOf(key.family, length) }
      : null,
    engine: udp && persistent && random.chance(0.5) ? "sip" : "",
  };
  const wrong = refuseService(service);
  if (wrong !== undefined) throw new Error(`Not a service that should be made: ${wrong}`);
  return service;
}

function randomTunnel(random: Random): Tunnel {
  const type = random.pick(["ipip", "gue", "gre"] as const);
  const most = { ipip: 0, gre: 1, gue: 2 }[type];
  return { type, port: type === "gue" ? random.int(1, 65535) : 0, flags: random.int(0, most) };
}

export function randomDestination(random: Random, service: ServiceKey): Destination {
  const other = random.chance(0.1);
  const family = other ? (service.family === 4 ? 6 : 4) : service.family;
  const forward = other ? "tunnel" : random.pick(["nat", "direct", "tunnel"] as const);
  const upperThreshold = random.chance(0.3) ? random.int(1, 0xffffffff) : 0;
  const destination = {
    key: { family, address: randomAddress(random, family), port: random.int(0, 65535) },
    forward,
    tunnel: forward === "tunnel" ? randomTunnel(random) : null,
    weight: random.chance(0.25) ? 0 : random.int(1, 65535),
    upperThreshold,
    lowerThreshold: random.int(0, upperThreshold),
  } as const;
  const wrong = refuseDestination(service, destination);
  if (wrong !== undefined) throw new Error(`Not a destination that should be made: ${wrong}`);
  return destination;
}

/** A few services to choose from, so that two random tables have some in common. */
export function randomTable(random: Random, keys: readonly ServiceKey[], most: number): Table {
  const table = new Map<string, TableEntry>();
  for (const key of keys) {
    if (random.chance(0.4)) continue;
    const destinations = new Map<string, Destination>();
    for (let i = random.int(0, most); i > 0; i--) {
      const destination = randomDestination(random, key);
      // Few addresses, so that two tables have some in common.
      const address = destination.key.family === 4 ? "198.51.100." : "2001:db8::";
      const few = { ...destination.key, address: address + random.int(1, most + 2), port: 80 };
      destinations.set(destinationName(few), { ...destination, key: few });
    }
    table.set(serviceName(key), { service: randomService(random, key), destinations });
  }
  return table;
}
