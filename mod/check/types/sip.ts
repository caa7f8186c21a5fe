/**
 * OPTIONS (RFC 3261 section 11): asks a SIP server what it can do. The answer goes to the port that
 * asks, whatever name stands in Via (`rport`, RFC 3581).
 *
 * @module
 */

import { showBytes, showText } from "../../text/mod.ts";
import { failed, type Outcome, passed } from "../outcome.ts";
import { utf8 } from "./conversation.ts";
import type { UdpQuestion } from "./udp_question.ts";

/** What is asked of a SIP server. */
export interface SipSettings {
  /** Address and port as they stand in a URI: `192.0.2.1:5060`. */
  readonly host: string;
  /** Status codes that are right, both ends included. */
  readonly status: readonly (readonly [number, number])[];
}

/** Nobody has it (RFC 2606): nothing is to be sent there. */
const OWN_NAME = "halb.invalid";

/** @param random so many bytes that nobody guesses */
export function sipQuestion(
  { host, status }: SipSettings,
  random: (count: number) => Uint8Array,
): UdpQuestion {
  const token = () => Array.from(random(8), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const call = `${token()}@${OWN_NAME}`;
  const lines = [
    `OPTIONS sip:${host} SIP/2.0`,
    `Via: SIP/2.0/UDP ${OWN_NAME};branch=z9hG4bK${token()};rport`,
    "Max-Forwards: 70",
    `From: <sip:halb@${OWN_NAME}>;tag=${token()}`,
    `To: <sip:${host}>`,
    `Call-ID: ${call}`,
    "CSeq: 1 OPTIONS",
    `Contact: <sip:halb@${OWN_NAME}>`,
    "Accept: application/sdp",
    "User-Agent: halb",
    "Content-Length: 0",
  ];
  return {
    request: utf8(`${lines.join("\r\n")}\r\n\r\n`),
    judge(reply): Outcome | string {
      const [head = ""] = new TextDecoder().decode(reply).split("\r\n\r\n", 1);
      const [first = "", ...fields] = head.split("\r\n");
      const [, digits, phrase = ""] = /^SIP\/2\.0 ([1-6]\d\d) ?(.*)$/.exec(first) ?? [];
      if (digits === undefined) return `the reply is not SIP: "${showBytes(reply, 40)}"`;
      const answers = fields.some((field) => {
        const [, value] = /^(?:call-id|i)\s*:\s*(\S+)\s*$/i.exec(field) ?? [];
        return value === call;
      });
      if (!answers) return "the reply is to another question";
      const said = `SIP status ${digits}`;
      const code = Number(digits);
      // It is being worked on.
      if (code < 200) return `${said} alone came in time`;
      const output = { output: showText(`${digits} ${phrase}`) };
      const right = status.some(([low, high]) => code >= low && code <= high);
      return right ? passed(said, output) : failed(said, output);
    },
  };
}
