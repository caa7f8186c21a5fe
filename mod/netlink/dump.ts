/**
 * Dumps: the answer to NLM_F_DUMP comes as many messages in many buffers, ends with NLMSG_DONE,
 * and may say that the table changed while it was read (NLM_F_DUMP_INTR): then there may be gaps
 * and it has to be asked for again. The reader takes buffers until the dump with its sequence
 * number is complete; messages of other requests are left alone.
 *
 * @module
 */

import { type Acknowledgement, readAcknowledgement } from "./acknowledge.ts";
import { NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, NLMSG_OVERRUN } from "./constants.ts";
import { type NetlinkMessage, splitMessages } from "./frame.ts";

/** Where a dump stands. */
export type DumpState = "reading" | "complete" | "interrupted" | "failed";

/** Collects the messages of one dump. */
export class DumpReader {
  readonly sequence: number;
  /** What came so far, in kernel order. */
  readonly messages: NetlinkMessage[] = [];
  #state: DumpState = "reading";
  #interrupted = false;
  #failure: Acknowledgement | undefined;

  constructor(sequence: number) {
    this.sequence = sequence;
  }

  get state(): DumpState {
    return this.#state;
  }

  /** Why it failed; errno 0 where the kernel gave no reason but a broken buffer. */
  get failure(): Acknowledgement | undefined {
    return this.#failure;
  }

  /**
   * Takes one received buffer, which must not be written to afterwards: messages are views into
   * it. Returns the state.
   */
  feed(bytes: Uint8Array): DumpState {
    const { messages, problem } = splitMessages(bytes);
    for (const message of messages) {
      if (this.#state !== "reading") return this.#state;
      if (message.sequence === this.sequence) this.#take(message);
    }
    if (problem !== undefined && this.#state === "reading") this.#fail(0, problem);
    return this.#state;
  }

  #take(message: NetlinkMessage): void {
    if ((message.flags & NLM_F_DUMP_INTR) !== 0) this.#interrupted = true;
    if (message.type === NLMSG_OVERRUN) {
      this.#fail(0, "Lost part of the dump: overrun");
      return;
    }
    if (message.type !== NLMSG_DONE && message.type !== NLMSG_ERROR) {
      this.messages.push(message);
      return;
    }
    const answer = readAcknowledgement(message);
    if (!answer.ok) this.#fail(0, answer.reason);
    else if (answer.value.errno !== 0) this.#fail(answer.value.errno, answer.value.text);
    else if (message.type === NLMSG_DONE) {
      this.#state = this.#interrupted ? "interrupted" : "complete";
    }
  }

  #fail(errno: number, text: string): void {
    this.#state = "failed";
    this.#failure = { sequence: this.sequence, errno, text };
  }
}
