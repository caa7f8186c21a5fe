/**
 * All virtual servers: which real servers are in use, with which weight, whether the quorum is
 * met, and what follows from it. `step(balance, event, now)` takes what was heard and returns what
 * is to be done; what is wanted of the kernel's table is `wantedServer` of each.
 *
 * - The quorum counts the weight that is up: of each real server that is healthy and not drained
 *   the weight that its configuration or an operator gives it, lowered by what its checks report;
 *   a slow start counts in full. At its beginning a virtual server's quorum is met by itself,
 *   hysteresis is for what comes afterwards.
 * - Without its quorum a virtual server with a sorry server has that one alone; those that are
 *   being drained stay with weight 0, so that their connections end in peace. One without a sorry
 *   server goes on with what is left.
 * - A virtual server that follows a router which is not master here is not in the table. Health,
 *   quorum, drains and slow starts go on.
 * - A drain outlives whatever happens to the real server but for its failure: where one that fails
 *   is removed, its drain is over. It stays out of the table until `undrain`.
 *
 * @module
 */

import type { CheckFinding } from "../check/board.ts";
import { configuring, isFollowed, tellActive } from "./configure.ts";
import { atOnce } from "../steps/mod.ts";
import { counted, endLateDrains, order, toCount } from "./drains.ts";
import { judge, TICK } from "./real_server.ts";
import { riseOn } from "./rises.ts";
import { settling } from "./settle.ts";
import { createTurn, touch, touchWhole, type Turn } from "./turn.ts";
import type { Balance, BalanceEffect, BalanceEvent, Micros } from "./types.ts";
import { sameValue } from "../values/mod.ts";

/** A machine without virtual servers. */
export function createBalance(): Balance {
  return {
    revision: 0,
    servers: new Map(),
    held: new Set(),
    findings: new Map(),
    users: new Map(),
    rising: new Map(),
    draining: new Map(),
    tick: 0,
    due: Infinity,
    timer: { generation: 0, at: null },
    remembered: null,
  };
}

/** One event. @throws {RangeError} where a configuration makes no sense; nothing has changed then */
export function step(balance: Balance, event: BalanceEvent, now: Micros): BalanceEffect[] {
  return atOnce(stepping(balance, event, now));
}

/** The same in steps: between them the machine is to hear nothing and to be asked nothing. */
export function* stepping(
  balance: Balance,
  event: BalanceEvent,
  now: Micros,
): Generator<void, BalanceEffect[]> {
  const turn = createTurn(balance, now);
  if (event.type === "configure") yield* configuring(turn, event.servers, event.checks);
  const counts = event.type === "configure" ? null : hear(turn, event);
  const effects = yield* settling(turn);
  if (counts !== null) effects.push(counts);
  const { timer, due } = balance;
  // A timer that fires too early costs a glance; moving it all the time would cost more.
  if (due < (timer.at ?? Infinity)) {
    balance.timer = { generation: timer.generation + 1, at: due };
    effects.push({ type: "timer", generation: timer.generation + 1, at: due });
  }
  return effects;
}

function hear(
  turn: Turn,
  event: Exclude<BalanceEvent, { type: "configure" }>,
): BalanceEffect | null {
  switch (event.type) {
    case "restore":
      turn.balance.remembered = event.memory;
      for (const finding of event.memory.checks) turn.balance.findings.set(finding.check, finding);
      return null;
    case "check":
      find(turn, event.finding);
      return null;
    case "holding":
      hold(turn, event.holding, event.held);
      return null;
    case "order": {
      const { server, realServer, what } = event;
      const refused = order(turn, server, realServer, what);
      turn.answers.push({ type: "ordered", server, realServer, refused });
      return null;
    }
    case "connections":
      counted(turn, event.counts);
      return null;
    case "timer":
      return event.generation === turn.balance.timer.generation ? pass(turn) : null;
  }
}

function find(turn: Turn, finding: CheckFinding): void {
  const { findings, users } = turn.balance;
  if (sameValue(findings.get(finding.check), finding)) return;
  findings.set(finding.check, finding);
  for (const [server, real] of users.get(finding.check) ?? []) {
    judge(turn.balance, real);
    touch(turn, server, real);
  }
}

function hold(turn: Turn, holding: string, held: boolean): void {
  const { balance } = turn;
  if (held) balance.held.add(holding);
  else balance.held.delete(holding);
  for (const server of balance.servers.values()) {
    if (!server.settings.follow.includes(holding)) continue;
    const active = isFollowed(balance, server.settings);
    if (active === server.active) continue;
    touchWhole(turn, server);
    server.active = active;
    tellActive(turn, server);
  }
}

/** Time has passed. @returns what is to be counted */
function pass(turn: Turn): BalanceEffect | null {
  const { balance, now } = turn;
  balance.timer = { ...balance.timer, at: null };
  balance.due = Infinity;
  riseOn(turn);
  endLateDrains(turn);
  const tick = Math.floor(now / TICK);
  if (tick <= balance.tick) return null;
  balance.tick = tick;
  const servers = toCount(turn);
  return servers.length === 0 ? null : { type: "count", servers };
}
