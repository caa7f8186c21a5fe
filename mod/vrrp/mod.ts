/**
 * VRRP without I/O: codec, timers and the state machine. Start reading at `machine.ts`.
 *
 * @module
 */

export { priorityOf } from "./actions.ts";
export { createRouter, STALL, step } from "./machine.ts";
export { DROP_REASONS, VRRP_GROUP_IPV4, VRRP_GROUP_IPV6 } from "./message.ts";
export type { Decoded, DecodeOptions, DropReason, OutgoingAdvertisement } from "./message.ts";
export { outgoingPackets } from "./outgoing.ts";
export { decodeAdvertisement, encodeAdvertisement } from "./packet.ts";
export { decodeAdvertisement6, encodeAdvertisement6 } from "./packet6.ts";
export type { Ipv6Origin } from "./packet6.ts";
export { contribution, evaluateTrackers } from "./tracker.ts";
export type { Tracker } from "./tracker.ts";
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
  Micros,
  Peer,
  Router,
  RouterEffect,
  RouterEvent,
  RouterSettings,
  RouterStateName,
  TimerName,
} from "./types.ts";
