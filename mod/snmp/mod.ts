/**
 * What halb tells SNMP: VRRPV3-MIB (RFC 6527), KEEPALIVED-MIB and BFD-STD-MIB (RFC 7331), read-only,
 * and their notifications, out of the status document. Pure: every variable is made when it is asked
 * for.
 *
 * @module
 */

import { type Oid, type Table, View } from "../agentx/mod.ts";
import { BFD, bfdTables } from "./bfd.ts";
import type { SnmpFacts } from "./facts.ts";
import { KEEPALIVED, keepalivedTables } from "./keepalived.ts";
import { serverTables } from "./keepalived_servers.ts";
import { type ErrorOf, VRRPV3, vrrpv3Tables } from "./vrrpv3.ts";

export type { SnmpFacts } from "./facts.ts";
export { History } from "./history.ts";
export { ProtocolErrors } from "./protocol_errors.ts";
export { isTold, protocolErrorTraps, trapsOf } from "./traps.ts";
export type { ErrorOf } from "./vrrpv3.ts";

/** The MIBs that there are, as the configuration calls them, and where each has its place. */
export const REGIONS = {
  vrrpv3: VRRPV3,
  keepalived: KEEPALIVED,
  bfd: BFD,
} as const satisfies Record<
  string,
  Oid
>;
export type Mib = keyof typeof REGIONS;

/** @param errorOf the last protocol error of a session of a router */
export function viewOf(facts: SnmpFacts, mibs: readonly Mib[], errorOf: ErrorOf): View {
  const tables: Record<Mib, () => Table[]> = {
    vrrpv3: () => vrrpv3Tables(facts, errorOf),
    keepalived: () => [...keepalivedTables(facts), ...serverTables(facts)],
    bfd: () => bfdTables(facts),
  };
  return new View(mibs.flatMap((mib) => tables[mib]()));
}
