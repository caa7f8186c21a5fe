/**
 * A question for the time (RFC 5905 section 7.3), as a client asks it. The time itself is not looked
 * at: a server that says that it is synchronised passes.
 *
 * ```text
 *  0                   1                   2                   3
 *  +---+-----+-----+---------------+---------------+---------------+
 *  |LI | VN  |Mode |    Stratum    |     Poll      |   Precision   |
 *  +---+-----+-----+---------------+---------------+---------------+
 *  |  Root delay, root dispersion, reference ID (a code where stratum is 0)
 *  |  Reference timestamp (8)
 *  |  Origin timestamp (8): the transmit timestamp of the request
 *  |  Receive timestamp (8)
 *  |  Transmit timestamp (8)
 *  +---------------------------------------------------------------+
 * ```
 *
 * @module
 */

import { sameBytes } from "../../secret/mod.ts";
import { showHex } from "../../text/mod.ts";
import { failed, type Outcome, passed } from "../outcome.ts";
import type { UdpQuestion } from "./udp_question.ts";

const LENGTH = 48;
const [CODE, ORIGIN, TRANSMIT] = [12, 24, 40];
const [CLIENT, SERVER] = [3, 4];
const VERSION = 4;
/** Of the leap indicator: not synchronised. So is a stratum of 0, or above the last one. */
const [ALARM, LAST_STRATUM] = [3, 15];
/** Kiss codes that tell a client to go away (RFC 5905 section 7.4). */
const REFUSALS = /^(DENY|RSTR|RATE)$/;

/** @param random so many bytes that nobody guesses */
export function ntpQuestion(random: (count: number) => Uint8Array): UdpQuestion {
  const request = new Uint8Array(LENGTH);
  request[0] = VERSION << 3 | CLIENT;
  // The server gives it back as it is: no clock is told to strangers.
  const token = random(8);
  request.set(token, TRANSMIT);
  return {
    request,
    judge(reply): Outcome | string {
      const first = reply[0] ?? 0;
      if (reply.length < LENGTH || (first & 7) !== SERVER) {
        return `the reply is not NTP: ${showHex(reply, 16)}`;
      }
      if (!sameBytes(reply.subarray(ORIGIN, ORIGIN + 8), token)) {
        return "the reply is to another question";
      }
      return judge(first >> 6, reply[1]!, String.fromCharCode(...reply.subarray(CODE, CODE + 4)));
    },
  };
}

function judge(leap: number, stratum: number, text: string): Outcome {
  const code = stratum === 0 && /^[A-Z]{4}$/.test(text) ? text : "";
  if (REFUSALS.test(code)) return failed(`the server refuses to answer: ${code}`);
  if (leap === ALARM || stratum === 0 || stratum > LAST_STRATUM) {
    return failed(`the server is not synchronised${code === "" ? "" : `: ${code}`}`);
  }
  return passed(`synchronised, of stratum ${stratum}`);
}
