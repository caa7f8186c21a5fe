/**
 * Draining: a real server gets no new connections, and leaves the table when its last one has
 * ended, or its time is over.
 *
 * @module
 */

import { GREATEST_WEIGHT } from "../ipvs/mod.ts";
import { judge, TICK, tickAfter } from "./real_server.ts";
import { tell, touch, type Turn, wakeAt } from "./turn.ts";
import type {
  BalanceOrder,
  ConnectionCount,
  Micros,
  RealServerEntry,
  VirtualServerEntry,
} from "./types.ts";

/** An operator's order. @returns why it is refused, in words; `null`: it is done */
export function order(
  turn: Turn,
  name: string,
  realName: string,
  what: BalanceOrder,
): string | null {
  const server = turn.balance.servers.get(name);
  if (server === undefined) return `there is no virtual server "${name}"`;
  const real = server.servers.get(realName);
  if (real === undefined) return `"${name}" has no real server "${realName}"`;
  switch (what.order) {
    case "drain":
      return drain(turn, server, real, what.timeout ?? real.settings.drainTimeout);
    case "undrain":
      if (real.drain === null) return `"${realName}" of "${name}" is not draining`;
      real.drain = null;
      turn.balance.draining.delete(real);
      break;
    case "weight": {
      const { weight } = what;
      if (weight !== null && !isWhole(weight, GREATEST_WEIGHT)) {
        return `the weight is ${weight}, not 0 to ${GREATEST_WEIGHT}`;
      }
      real.override = weight;
      judge(turn.balance, real);
    }
  }
  touch(turn, server, real);
  return null;
}

function isWhole(value: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= most;
}

function drain(
  turn: Turn,
  server: VirtualServerEntry,
  real: RealServerEntry,
  timeout: Micros,
): string | null {
  if (!isWhole(timeout, Number.MAX_SAFE_INTEGER)) return `the time limit is ${timeout}`;
  const until = timeout === 0 ? null : turn.now + timeout;
  if (real.drain === null) real.drain = { since: turn.now, until, done: false, counted: null };
  // What is out of the table has nothing to wait for.
  else if (!real.drain.done) real.drain.until = until;
  startDrain(turn, server, real);
  touch(turn, server, real);
  return null;
}

/** Watches over a drain that is not done. */
export function startDrain(turn: Turn, server: VirtualServerEntry, real: RealServerEntry): void {
  if (real.drain === null || real.drain.done) return;
  turn.balance.draining.set(real, server);
  wakeAt(turn.balance, Math.min(tickAfter(turn.now), real.drain.until ?? Infinity));
}

/** A drain is over: it leaves the table. */
export function endDrain(turn: Turn, server: VirtualServerEntry, real: RealServerEntry): void {
  turn.balance.draining.delete(real);
  if (real.drain === null || real.drain.done) return;
  real.drain.done = true;
  const connections = leftOf(server, real);
  tell(turn, server, { kind: "drained", realServer: real.settings.name, connections });
  touch(turn, server, real);
}

/** Drains whose time is over. */
export function endLateDrains(turn: Turn): void {
  for (const [real, server] of turn.balance.draining) {
    const until = real.drain?.until ?? Infinity;
    if (turn.now >= until) endDrain(turn, server, real);
    else wakeAt(turn.balance, Math.min(until, tickAfter(turn.now)));
  }
}

/** What the kernel has counted. */
export function counted(turn: Turn, counts: readonly ConnectionCount[]): void {
  for (const { server: name, realServer, active, inactive } of counts) {
    const server = turn.balance.servers.get(name);
    const real = server?.servers.get(realServer);
    if (server === undefined || real === undefined) continue;
    const { drain } = real;
    if (drain === null || drain.done || real.placed === null) continue;
    drain.counted = { active, inactive };
    // Handshakes that were under way when it began are not active yet.
    const settled = turn.now >= drain.since + TICK;
    if (settled && leftOf(server, real) === 0) endDrain(turn, server, real);
  }
}

/**
 * Connections that a drain waits for: of TCP and SCTP those that are established. The others have
 * been closed by both sides as a rule, and are kept for two minutes only so that late packets find
 * them. The kernel makes no such difference for datagrams, nor do we where any protocol may come.
 */
function leftOf({ settings }: VirtualServerEntry, { drain }: RealServerEntry): number {
  const { active, inactive } = drain?.counted ?? { active: 0, inactive: 0 };
  const all = settings.listen.some((listen) => "mark" in listen || listen.protocol === "udp");
  return all ? active + inactive : active;
}

/** Those whose connections are to be counted. */
export function toCount(turn: Turn): { readonly server: string; readonly realServer: string }[] {
  const list: { server: string; realServer: string }[] = [];
  for (const [{ settings, placed }, server] of turn.balance.draining) {
    if (placed !== null) list.push({ server: server.settings.name, realServer: settings.name });
  }
  return list;
}
