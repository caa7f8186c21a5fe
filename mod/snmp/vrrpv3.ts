/**
 * VRRPV3-MIB (RFC 6527), read-only: the operations table, its addresses, and statistics. Each family
 * of a router is a virtual router of its own here; those of version 2 have no place in it. Pure.
 *
 * @module
 */

import {
  type Column,
  type Oid,
  oid,
  type Row,
  scalarsOf,
  type Table,
  tableOf,
  type Value,
  type VarBind,
} from "../agentx/mod.ts";
import type { RouterStatus } from "../control/status.ts";
import { secondSession } from "../plane/sessions.ts";
import {
  counter32,
  counter64,
  gauge,
  inet,
  inetIndex,
  integer,
  type SnmpFacts,
  ticks,
  ticksBetween,
  truth,
} from "./facts.ts";

/** vrrpv3MIB. */
export const VRRPV3 = oid("1.3.6.1.2.1.207");
const OPERATIONS = [...VRRPV3, 1, 1, 1, 1];
const ADDRESSES = [...VRRPV3, 1, 1, 2, 1];
const STATISTICS = [...VRRPV3, 1, 2];
/** Columns that notifications name. */
const MASTER_ADDRESS = 3;
const NEW_MASTER_REASON = 2;
const ERROR_REASON = 6;

/** How often counters are worth reading, milliseconds (vrrpv3StatisticsRefreshRate). */
const REFRESH_RATE = 1_000;
const ACTIVE = 1;

/** vrrpv3StatisticsProtoErrReason. */
export const PROTOCOL_ERRORS = { ttl: 1, version: 2, checksum: 3, virtual_router_id: 4 } as const;
export type ProtocolError = keyof typeof PROTOCOL_ERRORS;

type SessionStatus = RouterStatus["sessions"][number];

/** One virtual router of the MIB. */
interface Entry {
  readonly router: RouterStatus;
  readonly session: SessionStatus;
  /** As the planes know it. */
  readonly name: string;
  readonly addresses: readonly string[];
  readonly index: Oid;
}

/** The last protocol error of a session; null: none. */
export type ErrorOf = (session: string) => ProtocolError | null;

/** The name that the planes know a session by. */
export function sessionName(router: RouterStatus, session: SessionStatus): string {
  return session === router.sessions[0] ? router.name : secondSession(router.name, session.family);
}

function entriesOf({ status, indexOf, elsewhere }: SnmpFacts): Entry[] {
  return status.vrrp.filter(({ version }) => version === 3).flatMap((router) => {
    const index = elsewhere.has(router.name) ? 0 : indexOf(router.interface);
    if (index === 0) return [];
    return router.sessions.map((session) => {
      const type = session.family === "ipv4" ? 1 : 2;
      return {
        router,
        session,
        name: sessionName(router, session),
        addresses: router.addresses.map((one) => one.slice(0, one.lastIndexOf("/")))
          .filter((address) => address.includes(":") === (type === 2)),
        index: [index, router.virtual_router_id, type],
      };
    });
  });
}

/** initialize(1), backup(2), master(3). */
function stateOf({ session }: Entry): number {
  return session.state === "master" ? 3 : session.state === "backup" ? 2 : 1;
}

/** RFC 9568 section 7.3, unless another one is configured. */
function macOf({ router, session }: Entry): Uint8Array {
  const links = router.virtual_mac ?? [];
  const own = links[links.length > 1 && session.family === "ipv6" ? 1 : 0]?.mac;
  const family = session.family === "ipv4" ? 1 : 2;
  if (own === null || own === undefined) {
    return Uint8Array.of(0, 0, 0x5e, 0, family, router.virtual_router_id);
  }
  return Uint8Array.from(own.split(":"), (digits) => parseInt(digits, 16));
}

function unspecified({ session }: Entry): string {
  return session.family === "ipv4" ? "0.0.0.0" : "::";
}

/** @param facts of the moment */
function operations({ routerPast, now, microsOf }: SnmpFacts): Record<number, Column<Entry>> {
  return {
    [MASTER_ADDRESS]: (one) => inet(one.session.master?.address ?? unspecified(one)),
    4: (one) => inet(one.session.source ?? unspecified(one)),
    5: (one) => ({ type: "octets", value: macOf(one) }),
    6: (one) => integer(stateOf(one)),
    7: ({ router }) => gauge(router.effective_priority),
    8: ({ addresses }) => integer(addresses.length),
    9: ({ router }) => integer(router.advertisement_interval_ms / 10),
    10: ({ router }) => truth(router.preempt),
    11: ({ router }) => truth(router.accept),
    12: (one) => {
      if (stateOf(one) === 1) return ticks(0);
      return ticksBetween(routerPast(one.name).left ?? microsOf(one.router.since), now);
    },
    13: () => integer(ACTIVE),
  };
}

