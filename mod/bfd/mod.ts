/**
 * BFD without I/O: codec, authentication and the session machine. Start reading at `session.ts`.
 *
 * @module
 */

export {
  AUTHENTICATION_TYPES,
  isMeticulous,
  longestSecret,
  signControl,
  verifyControl,
} from "./authentication.ts";
export type {
  AuthenticationKey,
  AuthenticationSettings,
  AuthenticationType,
  SequenceState,
} from "./authentication.ts";
export { bringUpTime, clientDeadline, createClient, stepClient } from "./client.ts";
export type { Client, ClientEvent, ClientSettings, Told } from "./client.ts";
export { createDamping, noteFall, tellUpAt } from "./damping.ts";
export type { Damping, DampingSettings } from "./damping.ts";
export {
  createEcho,
  decodeEcho,
  ECHO_LENGTH,
  echoDeadline,
  echoDetectionTime,
  echoInterval,
  isDoubtful,
  resumeEcho,
  stepEcho,
  writeEcho,
} from "./echo.ts";
export type { Echo, EchoEffect, EchoEvent, EchoPacket, EchoSettings } from "./echo.ts";
export {
  CONTROL_HEADER,
  decodeControl,
  DROP_REASONS,
  emptyControlPacket,
  encodeControl,
  LONGEST_CONTROL,
  STATES,
} from "./packet.ts";
export type { ControlPacket, DropReason, StateName } from "./packet.ts";
export { writeControl } from "./outgoing.ts";
export { authenticate } from "./receive.ts";
export { reflect, SEAMLESS_PORT } from "./reflector.ts";
export type { ReflectorDrop, ReflectorSettings } from "./reflector.ts";
export { createSession, step } from "./session.ts";
export type { SessionOrigin } from "./session.ts";
export {
  bothUp,
  deadline,
  demandActive,
  detectionTime,
  FINAL_GAP,
  isStall,
  remoteDetectionTime,
  SLOW,
  transmitInterval,
} from "./timing.ts";
export { DIAGNOSTIC } from "./types.ts";
export type {
  Micros,
  NeighbourAdminDownEffect,
  Remote,
  SendEffect,
  Session,
  SessionEffect,
  SessionEvent,
  SessionSettings,
  TransitionCause,
  TransitionEffect,
} from "./types.ts";
export { isAllowed, refuseStranger } from "./unsolicited.ts";
export type { Refusal, Stranger, UnsolicitedSettings } from "./unsolicited.ts";
export { believeLooped, LOOPED_TTL } from "./unaffiliated.ts";
