/**
 * What keeps a former master from leading switches astray over IPv6.
 *
 * The kernel joins the solicited-node group of each address, and when the address goes it says to
 * routers that it leaves the group (MLDv2, RFC 3810): some milliseconds later, and several times
 * within a second, with the hardware address of the interface as source. That is the virtual MAC,
 * whose frames another node sends by now: a switch would take it to be here again, until the new
 * master's next advert. So these messages are dropped where they leave. Reports that a group is
 * joined are not; a router that nobody tells asks for itself, and forgets.
 *
 * @module
 */

import { assemble, bpf } from "../../ffi/mod.ts";
import {
  addEgressFilter,
  addEgressHook,
  describeAcknowledgement,
  EEXIST,
  TC_ACT_SHOT,
  TC_ACT_UNSPEC,
} from "../netlink/mod.ts";
import type { Requester } from "./requester.ts";

const ETHER_TYPE_IPV6 = 0x86dd;
/** Before what others may have there: it takes nothing from them but what it drops. */
const PRIORITY = 1;
const HOP_BY_HOP = 0;
const ICMPV6 = 58;
const MLD_DONE = 132;
const MLD2_REPORT = 143;
/** CHANGE_TO_INCLUDE_MODE, without sources: the group is left. */
const CHANGE_TO_INCLUDE = 3;
/** Offsets in the frame; MLD has the router alert option, of eight bytes, before it. */
const NEXT_HEADER = 14 + 6;
const OPTION_NEXT_HEADER = 14 + 40;
const TYPE = OPTION_NEXT_HEADER + 8;
const RECORD_COUNT = TYPE + 6;
const FIRST_RECORD = TYPE + 8;
/** Bytes of a record without sources. */
const RECORD = 20;

/** Groups that are left come before those that are joined: so the last record tells. */
export function leaveFilter(): Uint8Array {
  return assemble([
    bpf.loadByte(NEXT_HEADER),
    bpf.jumpEqual(HOP_BY_HOP, 0, "pass"),
    bpf.loadByte(OPTION_NEXT_HEADER),
    bpf.jumpEqual(ICMPV6, 0, "pass"),
    bpf.loadByte(TYPE),
    bpf.jumpEqual(MLD_DONE, "drop", 0),
    bpf.jumpEqual(MLD2_REPORT, 0, "pass"),
    bpf.loadHalf(RECORD_COUNT),
    bpf.multiply(RECORD),
    bpf.moveToIndex(),
    bpf.loadByteIndexed(FIRST_RECORD - RECORD),
    bpf.jumpEqual(CHANGE_TO_INCLUDE, "drop", "pass"),
    bpf.label("drop"),
    bpf.returnBytes(TC_ACT_SHOT),
    bpf.label("pass"),
    bpf.returnBytes(TC_ACT_UNSPEC),
  ]);
}

/** Puts it on an interface, where it stays as long as that. @returns what was refused, in words */
export function dropLeaves(requester: Requester, index: number): string | undefined {
  let problem: string | undefined;
  const filter = {
    index,
    etherType: ETHER_TYPE_IPV6,
    priority: PRIORITY,
    program: leaveFilter(),
  };
  requester.transact([
    (writer, sequence) => addEgressHook(writer, sequence, index),
    (writer, sequence) => addEgressFilter(writer, sequence, filter),
  ], (position, answer) => {
    if (answer.errno === 0 || position === 0 && answer.errno === EEXIST) return;
    problem ??= describeAcknowledgement(answer);
  });
  return problem;
}
