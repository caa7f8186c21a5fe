/**
 * VRRP without I/O: codec, authentication, timers, the state machine, sync groups and trackers.
 * Start reading at `machine.ts`, for groups at `groups.ts`, for secrets at `authentication.ts`.
 *
 * @module
 */

export { masterDown, priorityOf } from "./actions.ts";
export { type ElectionSettings, USUAL_ELECTION } from "./election.ts";
export {
  authenticationProblems,
  createAuthenticationState,
  goOnAuthenticating,
  receive4,
  receive6,
  seal4,
  seal6,
} from "./authentication.ts";
export type { Authentication, AuthenticationState, Authenticator } from "./authentication.ts";
export { clockAlarm, forgetClock, mustFollowWallClock } from "./authentication_clock.ts";
export {
  AUTHENTICATION_HEADER,
  headerFaultBehind,
  PROTOCOL_AUTHENTICATION_HEADER,
} from "./authentication_header.ts";
export { defaultWindow } from "./authentication_hmac.ts";
export type { HmacKey, HmacMode, HmacSettings } from "./authentication_hmac.ts";
export { stampTime } from "./authentication_stamp.ts";
export { TRAILER } from "./authentication_trailer.ts";
export type { AntiReplay, ClockAnchor } from "./authentication_stamp.ts";
export { AUTHENTICATION_DROP_REASONS } from "./authentication_types.ts";
export type {
  Authenticated,
  AuthenticationDropReason,
  ClockNotice,
  Hmac,
} from "./authentication_types.ts";
export type { Group, GroupEffect, GroupEvent, GroupSettings, Need } from "./group_types.ts";
export { createGroup, stepGroup } from "./groups.ts";
export { createRouter, STALL, step } from "./machine.ts";
export {
  DROP_REASONS,
  PROTOCOL_VRRP,
  TYPE_ADVERTISEMENT,
  VRRP_GROUP_IPV4,
  VRRP_GROUP_IPV6,
  VRRP_HEADER,
} from "./message.ts";
export type { Decoded, DecodeOptions, DropReason, OutgoingAdvertisement } from "./message.ts";
export { outgoingPackets } from "./outgoing.ts";
export { checksumOf } from "./peers.ts";
export { decodeAdvertisement, encodeAdvertisement, headerFault } from "./packet.ts";
export { decodeAdvertisement6, encodeAdvertisement6, headerFault6 } from "./packet6.ts";
export type { Ipv6Origin } from "./packet6.ts";
export {
  createSettling,
  createVerdict,
  find,
  judgeProcesses,
  numberInFile,
  observe,
  settleDown,
} from "./rise_fall.ts";
export type { Delays, Finding, Quorum, RiseFall, Settling, Verdict } from "./rise_fall.ts";
export {
  contribution,
  evaluateGroupTrackers,
  evaluateTrackers,
  isFault,
  TRACKER_KINDS,
} from "./tracker.ts";
export type { Tracker, TrackerKind } from "./tracker.ts";
export {
  effectivePriority,
  masterDownInterval,
  OWNER_PRIORITY,
  releaseTime,
  skewTime,
  version2Interval,
} from "./timers.ts";
export type {
  Advertisement,
  ChecksumMode,
  ChecksumRule,
  HealthEvent,
  Micros,
  Peer,
  Router,
  RouterEffect,
  RouterEvent,
  RouterSettings,
  RouterStateName,
  TimerName,
} from "./types.ts";
