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
import { textOf } from "../text/mod.ts";
import type { RequestIo } from "./io.ts";

/** Requests in one buffer: their answers must fit the socket's receive buffer together. */
const CHUNK = 64;
const [EINVAL, ENOBUFS] = [22, 105];
/** Sequence numbers end here: the field has 32 bits, and 0 is what notifications carry. */
const LAST_SEQUENCE = 0x7fff_0000;
/** In place of an acknowledgement that never came: nobody knows what became of the request. */
export const ANSWER_LOST = "The kernel's answer was lost";
/** How often a dump is begun anew when the table changes meanwhile. */
const DUMP_ATTEMPTS = 5;

/** Appends one request with the given sequence number. */
export type Encode = (writer: MessageWriter, sequence: number) => void;

/** Errnos of a kernel that is short of something, or busy: another time it may go well. */
const SHORTAGES: readonly number[] = [4, 11, 12, 16, ENOBUFS];

/** A table could not be read. */
export class DumpFailed extends Error {
  override readonly name = "DumpFailed";
  /** The kernel refuses, and will: it has no such table. */
  readonly final: boolean;

  constructor(failure: Acknowledgement | undefined) {
    const why = failure === undefined ? "it has no end" : describeAcknowledgement(failure);
    super(`Cannot read the kernel's table: ${why}`);
    const errno = failure?.errno ?? 0;
    this.final = errno !== 0 && !SHORTAGES.includes(errno);
  }
}

/** The request side of one namespace. */
export class Requester {
  readonly #io: RequestIo;
  #sequence: number;

  /** @param sequence number of the last request, for tests */
  constructor(io: RequestIo, sequence = 0) {
    this.#io = io;
    this.#sequence = sequence;
  }

  /**
   * Does all of the requests, in order. One that cannot be written is answered with EINVAL and the
   * reason, and keeps no other from being sent.
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
      // Numbers of one buffer follow one another.
      if (this.#sequence + chunk.length >= LAST_SEQUENCE) this.#sequence = 0;
      const start = this.#sequence + 1;
      const answers = new Map<number, Acknowledgement>();
      for (const encode of chunk) {
        const sequence = this.#next();
        try {
          encode(writer, sequence);
        } catch (error) {
          writer.abandon();
          answers.set(sequence, { sequence, errno: EINVAL, text: textOf(error) });
        }
      }
      sending();
      if (writer.length > 0) this.#io.send(writer.finish());
      this.#answers(start, chunk.length, answers);
      for (let i = 0; i < chunk.length; i++) {
        answered(
          first + i,
          answers.get(start + i) ??
            { sequence: start + i, errno: ENOBUFS, text: ANSWER_LOST },
        );
      }
    }
  }

  /** Does all of the requests, in order, and returns what became of each. */
  answersTo(requests: readonly Encode[]): Acknowledgement[] {
    const answers: Acknowledgement[] = [];
    this.transact(requests, (_, answer) => void answers.push(answer));
    return answers;
  }

  /**
   * Reads a table.
   *
   * @throws {DumpFailed} where the kernel refuses, or the table has no end
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
        throw new DumpFailed(reader.failure);
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

  /** Adds the acknowledgements of `count` requests to `answers`, as far as they came. */
  #answers(start: number, count: number, answers: Map<number, Acknowledgement>): void {
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
  }

  #next(): number {
    this.#sequence = this.#sequence >= LAST_SEQUENCE ? 1 : this.#sequence + 1;
    return this.#sequence;
  }
}

/** Bytes that a datagram of answers may have: the kernel sends dumps in pieces of up to 32 KiB. */
export const DATAGRAM_LENGTH = 32768 + HEADER_LENGTH;
