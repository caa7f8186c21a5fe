/**
 * The bytes of a router's adverts, kept from one to the next: they change with its settings, its
 * source, whom it speaks to and what checksums these want, and otherwise never.
 *
 * @module
 */

import { checksumOf, outgoingPackets, type Router, type RouterSettings } from "../vrrp/mod.ts";
import type { Destination } from "./reach.ts";

/** One packet, and where it goes. */
export interface Outgoing {
  readonly packet: Uint8Array<ArrayBuffer>;
  readonly destination: Destination;
}

export class EncodedAdverts {
  /** Encoded adverts by priority, made anew when anything in them changes. */
  #adverts = new Map<number, readonly Outgoing[]>();
  #encodedFrom: {
    settings: RouterSettings;
    source: string | null;
    destinations: readonly Destination[];
    checksums: string;
  } | null = null;

  /** The packets of one advert: two for each destination where version 2 is spoken as well. */
  of(
    router: Router,
    priority: number,
    destinations: readonly Destination[],
  ): readonly Outgoing[] {
    const { settings, source } = router;
    const checksums = checksumsTo(router, destinations);
    const from = this.#encodedFrom;
    if (
      from === null || from.settings !== settings || from.source !== source ||
      from.destinations !== destinations || from.checksums !== checksums
    ) {
      this.#adverts.clear();
      this.#encodedFrom = { settings, source, destinations, checksums };
    }
    let packets = this.#adverts.get(priority);
    if (packets === undefined) {
      packets = destinations.flatMap((destination) =>
        outgoingPackets(router, priority, destination.address, destination.ttl)
          .map((packet) => ({ packet, destination }))
      );
      this.#adverts.set(priority, packets);
    }
    return packets;
  }
}

/** The rules of the checksums to each destination. */
function checksumsTo(router: Router, destinations: readonly Destination[]): string {
  if (!router.settings.unicast) return router.checksum.sending;
  return destinations.map(({ address }) => checksumOf(router, address)).join();
}
