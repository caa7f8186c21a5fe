/**
 * BFD-STD-MIB (RFC 7331), read-only. The index of a session is its local discriminator, which is its
 * own for as long as it lives. Keys are in no variable. Pure.
 *
 * @module
 */

import { type Column, oid, type Row, scalarsOf, type Table, tableOf } from "../agentx/mod.ts";
import { diagnosticName, type SessionStatus } from "../control/bfd_status.ts";
import {
  counter32,
  counter64,
  gauge,
  inet,
  inetIndex,
  inetType,
  integer,
  type SnmpFacts,
  ticks,
  truth,
} from "./facts.ts";
import { discontinuity } from "./vrrpv3.ts";

/** bfdMIB. */
export const BFD = oid("1.3.6.1.2.1.222");
const SCALARS = [...BFD, 1, 1];
/** bfdSessEntry. */
export const SESSION = [...BFD, 1, 2, 1];
/** bfdSessDiag, which notifications name. */
export const DIAGNOSTIC_COLUMN = 13;

/** IANAbfdSessStateTC (RFC 7330). */
export const STATES: Readonly<Record<string, number>> = {
  "admin-down": 1,
  down: 2,
  init: 3,
  up: 4,
};

/** IANAbfdSessAuthenticationTypeTC; -1: none. */
const AUTHENTICATIONS: readonly string[] = [
  "reserved",
  "simple-password",
  "keyed-md5",
  "meticulous-keyed-md5",
  "keyed-sha1",
  "meticulous-keyed-sha1",
];

const MICROS_PER_MS = 1_000;
const [CONTROL_PORT, MULTIHOP_PORT, SEAMLESS_PORT, ECHO_PORT] = [3784, 4784, 7784, 3785];
const VOLATILE = 2;
const ACTIVE = 1;

function portOf({ multihop, seamless, echo }: SessionStatus): number {
  if (seamless === true) return SEAMLESS_PORT;
  if (echo?.unaffiliated === true) return ECHO_PORT;
  return multihop ? MULTIHOP_PORT : CONTROL_PORT;
}

/** IANAbfdSessOperModeTC: from 1, with and without echoes, asynchronous and by demand. */
function modeOf({ demand, echo }: SessionStatus): number {
  return (demand === null ? 1 : 3) + (echo?.active === true ? 0 : 1);
}

/** up(1), down(2), adminDown(3). */
function operStatus({ state }: SessionStatus): number {
  return state === "up" ? 1 : state === "admin-down" ? 3 : 2;
}

/** ifIndex; 0: it is bound to no interface, or to one of another network namespace. */
function interfaceOf({ interface: own, namespace }: SessionStatus, facts: SnmpFacts): number {
  return own === null || namespace !== undefined ? 0 : facts.indexOf(own);
}

function sessionColumns(facts: SnmpFacts): Record<number, Column<SessionStatus>> {
  const micros = (ms: number) => gauge(ms * MICROS_PER_MS);
  return {
    2: () => gauge(1),
    3: ({ multihop }) => integer(multihop ? 2 : 1),
    4: (one) => gauge(one.local_discriminator),
    5: (one) => gauge(one.remote_discriminator),
    6: (one) => gauge(portOf(one)),
    7: (one) => gauge(one.source_port),
    9: ({ state }) => integer(state === "admin-down" ? 3 : 1),
    10: (one) => integer(operStatus(one)),
    11: ({ state }) => integer(STATES[state] ?? 2),
    12: ({ state, detection_time_ms: time }) => truth(time !== null && state !== "down"),
    [DIAGNOSTIC_COLUMN]: ({ diagnostic }) => integer(diagnosticNumber(diagnostic)),
    14: (one) => integer(modeOf(one)),
    15: ({ demand }) => truth(demand !== null),
    16: () => truth(false),
    17: () => truth(false),
    18: (one) => integer(interfaceOf(one, facts)),
    19: ({ source }) => integer(inetType(source)),
    20: ({ source }) => inet(source),
    21: ({ peer }) => integer(inetType(peer)),
    22: ({ peer }) => inet(peer),
    23: (one) => truth(one.min_ttl === 255),
    24: (one) => gauge(one.min_ttl),
    25: ({ configured }) => micros(configured.transmit_interval_ms),
    26: ({ configured }) => micros(configured.receive_interval_ms),
    28: (one) => gauge(one.detect_multiplier),
    29: (one) => micros(one.transmit_interval_ms),
    31: ({ remote }) => gauge(remote.detect_multiplier),
    32: ({ authentication }) => truth(authentication !== null),
    33: ({ authentication }) =>
      integer(authentication === null ? -1 : AUTHENTICATIONS.indexOf(authentication)),
    36: () => integer(VOLATILE),
    37: () => integer(ACTIVE),
  };
}

