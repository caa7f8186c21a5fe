/**
 * ping: an ICMP echo request (RFC 792, RFC 4443 section 4.1) and its reply.
 *
 * ```text
 *  0                   1                   2                   3
 *  +---------------+---------------+-------------------------------+
 *  |     Type      |   Code = 0    |           Checksum            |
 *  +---------------+---------------+-------------------------------+
 *  |          Identifier           |        Sequence Number        |
 *  +-------------------------------+-------------------------------+
 *  |     Data: eight bytes that nobody else has, and padding
 * ```
 *
 * Over a datagram socket of the kernel's ("ping socket") the identifier is the kernel's; over a raw
 * one it is ours, IPv4 replies have their header in front, and everybody's replies arrive.
 *
 * @module
 */

import { internetChecksum } from "../../ip/mod.ts";
import { failed, type Outcome, passed } from "../outcome.ts";
import { type Conversation, type Step, WAIT } from "./conversation.ts";

const HEADER = 8;
const TOKEN = 8;
const TYPES = { ipv4: { request: 8, reply: 0 }, ipv6: { request: 128, reply: 129 } } as const;

/** One echo. */
export interface PingSettings {
  readonly family: "ipv4" | "ipv6";
  /** A raw socket, not a ping socket. */
  readonly raw: boolean;
  /** 0 to 65535. */
  readonly identifier: number;
  readonly sequence: number;
  /** Eight bytes that tell this probe from all others. */
  readonly token: Uint8Array;
  /** Bytes of data, the token among them: 8 to 65,000. */
  readonly size: number;
}

function echoRequest({ family, identifier, sequence, token, size }: PingSettings): Uint8Array {
  const message = new Uint8Array(HEADER + size);
  const view = new DataView(message.buffer);
  message[0] = TYPES[family].request;
  view.setUint16(4, identifier);
  view.setUint16(6, sequence);
  message.set(token, HEADER);
  // Over IPv6 the kernel fills it in, since it covers addresses that we do not know.
  if (family === "ipv4") view.setUint16(2, internetChecksum(message));
  return message;
}

/** Whether these bytes, from the ICMP header on, answer the request. */
function isReply(message: Uint8Array, settings: PingSettings): boolean {
  const { family, raw, identifier, sequence, token, size } = settings;
  if (message.length !== HEADER + size || message[0] !== TYPES[family].reply) return false;
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  if (message[1] !== 0 || view.getUint16(6) !== sequence) return false;
  if (raw && view.getUint16(4) !== identifier) return false;
  return token.every((byte, i) => message[HEADER + i] === byte);
}

/** @throws {RangeError} where the settings make no request */
export function pingConversation(settings: PingSettings): Conversation {
  const { family, raw, size, token } = settings;
  if (token.length !== TOKEN || !(size >= TOKEN && size <= 65_000)) {
    throw new RangeError(`An echo of ${size} bytes with a token of ${token.length} makes no sense`);
  }
  return {
    open: (): Step => ({ send: echoRequest(settings) }),
    receive(bytes: Uint8Array): Step {
      const header = raw && family === "ipv4" ? ((bytes[0] ?? 0) & 15) * 4 : 0;
      const answered = isReply(bytes.subarray(header), settings);
      // Others ping this server too, and pings of our own cross.
      return answered ? { outcome: passed("an echo") } : WAIT;
    },
    end: (): Step => WAIT,
    timeout: (): Outcome => failed("no echo in time"),
  };
}
