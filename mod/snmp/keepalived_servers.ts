/**
 * KEEPALIVED-MIB, read-only: virtual and real servers with their weights and what the kernel counts
 * of them, and the sync daemon. Pure.
 *
 * @module
 */

import { type Column, scalarsOf, type Table, tableOf } from "../agentx/mod.ts";
import type { RealServerStatus, VirtualServerStatus } from "../control/balance_status.ts";
import {
  counter32,
  counter64,
  endpointOf,
  gauge,
  inet,
  inetType,
  integer,
  type SnmpFacts,
  text,
  truth,
} from "./facts.ts";
import { KEEPALIVED, numbered } from "./keepalived.ts";

const CHECK = [...KEEPALIVED, 3];
/** Objects that notifications name. */
export const VIRTUAL_SERVER = [...CHECK, 3, 1];
export const REAL_SERVER = [...CHECK, 4, 1];

const PROTOCOLS: Readonly<Record<string, number>> = { tcp: 1, udp: 2, sctp: 3 };
const SCHEDULERS = "rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh twos".split(
  " ",
) as readonly string[];
const FORWARDS: Readonly<Record<string, number>> = { nat: 1, direct: 2, tunnel: 3 };
const [ALIVE, DEAD] = [1, 2];
const [MARK, ADDRESS, GROUP] = [1, 2, 3];

/** What a virtual server listens on, where that is one address or one mark. */
interface Listened {
  readonly type: number;
  readonly mark?: number;
  readonly family?: number;
  readonly address?: string;
  readonly port?: number;
}

function listenOf({ listen }: VirtualServerStatus): Listened {
  const [first = ""] = listen;
  const mark = /^fwmark (\d+) ipv([46])$/.exec(first);
  if (listen.length !== 1) return { type: GROUP };
  if (mark !== null) return { type: MARK, mark: Number(mark[1]), family: mark[2] === "4" ? 1 : 2 };
  // A range or a network is a group to keepalived.
  if (/[-/]/.test(first)) return { type: GROUP };
  return { type: ADDRESS, ...endpointOf(first) };
}

/** Numbers that the kernel counts, from this column on: 32 bits where the MIB says so. */
function traffic(
  conns: number,
  wide: number,
): Record<number, Column<VirtualServerStatus | Pick<RealServerStatus, "counters">>> {
  // Packets stand behind connections in both tables; in the one of real servers after three more.
  const packets = conns === 14 ? conns + 4 : conns + 1;
  return {
    [conns]: ({ counters }) => gauge(counters.connections),
    [packets]: ({ counters }) => counter32(counters.packets_in),
    [packets + 1]: ({ counters }) => counter32(counters.packets_out),
    [packets + 2]: ({ counters }) => counter64(counters.bytes_in),
    [packets + 3]: ({ counters }) => counter64(counters.bytes_out),
    [wide]: ({ counters }) => counter64(counters.connections),
    [wide + 1]: ({ counters }) => counter64(counters.packets_in),
    [wide + 2]: ({ counters }) => counter64(counters.packets_out),
  };
}

/** By column: those that notifications name are asked for alone. */
export const VIRTUAL_COLUMNS: Readonly<Record<number, Column<VirtualServerStatus>>> = {
  2: (one) => integer(listenOf(one).type),
  3: (one) => listenOf(one).type === GROUP ? text(one.name) : undefined,
  4: (one) => {
    const { mark } = listenOf(one);
    return mark === undefined ? undefined : gauge(mark);
  },
  5: (one) => {
    const { address, family } = listenOf(one);
    const type = family ?? (address === undefined ? undefined : inetType(address));
    return type === undefined ? undefined : integer(type);
  },
  6: (one) => {
    const { address } = listenOf(one);
    return address === undefined ? undefined : inet(address);
  },
  7: (one) => {
    const { port } = listenOf(one);
    return port === undefined ? undefined : gauge(port);
  },
  8: ({ protocol }) => integer(PROTOCOLS[protocol ?? ""] ?? 4),
  9: ({ scheduler }) => integer(SCHEDULERS.indexOf(scheduler) + 1 || 99),
  10: ({ forward }) => forward === null ? undefined : integer(FORWARDS[forward] ?? 1),
  11: ({ quorum }) => integer(quorum.met ? ALIVE : DEAD),
  13: ({ persistence }) => truth(persistence !== null),
  14: ({ persistence }) => persistence === null ? undefined : gauge(persistence.timeout_ms / 1_000),
  20: (one) => gauge(one.real_servers.length),
  21: (one) => gauge(one.real_servers.filter(({ state }) => state !== "down").length),
  22: ({ quorum }) => gauge(quorum.required),
  23: ({ quorum }) => truth(quorum.met),
  26: ({ quorum }) => gauge(quorum.hysteresis),
  ...traffic(27, 38),
  71: ({ name }) => text(name),
};

