/**
 * The bytes of what a session sends.
 *
 * @module
 */

import { isMeticulous, signControl } from "./authentication.ts";
import { CONTROL_HEADER, emptyControlPacket, encodeControl } from "./packet.ts";
import { demandActive } from "./timing.ts";
import type { Micros, SendEffect, Session } from "./types.ts";

/** A keyed hash's number grows so often at least: a replay is good for so long at most. */
const SEQUENCE_AGE: Micros = 1_000_000;
const SECOND: Micros = 1_000_000;

const packet = emptyControlPacket();

/**
 * Keyed hashes: whether the number has to grow. Each second, and where the packet says something
 * else than the one before (section 6.7.3): who records a Down could take the session down with it
 * otherwise, as long as the number stays the same.
 */
function saysMore(session: Session, bytes: Uint8Array, now: Micros): boolean {
  let content = 0x811c9dc5;
  for (let i = 0; i < CONTROL_HEADER; i++) content = Math.imul(content ^ bytes[i]!, 0x01000193);
  const changed = content >>> 0 !== session.sequenceContent;
  session.sequenceContent = content >>> 0;
  return changed || session.sequenceGrew === null || now - session.sequenceGrew >= SEQUENCE_AGE;
}

/**
 * Writes the packet that a send effect asks for. To be called once for each effect, in order: each
 * packet may take a sequence number.
 *
 * @param bytes room for `LONGEST_CONTROL`
 * @returns its length
 */
export function writeControl(
  session: Session,
  effect: SendEffect,
  bytes: Uint8Array,
  now: Micros,
): number {
  const { settings } = session;
  packet.diagnostic = session.diagnostic;
  packet.state = session.state;
  // A packet that answers asks nothing: both bits together are forbidden (6.8.7).
  packet.poll = session.polling && !effect.final;
  packet.final = effect.final;
  // This agent shares its fate with the host's control plane.
  packet.controlPlaneIndependent = false;
  // An initiator of Seamless BFD is known by it (RFC 7880 section 7.3.2).
  packet.demand = settings.seamless !== undefined || demandActive(session);
  packet.detectMultiplier = settings.detectMultiplier;
  packet.myDiscriminator = session.localDiscriminator;
  packet.yourDiscriminator = session.remoteDiscriminator;
  packet.desiredMinTx = session.desiredMinTx;
  packet.requiredMinRx = session.requiredMinRx;
  packet.requiredMinEchoRx = settings.echoReceiveInterval;
  if (settings.unaffiliated) {
    // RFC 9747 section 2: fixed, and ignored by us when they come back.
    packet.desiredMinTx = packet.requiredMinRx = SECOND;
    packet.requiredMinEchoRx = 0;
  }
  const length = encodeControl(packet, bytes);
  if (settings.authentication === null) return length;
  const { sequence } = session;
  const { type } = settings.authentication;
  if (isMeticulous(type) || saysMore(session, bytes, now)) {
    sequence.transmit = (sequence.transmit + 1) >>> 0;
    session.sequenceGrew = now;
  }
  return signControl(bytes, settings.authentication, sequence.transmit);
}
