/**
 * What follows from a change: states, sums and quorums, the wanted table, announcements.
 *
 * @module
 */

import { endDrain } from "./drains.ts";
import { isFoundDown, shareOf, stateOf } from "./real_server.ts";
import { endRise, rise } from "./rises.ts";
import { eachOf } from "../steps/mod.ts";
import { tell, type Turn } from "./turn.ts";
import type { BalanceEffect, RealServerEntry, VirtualServerEntry } from "./types.ts";
import { sameValue } from "../values/mod.ts";
import { isSorry, placeOf, wantedOf } from "./wanted.ts";

/** Real servers of one step. */
const STEP = 128;

/** Draws the consequences of a turn, in steps. */
export function* settling(turn: Turn): Generator<void, BalanceEffect[]> {
  const announced: BalanceEffect[] = [];
  const quorums: BalanceEffect[] = [];
  for (const [server, { some, before, created }] of turn.touched) {
    const { name } = server.settings;
    const all = before !== undefined;
    const sorry = isSorry(server);
    yield* eachOf(
      all ? server.servers.values() : some,
      STEP,
      (real) => settleReal(turn, server, real),
    );
    if (settleQuorum(turn, server, created)) {
      const { met } = server;
      quorums.push({ type: "quorum", server: name, met, reason: quorumReason(server) });
    }
    // Whether the sorry server is in decides for all others.
    const replaced = sorry !== isSorry(server);
    // Not what somebody happens to have asked for: the decision is to be the same without.
    const old = all ? before : replaced ? wantedOf(server, sorry) : null;
    let changed = replaced;
    yield* eachOf(all || replaced ? server.servers.values() : some, STEP, (real) => {
      const placed = placeOf(server, real, turn.now);
      // Behind the sorry server that it is, too, nobody sees it.
      changed ||= placed !== real.placed && !(real.twin && sorry);
      real.placed = placed;
    });
    if (all || replaced) {
      server.wanted = null;
      const after = wantedOf(server);
      if (!sameValue(old, after)) turn.programmed.add(name);
      // The same value as long as nothing has changed.
      else server.wanted = old;
    } else if (changed) {
      server.wanted = null;
      if (server.active) turn.programmed.add(name);
    }
    const announce = server.settings.announce && server.active && server.met;
    if (announce !== server.announced) {
      server.announced = announce;
      const list = announce ? announced : turn.withdrawn;
      list.push({ type: "announce", server: name, announced: announce });
    }
  }
  const programs: BalanceEffect[] = turn.programmed.size === 0
    ? []
    : [{ type: "program", servers: [...turn.programmed] }];
  return [...turn.withdrawn, ...programs, ...announced, ...quorums, ...turn.steps, ...turn.answers];
}

/** Health, drain and slow start of one real server, and what it contributes. */
function settleReal(turn: Turn, server: VirtualServerEntry, real: RealServerEntry): void {
  // One that fails goes out as any other does: nothing is left to wait for.
  if (!real.healthy && real.settings.onFailure === "remove") endDrain(turn, server, real);
  const state = stateOf(real);
  const decided = real.undecided && (state !== "down" || isFoundDown(turn.balance, real));
  if (decided) real.undecided = false;
  if (state !== real.state || decided) {
    const from = state === real.state ? {} : { from: real.state };
    if (state !== real.state) {
      real.state = state;
      real.since = turn.now;
      real.transitions++;
    }
    const reason = state === "draining" ? "an operator has ordered it" : real.reason;
    const { name: realServer } = real.settings;
    tell(turn, server, { kind: "real_server", realServer, ...from, state, reason });
  }
  const share = shareOf(real);
  const others = server.total - real.share;
  // Where nobody else is there to take the load, a low weight spares nobody anything.
  if (share > 0 && real.share === 0 && others > 0) rise(turn, server, real);
  else if (share === 0 && real.risingSince !== null) endRise(turn, real);
  server.total = others + share;
  real.share = share;
}

/** Whether the quorum is met. @returns whether that is new */
function settleQuorum(turn: Turn, server: VirtualServerEntry, created: boolean): boolean {
  const { quorum, hysteresis } = server.settings;
  const met = server.met
    ? server.total >= quorum - hysteresis
    : server.total >= quorum + hysteresis;
  if (met === server.met) return created;
  server.met = met;
  server.since = turn.now;
  server.transitions++;
  tell(turn, server, { kind: "quorum", met, reason: quorumReason(server) });
  return true;
}

/** How the quorum stands, in words. */
export function quorumReason({ total, met, settings }: VirtualServerEntry): string {
  const { quorum, hysteresis } = settings;
  const range = hysteresis === 0
    ? ""
    : ` (met at ${quorum + hysteresis}, lost below ${quorum - hysteresis})`;
  return `the weight that is up is ${total}, ${
    met ? "" : "not "
  }enough for quorum ${quorum}${range}`;
}
