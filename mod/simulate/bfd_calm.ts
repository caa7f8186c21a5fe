/**
 * BFD sessions in which nothing happens but packets: on networks that lose nothing, whoever sends
 * after 75 to 100 % of an interval (90 % where the multiplier is 1, RFC 5880 section 6.8.7) is heard
 * within the detection time, whatever chance decides. So a session that was the same for some of its
 * intervals stays so until something happens.
 *
 * @module
 */

import { deadline, type Session, SLOW } from "../bfd/mod.ts";
import type { Micros } from "../vrrp/mod.ts";

/** Intervals in which sides that hear each other come up, and agree on all they have to. */
const SETTLING = 4;

/** Time in which what the sessions are about shows; 1: there are none; null: it shows already. */
export function periodOf(sessions: readonly Session[]): Micros | null {
  if (sessions.length === 0) return 1;
  let longest = SLOW;
  for (const session of sessions) {
    if (!isCalm(session)) return null;
    const { desiredMinTx, requiredMinRx, remote } = session;
    longest = Math.max(
      longest,
      ...[desiredMinTx, requiredMinRx, remote.desiredMinTx, remote.requiredMinRx],
    );
  }
  // Whole seconds, so that the periods of others go into it.
  return SETTLING * SLOW * Math.ceil(longest / SLOW);
}

/** It waits for nothing but its next packet, and that of the other side, or an answer to a poll. */
function isCalm(session: Session): boolean {
  if (session.stopped) return true;
  const { settings, remote, echoActive, heldUntil, stopping, transmitAt } = session;
  if (stopping || echoActive || heldUntil !== undefined) return false;
  if (settings.demand !== null || remote.demand) return false;
  const { detectAt, lookAt } = session;
  return deadline(session) ===
    Math.min(transmitAt ?? Infinity, detectAt ?? Infinity, lookAt ?? Infinity);
}

/** All of a session but times that move with each packet, and numbers that decide nothing. */
export function steadyOf(session: Session): unknown {
  return {
    ...session,
    ...{ lastSent: null, pollSent: null, lastReceived: session.lastReceived !== null, jitter: 0 },
    ...{ transmitAt: session.transmitAt !== null, detectAt: session.detectAt !== null, lookAt: 0 },
    ...{ sequence: null, sequenceForgottenAt: 0, sequenceGrew: null, sequenceContent: 0 },
  };
}

/** Its next packets, and those of the other side, come later by so much. */
export function leapSession(session: Session, by: Micros): void {
  const later = (at: Micros | null): Micros | null => at === null ? null : at + by;
  if (session.transmitAt !== null) session.lastSent = later(session.lastSent);
  if (session.detectAt !== null) session.lastReceived = later(session.lastReceived);
  if (session.polling) session.pollSent = later(session.pollSent);
  session.transmitAt = later(session.transmitAt);
  session.detectAt = later(session.detectAt);
  session.lookAt = later(session.lookAt);
  session.sequenceGrew = later(session.sequenceGrew);
  session.sequenceForgottenAt += by;
}
