/**
 * The reflector of Seamless BFD (RFC 7880 section 7.3, RFC 7881): answers each valid packet, and
 * remembers nothing. It never sends by itself.
 *
 * Sequence numbers are not checked, since there is no session to keep them; digests are, and the
 * answer is signed with the number that was sent.
 *
 * @module
 */

import { type AuthenticationSettings, signControl, verifyControl } from "./authentication.ts";
import {
  type ControlPacket,
  decodeControl,
  type DropReason,
  emptyControlPacket,
  encodeControl,
  read32,
  SEQUENCE_AT,
} from "./packet.ts";
import type { Micros } from "./types.ts";

/** RFC 7881 section 3: where a reflector listens, and what it sends from. */
export const SEAMLESS_PORT = 7784;

export interface ReflectorSettings {
  /** S-BFD discriminators of this host: a pool of their own. */
  readonly discriminators: readonly number[];
  /** Out of service: answers say AdminDown, which is no loss of the path. */
  readonly adminDown: boolean;
  /** Least interval that initiators are asked to keep, all of them together being the load. */
  readonly requiredMinRx: Micros;
  readonly authentication: AuthenticationSettings | null;
}

/** Why a question got no answer; `not_allowed` is for who is not among those who may ask. */
export type ReflectorDrop = DropReason | "source_port" | "not_demand" | "not_allowed";

const received = emptyControlPacket();
const answer = emptyControlPacket();

/**
 * Makes the answer to what came to port 7784, into `out`, to be sent back to the port it came from.
 *
 * @param sourcePort where it came from: a reflector must not answer a reflector
 * @returns the answer's length, or why there is none
 */
export function reflect(
  bytes: Uint8Array,
  length: number,
  sourcePort: number,
  settings: ReflectorSettings,
  out: Uint8Array,
): number | ReflectorDrop {
  if (sourcePort === SEAMLESS_PORT) return "source_port";
  const reason = decodeControl(bytes, length, received);
  if (reason !== null) return reason;
  // An initiator sets D; an answer that strays has it clear (RFC 7880 section 7.3.1).
  if (!received.demand) return "not_demand";
  if (!settings.discriminators.includes(received.yourDiscriminator)) return "unknown_session";
  const { authentication } = settings;
  const anySequence = { transmit: 0, receive: 0, known: false };
  const forged = verifyControl(bytes, received, authentication, anySequence, 1);
  if (forged !== null) return forged;
  fillAnswer(received, settings);
  const plain = encodeControl(answer, out);
  if (authentication === null) return plain;
  const sequence = authentication.type === "simple" ? 0 : read32(bytes, SEQUENCE_AT);
  return signControl(out, authentication, sequence);
}

function fillAnswer(packet: Readonly<ControlPacket>, settings: ReflectorSettings): void {
  answer.state = settings.adminDown ? "admin_down" : "up";
  answer.diagnostic = 0;
  answer.poll = false;
  answer.final = packet.poll;
  answer.demand = false;
  answer.detectMultiplier = packet.detectMultiplier;
  answer.myDiscriminator = packet.yourDiscriminator;
  answer.yourDiscriminator = packet.myDiscriminator;
  answer.desiredMinTx = packet.desiredMinTx;
  answer.requiredMinRx = settings.requiredMinRx;
  answer.requiredMinEchoRx = 0;
}
