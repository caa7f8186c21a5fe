/**
 * VRRP without I/O: codec, timers and the state machine. Start reading at `machine.ts`.
 *
 * @module
 */

export { priorityOf } from "./actions.ts";
export { createRouter, STALL, step } from "./machine.ts";
export {
  decodeAdvertisement,
  DROP_REASONS,
  encodeAdvertisement,
  VRRP_GROUP_IPV4,
} from "./packet.ts";
export { contribution, evaluateTrackers } from "./tracker.ts";
export type { Tracker } from "./tracker.ts";
export type { Decoded, DropReason, OutgoingAdvertisement } from "./packet.ts";
export {
  effectivePriority,
  masterDownInterval,
  OWNER_PRIORITY,
  releaseTime,
  skewTime,
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
