/**
 * Questions to the kernel and their answers. Many requests go in one buffer, each answer is
 * matched by its sequence number; a dump is asked for again when the table changed under it. The
 * kernel works while we send (that is when the thread sleeps on the kernel's configuration lock),
 * so after `send` the answers are there already.
 *
 * @module
 */

import {
  type Acknowledgement,
  describeAcknowledgement,
  DumpReader,
  HEADER_LENGTH,
  MessageWriter,
  type NetlinkMessage,
  NLMSG_ERROR,
  readAcknowledgement,
  splitMessages,
} from "../netlink/mod.ts";
import type { RequestIo } from "./io.ts";

/** Requests in one buffer: their answers must fit the socket's receive buffer together. */
const CHUNK = 64;
const ENOBUFS = 105;
/** In place of an acknowledgement that never came: nobody knows what became of the request. */
export const ANSWER_LOST = "The kernel's answer was lost";
/** How often a dump is begun anew when the table changes meanwhile. */
const DUMP_ATTEMPTS = 5;

/** Appends one request with the given sequence number. */
export type Encode = (writer: MessageWriter, sequence: number) => void;

/** The request side of one namespace. */
export class Requester {
  readonly #io: RequestIo;
  #sequence = 0;

  constructor(io: RequestIo) {
    this.#io = io;
  }

  /**
   * Does all of the requests, in order.
   *
   * @param answered called with each request's position and acknowledgement, in order
   * @param sending called before each buffer of requests is sent
   */
  transact(
    requests: readonly Encode[],
    answered: (position: number, acknowledgement: Acknowledgement) => void,
    sending: () => void = () => {},
  ): void {
    for (let first = 0; first < requests.length; first += CHUNK) {
      const chunk = requests.slice(first, first + CHUNK);
      const writer = new MessageWriter(chunk.length * 96);
      const start = this.#sequence + 1;
      for (const encode of chunk) encode(writer, this.#next());
      sending();
      this.#io.send(writer.finish());
      const answers = this.#answers(start, chunk.length);
      for (let i = 0; i < chunk.length; i++) {
        answered(
          first + i,
          answers.get(start + i) ??
            { sequence: start + i, errno: ENOBUFS, text: ANSWER_LOST },
        );
      }
    }
  }

  /**
   * Reads a table.
   *
   * @throws {Error} where the kernel refuses
   */
  dump(encode: Encode): readonly NetlinkMessage[] {
    for (let attempt = 1;; attempt++) {
      const reader = new DumpReader(this.#next());
      const writer = new MessageWriter(64);
      encode(writer, reader.sequence);
      this.#io.send(writer.finish());
      while (reader.state === "reading") {
        const bytes = this.#io.receive();
        if (bytes === undefined) break;
        reader.feed(bytes);
      }
      if (reader.state === "complete") return reader.messages;
      // A table that never stands still is taken as it came: the monitor tells of the changes.
      if (reader.state === "interrupted" && attempt >= DUMP_ATTEMPTS) return reader.messages;
      if (attempt >= DUMP_ATTEMPTS || reader.failure !== undefined) {
        const why = reader.failure === undefined
          ? "it has no end"
          : describeAcknowledgement(reader.failure);
        throw new Error(`Cannot read the kernel's table: ${why}`);
      }
    }
  }

  /**
   * Asks for what is answered by one message and an acknowledgement.
   *
   * @throws {Error} where the kernel refuses or says nothing
   */
  ask(encode: Encode): NetlinkMessage {
    const writer = new MessageWriter(64);
    const sequence = this.#next();
    encode(writer, sequence);
    this.#io.send(writer.finish());
    let answer: NetlinkMessage | undefined;
    for (;;) {
      const bytes = this.#io.receive();
      if (bytes === undefined) throw new Error("The kernel does not answer");
      for (const message of splitMessages(bytes).messages) {
        if (message.sequence !== sequence) continue;
        if (message.type !== NLMSG_ERROR) {
          answer = message;
          continue;
        }
        const read = readAcknowledgement(message);
        if (!read.ok) throw new Error(read.reason);
        if (read.value.errno !== 0) throw new Error(describeAcknowledgement(read.value));
        if (answer === undefined) throw new Error("The kernel acknowledges without an answer");
        return answer;
      }
    }
  }

  /** Acknowledgements of `count` requests, as far as they came. */
  #answers(start: number, count: number): Map<number, Acknowledgement> {
    const answers = new Map<number, Acknowledgement>();
    while (answers.size < count) {
      const bytes = this.#io.receive();
      if (bytes === undefined) break;
      for (const message of splitMessages(bytes).messages) {
        if (message.type !== NLMSG_ERROR) continue;
        const read = readAcknowledgement(message);
        if (!read.ok) continue;
        const { sequence } = read.value;
        if (sequence >= start && sequence < start + count) answers.set(sequence, read.value);
      }
    }
    return answers;
  }

  #next(): number {
    // 0 is what notifications carry, and the field has 32 bits.
    this.#sequence = this.#sequence >= 0x7fff0000 ? 1 : this.#sequence + 1;
    return this.#sequence;
  }
}

/** Bytes that a datagram of answers may have: the kernel sends dumps in pieces of up to 32 KiB. */
export const DATAGRAM_LENGTH = 32768 + HEADER_LENGTH;
