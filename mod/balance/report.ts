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
  VirtualServerMemory,
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
  reals: Iterable<RealServerEntry> = server.servers.values(),
  counted = true,
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
    counters: active && counted ? statistics.server(name) : null,
    servers: Array.from(reals, (real) => reportReal(name, real, now, statistics)),
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
    servers: Array.from(balance.servers.values(), (server) => rememberServer(server)),
    checks: [...balance.findings.values()],
  };
}

function rememberServer(
  { settings, met, since, transitions, servers }: VirtualServerEntry,
  reals: readonly RealServerEntry[] = [...servers.values()],
): VirtualServerMemory {
  return {
    name: settings.name,
    met,
    since,
    transitions,
    servers: reals.map((real) => ({
      name: real.settings.name,
      up: real.healthy,
      since: real.since,
      transitions: real.transitions,
      override: real.override,
      drain: real.drain === null ? null : { ...real.drain },
      risingSince: real.risingSince,
    })),
  };
}

/** A part of how everything stands, and of what is remembered. */
export interface BalanceSlice {
  /** In order; of one that goes on in the next slice some of the real servers. */
  readonly servers: readonly VirtualServerReport[];
  readonly memory: MachineMemory;
}

/**
 * The same as `reportBalance` and `rememberBalance` in parts, for many thousands of servers: each
 * part tells how things are when it is asked for. Void once `revision` is another one.
 *
 * @param size real servers, or findings of checks, in a part; at least 1
 */
export function* sliceBalance(
  balance: Balance,
  now: Micros,
  statistics: Statistics = NONE,
  size: number,
): Generator<BalanceSlice, void> {
  let [servers, remembered]: [VirtualServerReport[], VirtualServerMemory[]] = [[], []];
  let count = 0;
  for (const server of balance.servers.values()) {
    const all = [...server.servers.values()];
    for (let from = 0; from === 0 || from < all.length;) {
      const some = all.slice(from, from + size - count);
      // A range may be many services: the first part alone has their sum.
      servers.push(reportServer(server, now, statistics, some, from === 0));
      remembered.push(rememberServer(server, some));
      from += some.length;
      count += Math.max(1, some.length);
      if (count >= size) {
        yield { servers, memory: { servers: remembered, checks: [] } };
        [servers, remembered, count] = [[], [], 0];
      }
      if (all.length === 0) break;
    }
  }
  const findings = [...balance.findings.values()];
  for (let from = 0; from === 0 || from < findings.length; from += size) {
    yield { servers, memory: { servers: remembered, checks: findings.slice(from, from + size) } };
    [servers, remembered] = [[], []];
  }
}

/** One slice of several in a row. */
export function joinSlices(slices: readonly BalanceSlice[]): BalanceSlice {
  return {
    servers: joinPieces(slices.flatMap(({ servers }) => servers), (whole, more) => ({
      ...whole,
      servers: [...whole.servers, ...more.servers],
    })),
    memory: {
      servers: joinPieces(slices.flatMap(({ memory }) => memory.servers), (whole, more) => {
        return { ...whole, servers: [...whole.servers, ...more.servers] };
      }),
      checks: slices.flatMap(({ memory }) => memory.checks),
    },
  };
}

/** Neighbours of one name become one. */
function joinPieces<T extends { readonly name: string }>(
  pieces: readonly T[],
  join: (whole: T, more: T) => T,
): T[] {
  const all: T[] = [];
  for (const piece of pieces) {
    const last = all.at(-1);
    if (last?.name === piece.name) all[all.length - 1] = join(last, piece);
    else all.push(piece);
  }
  return all;
}
