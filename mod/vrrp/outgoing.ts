/**
 * What one "send" effect means on the wire: usually one packet; two where a version 3 router also
 * talks to version 2 routers.
 *
 * RFC 9568 section 8.4.2: such a master "MUST send both types at the configured rate, even if
 * sub-second". Version 2 states whole seconds, and its routers discard adverts whose interval is
 * not theirs: so ours is rounded up there. A version 2 peer has to be configured with that value;
 * it then waits longer than it would have to, never too short. Section 8.4.3 leaves two things to
 * the operator: such a peer should not have a higher priority than routers with sub-second
 * intervals, and may be overwhelmed by them.
 *
 * @module
 */

import { type OutgoingAdvertisement, VRRP_GROUP_IPV4, VRRP_GROUP_IPV6 } from "./message.ts";
import { encodeAdvertisement } from "./packet.ts";
import { encodeAdvertisement6 } from "./packet6.ts";
import { version2Interval } from "./timers.ts";
import { checksumOf } from "./peers.ts";
import type { Router } from "./types.ts";

/**
 * The packets of one advertisement of `router`, in the order to send them: IPv4 packets with their
 * IP header, or IPv6 messages without. Version 3 comes first, so that whoever understands both
 * ignores the copy in version 2 from the beginning.
 *
 * They depend on the settings, the source, the checksum rule (`checksumOf`), the priority and the
 * destination alone: a driver may keep them until one of these changes.
 *
 * @param priority 0 to 255, from the effect
 * @param destination a unicast peer or another group; default: the group of the family
 * @param ttl of IPv4 packets, 1 to 255
 * @throws {RangeError} when the router has no source address, or a value does not fit its field
 */
export function outgoingPackets(
  router: Router,
  priority: number,
  destination?: string,
  ttl = 255,
): Uint8Array<ArrayBuffer>[] {
  const { settings, source } = router;
  if (source === null) {
    throw new RangeError(`Cannot encode advertisement: router ${settings.name} has no source`);
  }
  const ipv6 = settings.family === "ipv6";
  const advert: OutgoingAdvertisement = {
    source,
    destination: destination ?? (ipv6 ? VRRP_GROUP_IPV6 : VRRP_GROUP_IPV4),
    virtualRouterId: settings.virtualRouterId,
    priority,
    interval: settings.advertisementInterval,
    addresses: settings.addresses,
    checksum: checksumOf(router, destination),
    ttl,
  };
  if (ipv6) return [encodeAdvertisement6(advert)];
  const packets = [encodeAdvertisement({ ...advert, version: settings.version })];
  if (settings.version === 3 && settings.version2) {
    const interval = version2Interval(settings.advertisementInterval);
    packets.push(encodeAdvertisement({ ...advert, version: 2, interval }));
  }
  return packets;
}
