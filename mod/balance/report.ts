/**
 * How everything stands, for status and metrics, and what is remembered for the next life.
 *
 * @module
 */

import type { Counters } from "../ipvs/mod.ts";
import { risenWeight, shareOf } from "./real_server.ts";
import type {
  Balance,
  MachineMemory,
  Micros,
  RealServerEntry,
  RealServerReport,
  VirtualServerEntry,
  VirtualServerReport,
} from "./types.ts";
import { isSorry } from "./wanted.ts";

/** What the kernel has counted, as far as it is known. */
export interface Statistics {
  /** Over all services of a virtual server. */
  server(name: string): Counters | null;
  /** Over all services of its virtual server. */
  realServer(server: string, name: string): {
    readonly connections: { readonly active: number; readonly inactive: number };
    readonly counters: Counters;
  } | null;
}

const NONE: Statistics = { server: () => null, realServer: () => null };

/** How all virtual servers stand, in the order of their configuration. */
export function reportBalance(
  balance: Balance,
  now: Micros,
  statistics: Statistics = NONE,
): VirtualServerReport[] {
  return [...balance.servers.values()].map((server) => reportServer(server, now, statistics));
}

function reportServer(
  server: VirtualServerEntry,
  now: Micros,
  statistics: Statistics,
): VirtualServerReport {
  const { settings, active, met, total, since, transitions } = server;
  const { name, quorum } = settings;
  return {
    name,
    active,
    quorum: { required: quorum, current: total, met },
    sorryServerActive: active && isSorry(server),
    since,
    transitions,
    counters: active ? statistics.server(name) : null,
    servers: [...server.servers.values()].map((real) => reportReal(name, real, now, statistics)),
  };
}

function reportReal(
  server: string,
  real: RealServerEntry,
  now: Micros,
  statistics: Statistics,
): RealServerReport {
  const { settings, override, state, reason, since, transitions, drain, placed } = real;
  const said = placed === null ? null : statistics.realServer(server, settings.name);
  return {
    name: settings.name,
    weight: settings.server.weight,
    effectiveWeight: shareOf(real) === 0 ? 0 : risenWeight(real, now),
    override,
    state,
    reason,
    since,
    transitions,
    drain: drain === null ? null : { since: drain.since, until: drain.until, done: drain.done },
    connections: said?.connections ?? (placed === null ? null : drain?.counted ?? null),
    counters: said?.counters ?? null,
  };
}

/** What is remembered. */
export function rememberBalance(balance: Balance): MachineMemory {
  return {
    servers: [...balance.servers.values()].map(({ settings, met, since, transitions, servers }) => {
      return {
        name: settings.name,
        met,
        since,
        transitions,
        servers: [...servers.values()].map((real) => ({
          name: real.settings.name,
          up: real.healthy,
          since: real.since,
          transitions: real.transitions,
          override: real.override,
          drain: real.drain === null ? null : { ...real.drain },
          risingSince: real.risingSince,
        })),
      };
    }),
    checks: [...balance.findings.values()],
  };
}
