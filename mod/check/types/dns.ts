/**
 * dns: a question over UDP or TCP, and the code and records that are wanted.
 *
 * @module
 */

import { failed, type Outcome, passed } from "../outcome.ts";
import { showText } from "../../text/mod.ts";
import { concatenate, type Conversation, Received, type Step, WAIT } from "./conversation.ts";
import { decodeAnswer, type DnsAnswer, encodeQuestion, type Question } from "./dns_message.ts";

/** What is asked of a DNS server. */
export interface DnsSettings extends Question {
  readonly protocol: "udp" | "tcp";
  /** Wanted codes, such as `NOERROR`. */
  readonly codes: readonly string[];
  /** Data of records as zone files write it, each of which must be there; names end in a dot. */
  readonly answers: readonly string[];
}

/** Whether an answer is the wanted one. */
export function judgeAnswer(answer: DnsAnswer, { codes, answers, type }: DnsSettings): Outcome {
  const texts = answer.records.map(({ text }) => text);
  const output = { output: showText([answer.code, ...texts].join(", ")) };
  if (!codes.includes(answer.code)) {
    return failed(`the answer is ${answer.code} instead of ${codes.join(" or ")}`, output);
  }
  const found = answer.records.filter((record) => record.type === type)
    .map(({ text }) => text.toLowerCase());
  const missing = answers.find((wanted) => !found.includes(wanted.toLowerCase()));
  if (missing === undefined) return passed(`the answer is ${answer.code}`, output);
  const cut = answer.truncated ? "; it is cut short: ask over TCP" : "";
  return failed(`the answer lacks ${showText(missing, 80)}${cut}`, output);
}

/** A conversation with a DNS server. @throws {TypeError} where the name is none */
export function dnsConversation(settings: DnsSettings): Conversation {
  const question = encodeQuestion(settings);
  const stream = settings.protocol === "tcp";
  const received = new Received(65_537);
  let strays = 0;

  function decide(message: Uint8Array): Step {
    const answer = decodeAnswer(message, settings);
    if (answer === null) {
      // Somebody else's datagram is not this server's failure; in a stream there is nobody else.
      strays++;
      return stream ? { outcome: failed("the answer is to another question") } : WAIT;
    }
    const outcome = typeof answer === "string" ? failed(answer) : judgeAnswer(answer, settings);
    return { outcome };
  }

  return {
    open(): Step {
      if (!stream) return { send: question };
      const length = Uint8Array.of(question.length >> 8, question.length & 255);
      return { send: concatenate([length, question]) };
    },
    receive(bytes: Uint8Array): Step {
      if (!stream) return decide(bytes);
      received.add(bytes);
      const all = received.bytes;
      if (all.length < 2) return WAIT;
      const length = (all[0]! << 8) | all[1]!;
      return all.length < 2 + length ? WAIT : decide(all.subarray(2, 2 + length));
    },
    end: (): Step => stream ? { outcome: failed("closed before the answer came") } : WAIT,
    timeout(): Outcome {
      return failed(strays === 0 ? "no answer in time" : "answers to other questions alone");
    },
  };
}
