/**
 * One advert of a router, to everybody who is to hear it: encoded, authenticated, sent, counted.
 *
 * @module
 */

import type { EncodedAdverts } from "./encoded_adverts.ts";
import type { RouterEntry, Surroundings } from "./router_entry.ts";

/** What is needed of a router. */
type Speaker = Pick<RouterEntry, "name" | "config" | "router" | "reach" | "sender" | "guard">;

/**
 * Sends an advert. Returns whether anybody may hear it.
 *
 * @param priority 0 to 255
 * @param now on CLOCK_MONOTONIC; of no account where nothing is authenticated
 */
export function sendAdvert(
  speaker: Speaker,
  adverts: EncodedAdverts,
  priority: number,
  { counters, log }: Pick<Surroundings, "counters" | "log">,
  now: number,
): boolean {
  const { sender, guard, router, reach, name } = speaker;
  const { slot } = speaker.config;
  const { source } = router;
  const fail = (level: "warning" | "error", what: string, more = {}): void => {
    counters.add(slot, "send_errors");
    log.log(level, ["vrrp", name], what, more);
  };
  if (sender === null || source === null) {
    counters.add(slot, "send_errors");
    return false;
  }
  let sent = false;
  for (const { packet, destination } of adverts.of(router, priority, reach.destinations)) {
    let sealed: Uint8Array<ArrayBuffer> | null = packet;
    if (guard !== null) {
      try {
        sealed = guard.seal(packet, router.settings.family, source, now);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        fail("error", error.message);
        continue;
      }
    }
    if (sealed === null) {
      counters.add(slot, "send_errors");
      continue;
    }
    const result = sender.send(sealed, source, destination);
    if (result >= 0) {
      sent = true;
      continue;
    }
    // One peer that cannot be reached says nothing about the others.
    const peer = destination.unicast ? { peer: destination.address } : {};
    fail("warning", "Cannot send advertisement", { errno: -result, ...peer });
  }
  if (!sent) return false;
  counters.add(slot, "advertisements_sent");
  if (priority === 0) counters.add(slot, "priority_zero_sent");
  return true;
}
