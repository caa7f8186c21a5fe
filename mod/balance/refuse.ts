/**
 * What cannot be wanted of virtual and real servers. Configurations, and lists of real servers, are
 * checked before they come here (`halb check`); another process may hand over what it likes.
 *
 * @module
 */

import {
  destinationAt,
  destinationName,
  type RealServer,
  servedBy,
  type ServiceKey,
} from "../ipvs/mod.ts";
import type { Decoded } from "../netlink/mod.ts";
import type { RealServerSettings, VirtualServerSettings } from "./settings.ts";
import { sampleKeys } from "./wanted.ts";

/** What is wrong with a configuration, in words; `null`: nothing. */
export function refuseServers(servers: readonly VirtualServerSettings[]): string | null {
  const names = new Set<string>();
  for (const settings of servers) {
    const { name } = settings;
    if (names.has(name)) return `two virtual servers have the name "${name}"`;
    names.add(name);
    const wrong = refuseServer(settings);
    if (wrong !== null) return `virtual server "${name}": ${wrong}`;
  }
  return null;
}

function refuseServer(settings: VirtualServerSettings): string | null {
  const { quorum, hysteresis, sorryServer, servers, listen } = settings;
  if (!isWhole(quorum) || quorum < 1) return `the quorum is ${quorum}`;
  if (!isWhole(hysteresis) || hysteresis >= quorum) {
    return `the hysteresis ${hysteresis} is not less than the quorum ${quorum}`;
  }
  if (listen.length === 0) return "it listens nowhere";
  const places = new Places(sampleKeys(listen));
  for (const real of servers) {
    const wrong = places.take(real);
    if (wrong !== null) return `real server "${real.name}": ${wrong}`;
  }
  if (sorryServer === null) return null;
  const sorry = destinationNames(places.keys, sorryServer.server);
  return sorry.ok ? null : `sorry server: ${sorry.reason}`;
}

/** The names and destinations of one virtual server that are taken already. */
class Places {
  readonly #names = new Set<string>();
  readonly #destinations = new Set<string>();

  /** @param keys services that stand for all of the virtual server's */
  constructor(readonly keys: readonly ServiceKey[]) {}

  /** Takes a place for a real server. @returns why it cannot have one; `null`: it has it */
  take(real: RealServerSettings): string | null {
    const { name, server, slowStart, drainTimeout, require } = real;
    if (this.#names.has(name)) return "it is there already";
    if (!isWhole(slowStart)) return `its slow start lasts ${slowStart} µs`;
    if (!isWhole(drainTimeout)) return `its drain lasts ${drainTimeout} µs`;
    if (typeof require === "number" && (!isWhole(require) || require < 1)) {
      return `${require} of its checks are required`;
    }
    const destinations = destinationNames(this.keys, server);
    if (!destinations.ok) return destinations.reason;
    if (destinations.value.some((one) => this.#destinations.has(one))) {
      return "another one has its address and port";
    }
    this.#names.add(name);
    for (const one of destinations.value) this.#destinations.add(one);
    return null;
  }
}

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/**
 * What a real server is within each of these services that it belongs to; refused where it cannot
 * be in one of them.
 */
function destinationNames(keys: readonly ServiceKey[], server: RealServer): Decoded<string[]> {
  const names: string[] = [];
  for (const key of servedBy(keys, server)) {
    const destination = destinationAt(key, server);
    if (!destination.ok) return destination;
    const service = `${key.family} ${"mark" in key ? 0 : key.port}`;
    names.push(`${service} ${destinationName(destination.value.key)}`);
  }
  return { ok: true, value: names };
}

/** Whether two real servers cannot both be in the table. */
export function areTwins(keys: readonly ServiceKey[], a: RealServer, b: RealServer): boolean {
  const [left, right] = [destinationNames(keys, a), destinationNames(keys, b)];
  return left.ok && right.ok && left.value.some((name) => right.value.includes(name));
}
