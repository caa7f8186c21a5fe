/**
 * AgentX, the protocol between an SNMP agent and its subagents (RFC 2741): the subagent's side.
 * Pure: bytes, times and questions go in, bytes and answers come out.
 *
 * @module
 */

export { answerRequest, type Request } from "./answer.ts";
export { decodePdu, LONGEST_PDU, Malformed, pduLength } from "./decode.ts";
export { encodePdu } from "./encode.ts";
export { compareOid, isUnder, type Oid, oid, oidText } from "./oid.ts";
export {
  type Body,
  ERRORS,
  type Pdu,
  type SearchRange,
  TYPES,
  type Value,
  type VarBind,
} from "./pdu.ts";
export { Session } from "./session.ts";
export type { Asked, SessionEffect, SessionStatus } from "./session_types.ts";
export { type Column, type Row, scalarsOf, type Table, tableOf, View } from "./view.ts";
