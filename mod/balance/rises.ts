/**
 * Slow start: a real server that comes back into use begins with weight 1 and has its full weight
 * after its time. Where the others have gone meanwhile it takes everything all the same: weights
 * are shares.
 *
 * @module
 */

import { risenWeight, tickAfter } from "./real_server.ts";
import { touch, type Turn, wakeAt } from "./turn.ts";
import type { Micros, RealServerEntry, VirtualServerEntry } from "./types.ts";

/** Lets the weight of a real server rise, where it is to rise. */
export function rise(
  turn: Turn,
  server: VirtualServerEntry,
  real: RealServerEntry,
  since: Micros = turn.now,
): void {
  const end = since + real.settings.slowStart;
  if (turn.now >= end) return endRise(turn, real);
  real.risingSince = since;
  turn.balance.rising.set(real, server);
  wakeAt(turn.balance, Math.min(tickAfter(turn.now), end));
}

/** It has its full weight, or none. */
export function endRise({ balance }: Turn, real: RealServerEntry): void {
  real.risingSince = null;
  balance.rising.delete(real);
}

/** What time has brought. */
export function riseOn(turn: Turn): void {
  const { balance, now } = turn;
  for (const [real, server] of balance.rising) {
    rise(turn, server, real, real.risingSince ?? now);
    if (real.placed !== null && risenWeight(real, now) !== real.placed) touch(turn, server, real);
  }
}
