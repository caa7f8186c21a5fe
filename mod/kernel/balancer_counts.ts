/**
 * What the kernel has counted, by virtual and real server: a virtual server may be many services
 * of the kernel's, and a real server a destination of each.
 *
 * @module
 */

import type { ConnectionCount, Statistics, VirtualServerSettings } from "../balance/mod.ts";
import {
  type Counters,
  destinationNameAt,
  expandListen,
  type RealServer,
  type ServiceKey,
  serviceName,
} from "../ipvs/mod.ts";
import type { Scanned } from "./ipvs_scan.ts";

interface ListedService {
  readonly name: string;
  readonly key: ServiceKey;
}

interface RealCount {
  readonly connections: { readonly active: number; readonly inactive: number };
  readonly counters: Counters;
}

const ZERO: Counters = { connections: 0, packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0 };

/** Services of virtual servers, found out once for each configuration. */
export class BalancerNames {
  readonly #services = new WeakMap<VirtualServerSettings, readonly ListedService[]>();

  /** The services that a virtual server stands for. */
  services(settings: VirtualServerSettings): readonly ListedService[] {
    let services = this.#services.get(settings);
    if (services === undefined) {
      services = settings.listen.flatMap((listen) => {
        const keys = expandListen(listen);
        return keys.ok ? keys.value.map((key) => ({ name: serviceName(key), key })) : [];
      });
      this.#services.set(settings, services);
    }
    return services;
  }

  /** Names of the services of several; undefined: there is none of that name any more. */
  all(servers: Iterable<VirtualServerSettings | undefined>): string[] {
    return [...servers].flatMap((one) =>
      one === undefined ? [] : this.services(one).map(({ name }) => name)
    );
  }
}

/** Counters of one reading. */
export class BalancerCounts implements Statistics {
  readonly #found: Scanned;
  readonly #names: BalancerNames;
  readonly #settings: (server: string) => VirtualServerSettings | undefined;
  readonly #real: (server: string, realServer: string) => RealServer | undefined;

  constructor(
    found: Scanned,
    names: BalancerNames,
    settings: (server: string) => VirtualServerSettings | undefined,
    real: (server: string, realServer: string) => RealServer | undefined,
  ) {
    this.#found = found;
    this.#names = names;
    this.#settings = settings;
    this.#real = real;
  }

  server(name: string): Counters | null {
    const settings = this.#settings(name);
    if (settings === undefined) return null;
    let total: Counters | null = null;
    for (const service of this.#names.services(settings)) {
      const found = this.#found.get(service.name);
      if (found !== undefined) total = sum(total ?? ZERO, found.counters);
    }
    return total;
  }

  realServer(server: string, name: string): RealCount | null {
    const settings = this.#settings(server);
    const real = this.#real(server, name);
    if (settings === undefined || real === undefined) return null;
    let [seen, active, inactive, counters] = [false, 0, 0, ZERO];
    for (const service of this.#names.services(settings)) {
      const destinations = this.#found.get(service.name)?.destinations;
      if (destinations === undefined) continue;
      const found = destinations.get(destinationNameAt(service.key, real) ?? "");
      if (found === undefined) continue;
      seen = true;
      active += found.activeConnections;
      inactive += found.inactiveConnections;
      counters = sum(counters, found.counters);
    }
    return seen ? { connections: { active, inactive }, counters } : null;
  }

  /** Connections of some real servers; those that are not in the table have none. */
  connections(
    servers: readonly { readonly server: string; readonly realServer: string }[],
  ): ConnectionCount[] {
    return servers.map(({ server, realServer }) => {
      const count = this.realServer(server, realServer);
      return { server, realServer, ...(count?.connections ?? { active: 0, inactive: 0 }) };
    });
  }
}

function sum(a: Counters, b: Counters): Counters {
  return {
    connections: a.connections + b.connections,
    packetsIn: a.packetsIn + b.packetsIn,
    packetsOut: a.packetsOut + b.packetsOut,
    bytesIn: a.bytesIn + b.bytesIn,
    bytesOut: a.bytesOut + b.bytesOut,
  };
}
