/**
 * Where the real servers of one virtual server are to the kernel: each has a destination in each of
 * the services, and no two have the same one.
 *
 * @module
 */

import type { Decoded } from "../netlink/mod.ts";
import { destinationName, type ServiceKey } from "./model.ts";
import { destinationAt, familyOfListen, type Listen, type RealServer, servedBy } from "./table.ts";

/**
 * Services that stand for all of a virtual server's when it comes to what may be a real server of
 * theirs: that depends on family and port alone. The first of each; marks have port 0.
 */
export function sampleServices(listen: readonly Listen[]): ServiceKey[] {
  const services = new Map<string, ServiceKey>();
  for (const one of listen) {
    const family = familyOfListen(one);
    const kind = `${family} ${"mark" in one ? "mark" : one.port}`;
    if (services.has(kind)) continue;
    services.set(
      kind,
      "mark" in one
        ? one
        : { family, protocol: one.protocol, address: one.address, port: one.port },
    );
  }
  return [...services.values()];
}

/**
 * The destinations of a real server within those of the services that it belongs to, in words;
 * refused where it cannot be in one of them.
 */
export function placesOf(services: readonly ServiceKey[], server: RealServer): Decoded<string[]> {
  const places: string[] = [];
  for (const service of servedBy(services, server)) {
    const destination = destinationAt(service, server);
    if (!destination.ok) return destination;
    const port = "mark" in service ? "mark" : service.port;
    places.push(`${service.family} ${port} ${destinationName(destination.value.key)}`);
  }
  return { ok: true, value: places };
}

/** Places that are taken, and by whom. */
export class TakenPlaces {
  readonly services: readonly ServiceKey[];
  readonly #taken = new Map<string, string>();

  /** @param listen where the virtual server listens */
  constructor(listen: readonly Listen[]) {
    this.services = sampleServices(listen);
  }

  /**
   * Gives a real server its places.
   *
   * @returns who has one of them already: then it has none; `null`: nobody; refused where it cannot
   * be in one of the services
   */
  take(server: RealServer, name: string): Decoded<string | null> {
    const places = placesOf(this.services, server);
    if (!places.ok) return places;
    for (const place of places.value) {
      const owner = this.#taken.get(place);
      if (owner !== undefined) return { ok: true, value: owner };
    }
    for (const place of places.value) this.#taken.set(place, name);
    return { ok: true, value: null };
  }
}
