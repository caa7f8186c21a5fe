/**
 * By what this agent knows its own things in the kernel: a protocol number, and the name of its
 * instance where it has one. Agents that work beside each other have different ones, so that none
 * takes the other's for what it left itself.
 *
 * Like the descriptor registry it belongs to the thread, and is set before the first socket is
 * opened: it never changes in the life of a process.
 *
 * @module
 */

import { HALB_PROTOCOL, LAST_HALB_PROTOCOL, type MarkTableName } from "../netlink/mod.ts";
import type { OwnMark } from "../plane/start.ts";
import { MARK_TABLE } from "./mark_table.ts";

let own: OwnMark = { protocol: HALB_PROTOCOL };

/** From now on, in this thread. */
export function useMark(mark: OwnMark): void {
  own = mark;
}

/** The protocol number of what is ours: IFA_PROTO, rtm_protocol, FRA_PROTOCOL. */
export function ownProtocol(): number {
  return own.protocol;
}

/** The instance that this agent is; undefined: the one without a name. */
export function ownInstance(): string | undefined {
  return own.instance;
}

/** Whether a protocol number is one of halb's, whichever agent's. */
export function isHalb(protocol: number): boolean {
  return protocol === own.protocol ||
    (protocol >= HALB_PROTOCOL && protocol <= LAST_HALB_PROTOCOL);
}

/** The table of nftables that has this agent's firewall marks. */
export function ownMarkTable(): MarkTableName {
  const { instance } = own;
  return instance === undefined
    ? MARK_TABLE
    : { ...MARK_TABLE, name: `${MARK_TABLE.name}_${instance}` };
}
