/**
 * BFD sessions in what one process tells another, see `memory_schema.ts`: keys in the order in which
 * halb writes them. No key to authenticate with is ever among it.
 *
 * @module
 */

import * as v from "valibot";
import { AUTHENTICATION_TYPES, STATES } from "../bfd/mod.ts";
import { MAX_SEQUENCES } from "../plane/shared.ts";
import {
  address,
  count,
  interfaceName,
  micros,
  name,
  port,
  text,
  u32,
  whole,
} from "./memory_values.ts";

export const interval = u32;
export const octet = whole(0, 255);
/** Of RFC 5880 section 4.1: five bits. */
export const diagnostic = whole(0, 31);
export const sessionState = v.picklist(STATES);
export const discriminator = u32;
/** More than anybody runs on one host. */
const MOST_SESSIONS = 65_536;

const path = v.strictObject({
  namespace: text,
  family: v.picklist(["ipv4", "ipv6"]),
  peer: address,
  source: v.union([v.literal(""), address]),
  interface: v.union([v.literal(""), interfaceName]),
  vrf: v.exactOptional(interfaceName),
  multihop: v.boolean(),
  seamless: v.exactOptional(v.literal(true)),
  minimumTtl: octet,
});

const settingsEntries = {
  name,
  transmitInterval: interval,
  receiveInterval: interval,
  detectMultiplier: whole(1, 255),
  passive: v.boolean(),
  demand: v.nullable(v.strictObject({ pollInterval: micros })),
  echoReceiveInterval: interval,
  authentication: v.null(),
  stallGrace: v.boolean(),
  seamless: v.exactOptional(v.strictObject({ remoteDiscriminator: discriminator })),
  unaffiliated: v.exactOptional(v.literal(true)),
};
export const sessionSettings = v.strictObject(settingsEntries);

const authentication = v.exactOptional(v.picklist(AUTHENTICATION_TYPES));
/** Networks, and interfaces, that may be allowed. */
const allow = v.array(v.pipe(v.string(), v.maxLength(64)));
const interfaces = v.array(interfaceName);

const reflector = v.strictObject({
  namespace: text,
  addresses: v.array(address),
  interfaces,
  allow,
  discriminators: v.array(whole(1, 0xffff_ffff)),
  minimumTtl: octet,
  requiredMinRx: interval,
  adminDown: v.boolean(),
  authentication,
});

const unsolicited = v.strictObject({
  namespace: text,
  interfaces,
  allow,
  limit: whole(1, MOST_SESSIONS),
  settings: v.strictObject({ ...settingsEntries, name: v.literal("") }),
  authentication,
});

const damping = v.strictObject({
  threshold: whole(1, Number.MAX_SAFE_INTEGER),
  window: micros,
  hold: micros,
  longest: micros,
});

export const session = v.strictObject({
  settings: sessionSettings,
  state: sessionState,
  since: micros,
  transitions: count,
  diagnostic,
  localDiscriminator: whole(1, 0xffff_ffff),
  remoteDiscriminator: discriminator,
  remote: v.strictObject({
    state: sessionState,
    diagnostic,
    demand: v.boolean(),
    detectMultiplier: octet,
    desiredMinTx: interval,
    requiredMinRx: interval,
    requiredMinEchoRx: interval,
  }),
  desiredMinTx: interval,
  desiredMinTxUsed: interval,
  requiredMinRx: interval,
  requiredMinRxUsed: interval,
  polling: v.boolean(),
  pollSince: micros,
  pollSent: v.nullable(micros),
  pollQuietUntil: micros,
  demandPollAt: v.nullable(micros),
  echoActive: v.boolean(),
  heldUntil: v.exactOptional(micros),
  echoFailures: v.exactOptional(count),
  lastSent: v.nullable(micros),
  jitter: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
  finalSent: v.nullable(micros),
  finalAt: v.nullable(micros),
  lastReceived: v.nullable(micros),
  grace: micros,
  graceGiven: micros,
  silentAt: v.nullable(micros),
  endAt: v.nullable(micros),
  stopping: v.boolean(),
  stopped: v.boolean(),
  sequence: v.strictObject({ transmit: u32, receive: u32, known: v.boolean() }),
  roundTrip: v.exactOptional(micros),
  sequenceForgottenAt: micros,
  sequenceGrew: v.nullable(micros),
  sequenceContent: u32,
  transmitAt: v.nullable(micros),
  detectAt: v.nullable(micros),
  lookAt: v.nullable(micros),
});

const client = v.strictObject({
  settings: v.strictObject({
    damping: v.nullable(damping),
    adminDownIsFailure: v.boolean(),
    bringUp: micros,
  }),
  condition: v.picklist(["bring_up", "up", "failed", "admin_down"]),
  reason: text,
  since: micros,
  damping: v.strictObject({ falls: v.array(micros) }),
  told: v.nullable(v.strictObject({ healthy: v.boolean(), reason: text })),
});

/** What is wanted: a `BfdPlan`. */
export const bfdPlan = v.strictObject({
  sessions: v.pipe(
    v.array(v.strictObject({
      path,
      settings: sessionSettings,
      echo: v.exactOptional(v.strictObject({ transmitInterval: interval })),
      authentication,
      damping: v.exactOptional(damping),
      adminDownIsFailure: v.exactOptional(v.literal(false)),
    })),
    v.maxLength(MOST_SESSIONS),
  ),
  reflector: v.exactOptional(reflector),
  unsolicited: v.exactOptional(unsolicited),
});

/** What sessions remember: `BfdMemory`s. */
export const bfdMemories = v.pipe(
  v.array(v.strictObject({
    path,
    session,
    client,
    sourcePort: port,
    slot: whole(-1, MAX_SEQUENCES - 1),
  })),
  v.maxLength(MOST_SESSIONS),
);
