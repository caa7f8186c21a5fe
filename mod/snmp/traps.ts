/**
 * Notifications: what is told of routers, groups, sessions and servers, in the words of the MIBs.
 * Pure.
 *
 * @module
 */

import { type Oid, oid, type VarBind } from "../agentx/mod.ts";
import type { Notice } from "../notify/notice.ts";
import { BFD, DIAGNOSTIC_COLUMN, SESSION, STATES as BFD_STATES } from "./bfd.ts";
import { integer, type SnmpFacts, text } from "./facts.ts";
import { GROUP, initialState, INSTANCE, KEEPALIVED, ROUTER_ID, STATES } from "./keepalived.ts";
import {
  REAL_COLUMNS,
  REAL_SERVER,
  realServerOf,
  VIRTUAL_COLUMNS,
  VIRTUAL_SERVER,
} from "./keepalived_servers.ts";
import type { Mib } from "./mod.ts";
import { type ErrorOf, VRRPV3, vrrpv3Variables } from "./vrrpv3.ts";

/** snmpTrapOID.0 (RFC 3418). */
const TRAP_OID = oid("1.3.6.1.6.3.1.1.4.1.0");
const VRRP_TRAPS = [...KEEPALIVED, 2, 10, 0];
const CHECK_TRAPS = [...KEEPALIVED, 3, 5, 0];
/** Behind those that the MIB lists: which server it is, for people. */
const SERVER_NAME = 71;

function trap(id: Oid, variables: readonly VarBind[]): VarBind[] {
  return [{ name: TRAP_OID, value: { type: "oid", value: id } }, ...variables];
}

/** Whose notifications are about it. */
const TOLD_BY: Readonly<Record<Notice["type"], readonly Mib[]>> = {
  INSTANCE: ["keepalived", "vrrpv3"],
  GROUP: ["keepalived"],
  BFD: ["bfd"],
  VS: ["keepalived"],
  RS: ["keepalived"],
  CHECK: [],
};

/** Whether notifications may come of it: for any other nobody needs to know how things stand. */
export function isTold(notice: Notice, mibs: readonly Mib[]): boolean {
  const { type, server } = notice;
  if (!TOLD_BY[type].some((mib) => mibs.includes(mib)) || server?.quiet === true) return false;
  return (type !== "INSTANCE" && type !== "GROUP") || stateOf(notice) !== undefined;
}

/** What is told of a change; each list is one notification. */
export function trapsOf(
  notice: Notice,
  facts: SnmpFacts,
  mibs: readonly Mib[],
  errorOf: ErrorOf,
): VarBind[][] {
  const keepalived = mibs.includes("keepalived");
  switch (notice.type) {
    case "INSTANCE":
      return [
        ...(keepalived ? instanceTraps(notice, facts) : []),
        ...(mibs.includes("vrrpv3") ? newMasterTraps(notice, facts, errorOf) : []),
      ];
    case "GROUP":
      return keepalived ? groupTraps(notice, facts) : [];
    case "BFD":
      return mibs.includes("bfd") ? bfdTraps(notice, facts) : [];
    case "VS":
    case "RS":
      return keepalived ? serverTraps(notice, facts) : [];
    case "CHECK":
      return [];
  }
}

/** vrrpv3ProtoError. @param session as the planes know it */
export function protocolErrorTraps(
  router: string,
  session: string,
  facts: SnmpFacts,
  errorOf: ErrorOf,
): VarBind[][] {
  return vrrpv3Variables(facts, router, errorOf).filter(({ name }) => name === session)
    .map(({ errors }) => trap([...VRRPV3, 0, 2], errors));
}

/** VrrpState of what a notice says; undefined: it is about no state. */
function stateOf({ state }: Notice): number | undefined {
  return STATES[state.toLowerCase()];
}

function routerId({ status }: SnmpFacts): VarBind {
  return { name: ROUTER_ID, value: text(status.name) };
}

function instanceTraps(notice: Notice, facts: SnmpFacts): VarBind[][] {
  const state = stateOf(notice);
  const at = facts.status.vrrp.findIndex(({ name }) => name === notice.name);
  const router = facts.status.vrrp[at];
  if (state === undefined || router === undefined) return [];
  const column = (number: number) => [...INSTANCE, number, at + 1];
  return [trap([...VRRP_TRAPS, 2], [
    { name: column(2), value: text(router.name) },
    { name: column(4), value: integer(state) },
    { name: column(5), value: integer(initialState(router)) },
    routerId(facts),
  ])];
}

function newMasterTraps({ name, state }: Notice, facts: SnmpFacts, errorOf: ErrorOf): VarBind[][] {
  if (state !== "MASTER") return [];
  return vrrpv3Variables(facts, name, errorOf)
    .map(({ masters }) => trap([...VRRPV3, 0, 1], masters));
}

function groupTraps(notice: Notice, facts: SnmpFacts): VarBind[][] {
  const state = stateOf(notice);
  const at = facts.status.sync_groups.findIndex(({ name }) => name === notice.name);
  if (state === undefined || at < 0) return [];
  return [trap([...VRRP_TRAPS, 1], [
    { name: [...GROUP, 2, at + 1], value: text(notice.name) },
    { name: [...GROUP, 3, at + 1], value: integer(state) },
    routerId(facts),
  ])];
}

/** Both ends of a range of sessions, which is one: the MIB wants the new state as their value. */
function bfdTraps({ name, state }: Notice, { status }: SnmpFacts): VarBind[][] {
  const session = status.bfd.find((one) => one.name === name);
  const value = BFD_STATES[state.toLowerCase().replace("_", "-")];
  if (session === undefined || value === undefined) return [];
  const end = {
    name: [...SESSION, DIAGNOSTIC_COLUMN, session.local_discriminator],
    value: integer(value),
  };
  return [trap([...BFD, 0, state === "UP" ? 1 : 2], [end, end])];
}

function serverTraps({ state, server: told }: Notice, facts: SnmpFacts): VarBind[][] {
  if (told === undefined || told.quiet || (state !== "UP" && state !== "DOWN")) return [];
  const servers = facts.status.virtual_servers;
  const at = servers.findIndex(({ name }) => name === told.virtual_server);
  const server = servers[at];
  if (server === undefined) return [];
  const virtual = (...columns: number[]) =>
    columns.map((column): VarBind => {
      const name = [...VIRTUAL_SERVER, column, at + 1];
      return { name, value: VIRTUAL_COLUMNS[column]!(server)! };
    });
  // As the notice says, which is what keepalived would say: the status may have gone on.
  const value = integer(state === "UP" ? 1 : 2);
  if (told.real_server === null) {
    const [type, protocol, ...counts] = virtual(2, 8, 22, 21, 20);
    const status = { name: [...VIRTUAL_SERVER, 23, at + 1], value };
    const variables = [type!, protocol!, status, ...counts, routerId(facts)];
    return [trap([...CHECK_TRAPS, 2], [...variables, ...virtual(SERVER_NAME)])];
  }
  const real = realServerOf(server, told.real_server);
  if (real === undefined) return [];
  const column = (number: number) => [...REAL_SERVER, number, at + 1, real.number];
  return [trap([...CHECK_TRAPS, 1], [
    ...[3, 4, 5].map((number): VarBind => {
      return { name: column(number), value: REAL_COLUMNS[number]!(real.of)! };
    }),
    { name: column(6), value },
    ...virtual(2, 8, 21, 20),
    routerId(facts),
    ...virtual(SERVER_NAME),
  ])];
}
