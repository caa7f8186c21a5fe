/**
 * QUIC: offers a version that nobody will ever speak, and has to be told which ones the server
 * does: Version Negotiation (RFC 8999 section 6, RFC 9000 section 6.1). It needs no key and leaves
 * no connection.
 *
 * ```text
 *  1 ....... | Version (4) | length, Destination ID | length, Source ID | …
 *  a reply:    Version 0, the IDs the other way round, versions of 4 bytes
 * ```
 *
 * @module
 */

import { sameBytes } from "../../secret/mod.ts";
import { showHex } from "../../text/mod.ts";
import { failed, type Outcome, passed } from "../outcome.ts";
import type { UdpQuestion } from "./udp_question.ts";

/** RFC 9000 section 14.1: servers answer nothing shorter. */
const LENGTH = 1200;
const LONG = 0x80;
/** Long header, and the bit that every version has set so far. */
const FIRST = 0xc0;
/** Reserved to force negotiation (RFC 9000 section 15). */
const NOBODYS = Uint8Array.of(0x1a, 0x2a, 0x3a, 0x4a);
const ID_LENGTH = 8;
/** Where the lengths of both IDs stand in ours and in the reply. */
const [ID, OTHER_ID] = [5, 6 + ID_LENGTH];
const VERSIONS = OTHER_ID + 1 + ID_LENGTH;
/** RFC 9369. */
const VERSION_2 = 0x6b3343cf;

/** @param random so many bytes that nobody guesses */
export function quicQuestion(random: (count: number) => Uint8Array): UdpQuestion {
  const [there, here] = [random(ID_LENGTH), random(ID_LENGTH)];
  const request = new Uint8Array(LENGTH);
  request[0] = FIRST;
  request.set(NOBODYS, 1);
  request[ID] = request[OTHER_ID] = ID_LENGTH;
  request.set(there, ID + 1);
  request.set(here, OTHER_ID + 1);
  return {
    request,
    judge(reply): Outcome | string {
      const isList = reply.length >= VERSIONS && (reply[0]! & LONG) !== 0 &&
        reply.subarray(1, 5).every((byte) => byte === 0) && (reply.length - VERSIONS) % 4 === 0;
      if (!isList) return `the reply is no list of QUIC's versions: ${showHex(reply, 16)}`;
      const idAt = (at: number) => reply.subarray(at + 1, at + 1 + ID_LENGTH);
      const isOurs = reply[ID] === ID_LENGTH && reply[OTHER_ID] === ID_LENGTH &&
        sameBytes(idAt(ID), here) && sameBytes(idAt(OTHER_ID), there);
      if (!isOurs) return "the reply is to another question";
      const versions = versionsIn(reply.subarray(VERSIONS));
      if (versions.length === 0) return failed("the server speaks no version of QUIC");
      return passed(`QUIC ${versions.slice(0, 8).join(", ")}`);
    },
  };
}

function versionsIn(list: Uint8Array): string[] {
  const view = new DataView(list.buffer, list.byteOffset, list.length);
  const all = Array.from({ length: list.length / 4 }, (_, i) => view.getUint32(4 * i));
  // Servers put in one that is reserved, so that nobody relies on the list.
  const real = all.filter((version) => (version & 0x0f0f0f0f) !== 0x0a0a0a0a && version !== 0);
  return real.map((version) => {
    if (version === VERSION_2) return "2";
    return version < 256 ? `${version}` : `0x${version.toString(16).padStart(8, "0")}`;
  });
}