/** RFC 5880 section 4.1. @param name see `diagnosticName` */
function diagnosticNumber(name: string): number {
  const reserved = /^reserved-(\d+)$/.exec(name)?.[1];
  return reserved === undefined ? Math.max(0, DIAGNOSTICS.indexOf(name)) : Number(reserved);
}

const DIAGNOSTICS: readonly string[] = Array.from(
  { length: 10 },
  (_, code) => diagnosticName(code),
);

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function performanceColumns(facts: SnmpFacts): Record<number, Column<SessionStatus>> {
  const { upTimeAt, microsOf, sessionPast } = facts;
  const counts: readonly ((one: SessionStatus) => number | undefined)[] = [
    ({ counters }) => counters.packets_received,
    ({ counters }) => counters.packets_sent,
    ({ counters }) => total(counters.dropped),
    ({ echo }) => echo?.returned,
    ({ echo }) => echo?.sent,
    ({ echo }) => echo === null ? undefined : total(echo.dropped),
  ];
  const columns: Record<number, Column<SessionStatus>> = {
    9: ({ state, since }) => ticks(state === "up" ? upTimeAt(microsOf(since)) : 0),
    10: ({ name }) => {
      const { lostAt } = sessionPast(name);
      return ticks(lostAt === null ? 0 : upTimeAt(lostAt));
    },
    11: ({ name }) => integer(sessionPast(name).lostFor),
    12: ({ name }) => counter32(sessionPast(name).ups),
    13: () => discontinuity(facts),
  };
  counts.forEach((of, i) => {
    const value = (made: typeof counter32): Column<SessionStatus> => (one) => {
      const count = of(one);
      return count === undefined ? undefined : made(count);
    };
    // Between packets and echoes stands the time of the last drop, which is not kept.
    columns[i < 3 ? i + 1 : i + 2] = value(counter32);
    columns[14 + i] = value(counter64);
  });
  return columns;
}

export function bfdTables(facts: SnmpFacts): Table[] {
  const { status, traps } = facts;
  const rows = (): Row<SessionStatus>[] =>
    status.bfd.map((of) => ({ index: [of.local_discriminator], of }));
  return [
    scalarsOf(SCALARS, {
      1: () => integer(1),
      2: () => integer(1),
      3: () => truth(traps),
      4: () => gauge(0),
    }, facts),
    tableOf(SESSION, sessionColumns(facts), rows),
    tableOf([...BFD, 1, 3, 1], performanceColumns(facts), rows),
    tableOf([...BFD, 1, 4, 1], { 1: (one: SessionStatus) => gauge(one.local_discriminator) }, rows),
    tableOf(
      [...BFD, 1, 5, 1],
      { 1: (one: SessionStatus) => gauge(one.local_discriminator) },
      () =>
        status.bfd.map((of) => {
          const address = (one: string | null) => [inetType(one), ...inetIndex(one ?? "")];
          return {
            index: [interfaceOf(of, facts), ...address(of.source), ...address(of.peer)],
            of,
          };
        }),
    ),
  ];
}
