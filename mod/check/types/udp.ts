/**
 * udp: a payload goes out; a reply must come, or at least no word of the kernel (ICMP) that nobody
 * is there. Without `reply` silence is success, as with keepalived: that is all that can be known of
 * a service that does not answer, and it takes the whole timeout to know it.
 *
 * @module
 */

import { failed, type Outcome, passed } from "../outcome.ts";
import { showHex } from "../../text/mod.ts";
import { type Conversation, type Step, WAIT } from "./conversation.ts";

/** Bytes that a reply begins with. */
export interface Pattern {
  readonly bytes: Uint8Array;
  /** 255 where the byte counts, 0 where anything may stand, 240 and 15 for single digits. */
  readonly mask: Uint8Array;
}

/** What is asked of a udp server. */
export interface UdpSettings {
  readonly payload: Uint8Array;
  /** `null`: none is needed. */
  readonly reply: {
    readonly pattern: Pattern | null;
    readonly minLength: number;
    readonly maxLength: number;
  } | null;
}

/** Reads hexadecimal digits with `X` for any digit; spaces may stand between. `null`: not such. */
export function parsePattern(text: string): Pattern | null {
  const digits = text.replaceAll(/\s/g, "");
  if (digits.length % 2 !== 0 || !/^[\da-fxX]*$/i.test(digits)) return null;
  const bytes = new Uint8Array(digits.length / 2);
  const mask = new Uint8Array(digits.length / 2);
  for (let i = 0; i < digits.length; i++) {
    const value = parseInt(digits[i]!, 16);
    if (Number.isNaN(value)) continue;
    const shift = i % 2 === 0 ? 4 : 0;
    bytes[i >> 1]! |= value << shift;
    mask[i >> 1]! |= 15 << shift;
  }
  return { bytes, mask };
}

/** Whether `bytes` begin with the pattern. */
export function matchesPattern(bytes: Uint8Array, pattern: Pattern): boolean {
  return bytes.length >= pattern.bytes.length &&
    pattern.bytes.every((byte, i) => (bytes[i]! & pattern.mask[i]!) === byte);
}

/** A conversation with a udp server. */
export function udpConversation({ payload, reply }: UdpSettings): Conversation {
  let wrong = "";
  return {
    open: (): Step => ({ send: payload }),
    receive(bytes: Uint8Array): Step {
      const output = { output: showHex(bytes) };
      if (reply === null) return { outcome: passed("a reply", output) };
      const { pattern, minLength, maxLength } = reply;
      // A stray datagram, the answer to the probe before, say, must not decide: the right one may
      // be under way.
      if (bytes.length < minLength) wrong = `a reply of ${bytes.length} bytes is too short`;
      else if (bytes.length > maxLength) wrong = `a reply of ${bytes.length} bytes is too long`;
      else if (pattern !== null && !matchesPattern(bytes, pattern)) {
        wrong = `the reply begins with ${showHex(bytes, 16)}`;
      } else return { outcome: passed("the expected reply", output) };
      return WAIT;
    },
    end: (): Step => WAIT,
    timeout(): Outcome {
      if (reply === null) return passed("nobody said that the port is closed");
      return failed(wrong === "" ? "no reply in time" : wrong);
    },
  };
}
