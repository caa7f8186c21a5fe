/**
 * What one advertisement is on the wire and after it: encoded and decoded by the real codec, once for
 * each priority, since nothing else of it changes from one to the next.
 *
 * @module
 */

import { parseIp } from "../ip/mod.ts";
import {
  type Advertisement,
  checksumOf,
  decodeAdvertisement,
  decodeAdvertisement6,
  type DropReason,
  outgoingPackets,
  type Router,
  VRRP_GROUP_IPV6,
} from "../vrrp/mod.ts";

/** One packet as every receiver that speaks its version understands it. */
export interface Carried {
  readonly version: 2 | 3;
  readonly advertisement: Advertisement;
}

/** The packets of one router. */
export class Adverts {
  #settings: Router["settings"] | null = null;
  #source: string | null = null;
  readonly #known = new Map<string, readonly Carried[]>();

  /** @param destination a unicast peer; absent: a group @throws {Error} where the codec refuses it */
  of(router: Router, priority: number, destination?: string): readonly Carried[] {
    const { settings, source } = router;
    if (settings !== this.#settings || source !== this.#source) {
      this.#known.clear();
      this.#settings = settings;
      this.#source = source;
    }
    const key = `${priority} ${checksumOf(router, destination)} ${destination ?? ""}`;
    let known = this.#known.get(key);
    if (known === undefined) {
      known = outgoingPackets(router, priority, destination).map((bytes) =>
        decode(router, bytes, destination)
      );
      this.#known.set(key, known);
    }
    return known;
  }
}

function decode(
  { settings, source }: Router,
  bytes: Uint8Array,
  peer = VRRP_GROUP_IPV6,
): Carried {
  const { family, version2 } = settings;
  const version = (bytes[family === "ipv6" ? 0 : 20]! >> 4) as 2 | 3;
  const options = { verifyChecksum: true, version: settings.version, version2 };
  const decoded = family === "ipv4"
    ? decodeAdvertisement(bytes, bytes.length, options)
    : decodeAdvertisement6(
      bytes,
      bytes.length,
      { source: parseIp(source!)!, destination: parseIp(peer)!, hopLimit: 255 },
      options,
    );
  if (decoded.ok) return { version, advertisement: decoded.advertisement };
  const reason: DropReason = decoded.drop;
  throw new Error(`An advert of ${settings.name} is not understood: ${reason}`);
}