/** A real server, or the sorry server of a virtual one. */
interface Real {
  readonly regular: boolean;
  readonly address: string;
  readonly port: number;
  readonly forward: string | null;
  readonly weight: number;
  readonly alive: boolean;
  readonly failedChecks: number;
  readonly counters: RealServerStatus["counters"] | undefined;
}

function realsOf(server: VirtualServerStatus): Real[] {
  const { port: listened = 0 } = listenOf(server);
  const reals = server.real_servers.map((real): Real => {
    const { address, port } = endpointOf(real.address);
    return {
      regular: true,
      address,
      port: port === 0 ? listened : port,
      forward: real.forward,
      weight: real.effective_weight,
      alive: real.state !== "down",
      failedChecks: real.checks.filter(({ healthy }) => healthy === false).length,
      counters: real.counters,
    };
  });
  if (server.sorry_server === null) return reals;
  const { address, port } = endpointOf(server.sorry_server);
  const alive = server.sorry_server_active;
  return [...reals, {
    regular: false,
    address,
    port: port === 0 ? listened : port,
    forward: server.forward,
    weight: 1,
    alive,
    failedChecks: 0,
    counters: undefined,
  }];
}

const COUNTS = traffic(14, 27);

export const REAL_COLUMNS: Readonly<Record<number, Column<Real>>> = {
  2: ({ regular }) => integer(regular ? 1 : 2),
  3: ({ address }) => integer(inetType(address)),
  4: ({ address }) => inet(address),
  5: ({ port }) => gauge(port),
  6: ({ alive }) => integer(alive ? ALIVE : DEAD),
  7: ({ weight }) => integer(weight),
  13: ({ failedChecks }) => gauge(failedChecks),
  15: ({ counters }) => counters && gauge(counters.active_connections ?? 0),
  16: ({ counters }) => counters && gauge(counters.inactive_connections ?? 0),
  ...Object.fromEntries(
    Object.entries(COUNTS).map(([column, of]): [string, Column<Real>] => [
      column,
      ({ counters }) => counters && of({ counters }),
    ]),
  ),
  40: ({ forward }) => forward === null ? undefined : integer(FORWARDS[forward] ?? 1),
};

/** One real server by the names of status; undefined: there is none. */
export function realServerOf(server: VirtualServerStatus, name: string) {
  const at = server.real_servers.findIndex(({ address }) => address === name);
  const of = realsOf(server)[at];
  return of === undefined ? undefined : { number: at + 1, of };
}

/** The sync daemon: there is a place for one. */
function syncDaemon({ status }: SnmpFacts): Table {
  const [daemon] = status.ipvs_sync?.daemons ?? [];
  return scalarsOf([...CHECK, 6], {
    1: () => truth(daemon?.role !== null && daemon !== undefined),
    2: () => daemon && text(daemon.interface),
    3: () => daemon && text(daemon.follow[0] ?? ""),
    4: () => daemon && integer(daemon.id),
  }, daemon);
}

export function serverTables(facts: SnmpFacts): Table[] {
  const all = facts.status.virtual_servers;
  return [
    tableOf(VIRTUAL_SERVER, VIRTUAL_COLUMNS, () => numbered(all)),
    tableOf(
      REAL_SERVER,
      REAL_COLUMNS,
      () => all.flatMap((server, i) => numbered(realsOf(server), [i + 1])),
    ),
    syncDaemon(facts),
  ];
}
