/**
 * Status-Server (RFC 5997): asks a RADIUS server whether it is well, without a user. It says nothing
 * to whom it does not know, nor where the secret is another one.
 *
 * ```text
 *  +---------------+---------------+-------------------------------+
 *  |     Code      |  Identifier   |            Length             |
 *  +---------------+---------------+-------------------------------+
 *  |  Authenticator (16): random; of a reply
 *  |  MD5(code, identifier, length, authenticator of the request, attributes, secret)
 *  |  Attributes: type, length, value; 80: HMAC-MD5 of all (RFC 3579 section 3.2)
 * ```
 *
 * @module
 */

import { hmac, md5, MD5_LENGTH, sameBytes } from "../../secret/mod.ts";
import { showHex } from "../../text/mod.ts";
import { failed, type Outcome, passed } from "../outcome.ts";
import { concatenate, utf8 } from "./conversation.ts";
import type { UdpQuestion } from "./udp_question.ts";

const HEADER = 20;
const AUTHENTICATOR = 4;
const STATUS_SERVER = 12;
/** What answers it: on the port of authentication, on that of accounting. */
const ANSWERS: Readonly<Record<number, string>> = { 2: "Access-Accept", 5: "Accounting-Response" };
const [NAS_IDENTIFIER, MESSAGE_AUTHENTICATOR] = [32, 80];
const OWN_NAME = utf8("halb");

/**
 * @param secret 1 to 64 bytes, the same array each time
 * @param random so many bytes that nobody guesses
 */
export function radiusQuestion(
  secret: Uint8Array,
  random: (count: number) => Uint8Array,
): UdpQuestion {
  const [identifier = 0] = random(1);
  const authenticator = random(MD5_LENGTH);
  const length = HEADER + 2 + OWN_NAME.length + 2 + MD5_LENGTH;
  const request = concatenate([
    Uint8Array.of(STATUS_SERVER, identifier, length >> 8, length & 255),
    authenticator,
    Uint8Array.of(NAS_IDENTIFIER, 2 + OWN_NAME.length),
    OWN_NAME,
    Uint8Array.of(MESSAGE_AUTHENTICATOR, 2 + MD5_LENGTH),
    new Uint8Array(MD5_LENGTH),
  ]);
  request.set(hmac("md5", secret, request), length - MD5_LENGTH);
  return {
    request,
    silence: "so does a server that has another secret for us, or none",
    judge(reply): Outcome | string {
      const said = reply.length < HEADER ? 0 : reply[2]! << 8 | reply[3]!;
      if (said < HEADER || said > reply.length) {
        return `the reply is not RADIUS: ${showHex(reply, 16)}`;
      }
      const message = reply.slice(0, said);
      if (message[1] !== identifier) return "the reply is to another question";
      const signature = message.slice(AUTHENTICATOR, HEADER);
      message.set(authenticator, AUTHENTICATOR);
      const signed = concatenate([message, secret]);
      const right = new Uint8Array(MD5_LENGTH);
      md5(signed, signed.length, right, 0);
      if (!sameBytes(signature, right)) return "the reply is not signed with our secret";
      const code = message[0]!;
      const name = ANSWERS[code];
      return name === undefined ? failed(`the reply is of code ${code}`) : passed(name);
    },
  };
}
