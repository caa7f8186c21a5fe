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

function reportServer(
  server: VirtualServerEntry,
  now: Micros,
  statistics: Statistics,
  reals: readonly RealServerEntry[],
  counted: boolean,
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
    servers: reals.map((real) => reportReal(name, real, now, statistics)),
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
    ...(real.undecided ? { undecided: true } as const : {}),
    reason,
    since,
    transitions,
    drain: drain === null ? null : { since: drain.since, until: drain.until, done: drain.done },
    connections: said?.connections ?? (placed === null ? null : drain?.counted ?? null),
    counters: said?.counters ?? null,
  };
}

function rememberServer(
  { settings, met, since, transitions }: VirtualServerEntry,
  reals: readonly RealServerEntry[],
): VirtualServerMemory {
  return {
    name: settings.name,
    met,
    since,
    transitions,
    servers: reals.map((real) => ({
      name: real.settings.name,
      up: real.healthy,
      ...(real.undecided ? { undecided: true } as const : {}),
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
 * How all virtual servers stand, in the order of their configuration, and what is remembered; in
 * parts, for many thousands of servers: each part tells how things are when it is asked for. Void
 * once `revision` is another one.
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
    servers: joinPieces(slices.flatMap(({ servers }) => servers)),
    memory: {
      servers: joinPieces(slices.flatMap(({ memory }) => memory.servers)),
      checks: slices.flatMap(({ memory }) => memory.checks),
    },
  };
}

/** Neighbours of one name become one, with the real servers of all. */
function joinPieces<
  T extends { readonly name: string; readonly servers: readonly { readonly name: string }[] },
>(pieces: readonly T[]): T[] {
  const all: { readonly first: T; readonly servers: T["servers"][number][] }[] = [];
  for (const piece of pieces) {
    const last = all.at(-1);
    if (last?.first.name === piece.name) last.servers.push(...piece.servers);
    else all.push({ first: piece, servers: [...piece.servers] });
  }
  return all.map(({ first, servers }) => ({ ...first, servers }));
}
