/**
 * smtp: the greeting, EHLO (HELO where that is not understood), STARTTLS where wanted, and a polite
 * QUIT (RFC 5321, RFC 3207).
 *
 * ```text
 *   220 ─► EHLO ─► 250 ──────────────────────────────► QUIT ─► 221 or the end
 *                   └─► STARTTLS ─► 220 ─► (TLS) ─► EHLO ─► 250 ─┘
 * ```
 *
 * @module
 */

import { failed, type Outcome, passed } from "../outcome.ts";
import { showText } from "../../text/mod.ts";
import { type Conversation, Received, type Step, utf8, WAIT } from "./conversation.ts";

/** RFC 5321 allows 512 bytes a reply line; servers exceed it. */
const LONGEST_LINE = 2048;
const MOST_LINES = 100;

/** What is asked of a mail server. */
export interface SmtpSettings {
  /** Our name in EHLO. */
  readonly helo: string;
  readonly startTls: boolean;
}

type Stage = "the greeting" | "EHLO" | "HELO" | "STARTTLS" | "QUIT";

/** A conversation with a mail server. @throws {TypeError} where the name would end the line */
export function smtpConversation({ helo, startTls }: SmtpSettings): Conversation {
  if (!/^[\x21-\x7e]+$/.test(helo)) throw new TypeError(`Not a name for EHLO: ${showText(helo)}`);
  let stage: Stage = "the greeting";
  let secure = false;
  let received = new Received(LONGEST_LINE);
  let lines: string[] = [];
  let greeting = "";

  function say(next: Stage, line: string): Step {
    stage = next;
    return { send: utf8(`${line}\r\n`) };
  }

  /** One whole reply: the code, and the text of its lines. */
  function reply(code: number, texts: readonly string[]): Step {
    const last = texts.at(-1) ?? "";
    const output = { output: showText(`${code} ${last}`) };
    const refused = () => ({ outcome: failed(`${stage} is answered with ${code}`, output) });
    switch (stage) {
      case "the greeting":
        if (code !== 220) return refused();
        greeting = output.output;
        return say("EHLO", `EHLO ${helo}`);
      case "EHLO":
        if (code === 500 || code === 501 || code === 502 || code === 504) {
          return startTls ? refused() : say("HELO", `HELO ${helo}`);
        }
        if (code !== 250) return refused();
        if (!startTls || secure) return say("QUIT", "QUIT");
        if (!texts.slice(1).some((text) => /^STARTTLS\s*$/i.test(text))) {
          return { outcome: failed("the server does not offer STARTTLS", output) };
        }
        return say("STARTTLS", "STARTTLS");
      case "HELO":
        return code === 250 ? say("QUIT", "QUIT") : refused();
      case "STARTTLS":
        if (code !== 220) return refused();
        // What came behind this reply was said before TLS, by anybody (RFC 3207 section 6).
        if (received.length > 0) {
          return { outcome: failed("the server speaks on in the clear after STARTTLS") };
        }
        return { startTls: true };
      case "QUIT":
        return { outcome: passed("greeted and answered", { output: greeting }) };
    }
  }

  /** One line without its end; an empty step where more must come. */
  function takeLine(line: string): Step {
    const match = /^([2-5]\d\d)(?:([ -])(.*))?$/s.exec(line);
    if (match === null) {
      const output = { output: showText(line) };
      const what = stage === "the greeting" ? stage : `the answer to ${stage}`;
      return { outcome: failed(`${what} is not SMTP`, output) };
    }
    const [, code, separator, text] = match;
    lines.push(text ?? "");
    if (separator !== "-") {
      const whole = lines;
      lines = [];
      return reply(Number(code), whole);
    }
    if (lines.length < MOST_LINES) return WAIT;
    return { outcome: failed(`${stage} is answered with more than ${MOST_LINES} lines`) };
  }

  return {
    open: (): Step => WAIT,
    receive(bytes: Uint8Array): Step {
      let rest = bytes;
      // A server speaks in turn: of what it says at once only the last reply may be answered.
      for (;;) {
        const end = rest.indexOf(10);
        const piece = end === -1 ? rest : rest.subarray(0, end);
        if (!received.add(piece)) {
          return { outcome: failed(`a line of the server is longer than ${LONGEST_LINE} bytes`) };
        }
        if (end === -1) return WAIT;
        const line = new TextDecoder().decode(received.bytes).replace(/\r$/, "");
        received = new Received(LONGEST_LINE);
        rest = rest.subarray(end + 1);
        if (stage === "STARTTLS" && rest.length > 0) received.add(rest.subarray(0, 1));
        const step = takeLine(line);
        if (step.outcome !== undefined || step.startTls) return step;
        if (step.send === undefined) continue;
        if (rest.length === 0) return step;
        return { outcome: failed("the server speaks before it is asked") };
      }
    },
    end(): Step {
      if (stage === "QUIT") {
        return { outcome: passed("greeted and answered", { output: greeting }) };
      }
      const what = stage === "the greeting"
        ? "closed without a greeting"
        : `closed instead of answering ${stage}`;
      return { outcome: failed(what, { output: greeting }) };
    },
    secured(): Step {
      secure = true;
      return say("EHLO", `EHLO ${helo}`);
    },
    timeout(): Outcome {
      // Who has answered everything may be slow to say goodbye.
      if (stage === "QUIT") return passed("greeted and answered", { output: greeting });
      const what = stage === "the greeting" ? "no greeting" : `no answer to ${stage}`;
      return failed(`${what} in time`, { output: greeting });
    },
  };
}