function statistics(facts: SnmpFacts, errorOf: ErrorOf): Record<number, Column<Entry>> {
  const dropped = (reason: keyof SessionStatus["counters"]["dropped"]): Column<Entry> => (one) =>
    counter64(one.session.counters.dropped[reason]);
  return {
    1: ({ name }) => counter32(facts.routerPast(name).masters),
    [NEW_MASTER_REASON]: ({ name }) => integer(facts.routerPast(name).reason),
    3: ({ session }) => counter64(session.counters.advertisements_received),
    4: ({ session: { counters: { dropped } } }) =>
      counter64(dropped.interval + dropped.interval_mismatch),
    5: dropped("ttl"),
    [ERROR_REASON]: ({ name }) => {
      const error = errorOf(name);
      return integer(error === null ? 0 : PROTOCOL_ERRORS[error]);
    },
    7: ({ session }) => counter64(session.counters.priority_zero_received),
    8: ({ session }) => counter64(session.counters.priority_zero_sent),
    9: dropped("type"),
    10: dropped("address_count"),
    11: ({ session: { counters: { dropped } } }) => counter64(dropped.truncated + dropped.length),
    12: () => discontinuity(facts),
    13: () => gauge(REFRESH_RATE),
  };
}

/** Counts of this process begin with it, even where others outlive an upgrade. */
export function discontinuity({ upTimeAt, microsOf, status }: SnmpFacts): Value {
  return ticks(upTimeAt(microsOf(status.started)));
}

/** Of all packets, whatever router they were for. */
function inAll(
  { status }: SnmpFacts,
  reason: "checksum" | "version" | "virtual_router_id",
): number {
  const ofInterfaces = status.interfaces.reduce((sum, one) => {
    const dropped: Readonly<Record<string, number>> = one.dropped;
    return sum + (dropped[reason] ?? 0);
  }, 0);
  return status.vrrp.flatMap(({ sessions }) => sessions)
    .reduce((sum, { counters }) => sum + counters.dropped[reason], ofInterfaces);
}

export function vrrpv3Tables(facts: SnmpFacts, errorOf: ErrorOf): Table[] {
  let made: Entry[] | undefined;
  const entries = () => made ??= entriesOf(facts);
  const rows = (): Row<Entry>[] => entries().map((of) => ({ index: of.index, of }));
  const total = (reason: Parameters<typeof inAll>[1]) => () => counter64(inAll(facts, reason));
  return [
    tableOf(OPERATIONS, operations(facts), rows),
    tableOf(
      ADDRESSES,
      { 2: () => integer(ACTIVE) },
      () =>
        entries().flatMap(({ addresses, index }) =>
          addresses.map((of) => ({ index: [...index, ...inetIndex(of)], of }))
        ),
    ),
    scalarsOf(STATISTICS, {
      1: total("checksum"),
      2: total("version"),
      3: total("virtual_router_id"),
      4: discontinuity,
    }, facts),
    tableOf([...STATISTICS, 5, 1], statistics(facts, errorOf), rows),
  ];
}

/** The variables of a notification about a router: the named column of each row that is meant. */
export function vrrpv3Variables(
  facts: SnmpFacts,
  router: string,
  errorOf: ErrorOf,
): { readonly name: string; readonly masters: VarBind[]; readonly errors: VarBind[] }[] {
  const [operation, statistic] = [operations(facts), statistics(facts, errorOf)];
  return entriesOf(facts).filter((one) => one.router.name === router).map((one) => {
    const variable = (entry: Oid, column: number, of: Column<Entry>): VarBind => {
      return { name: [...entry, column, ...one.index], value: of(one)! };
    };
    const statisticOf = (column: number) =>
      variable([...STATISTICS, 5, 1], column, statistic[column]!);
    return {
      name: one.name,
      masters: [
        variable(OPERATIONS, MASTER_ADDRESS, operation[MASTER_ADDRESS]!),
        statisticOf(NEW_MASTER_REASON),
      ],
      errors: [statisticOf(ERROR_REASON)],
    };
  });
}
