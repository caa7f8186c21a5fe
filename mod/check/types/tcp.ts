/**
 * tcp: a connection stands; with `expect`, something that is said over it.
 *
 * @module
 */

import { failed, type Outcome, passed } from "../outcome.ts";
import { showBytes } from "../../text/mod.ts";
import { type Conversation, indexOfBytes, Received, type Step, WAIT } from "./conversation.ts";

/** Bytes among which the expected ones must come, unless told otherwise. */
export const TCP_LIMIT = 65_536;

/** What is asked of a tcp server. */
export interface TcpSettings {
  /** What to say first; `null`: nothing. */
  readonly send: Uint8Array | null;
  /** What must come, anywhere in the answer; `null`: the connection is enough. */
  readonly expect: Uint8Array | null;
  /** Bytes of the answer that are looked at. */
  readonly limit: number;
}

const CONNECTED: Step = { outcome: passed("connected") };

/** Wants a connection and nothing more. It remembers nothing, so that one serves all probes. */
const CONNECTION: Conversation = {
  open: () => CONNECTED,
  receive: () => WAIT,
  end: () => ({ outcome: failed("closed without an answer") }),
  timeout: () => failed("no answer in time"),
};

/** A conversation with a tcp server. */
export function tcpConversation({ send, expect, limit }: TcpSettings): Conversation {
  if (send === null && expect === null) return CONNECTION;
  const received = new Received(limit);
  const output = () => ({ output: showBytes(received.bytes) });
  return {
    open(): Step {
      if (expect === null) {
        return send === null ? CONNECTED : { send, ...CONNECTED };
      }
      return send === null ? WAIT : { send };
    },
    receive(bytes: Uint8Array): Step {
      if (expect === null) return WAIT;
      // Only what is new, and what may have begun before it, needs a look.
      const from = Math.max(0, received.length - expect.length + 1);
      const all = received.add(bytes);
      if (indexOfBytes(received.bytes.subarray(from), expect) !== -1) {
        return { outcome: passed("the expected answer", output()) };
      }
      if (all) return WAIT;
      return { outcome: failed(`the first ${limit} bytes lack the expected text`, output()) };
    },
    end(): Step {
      const reason = received.length === 0
        ? "closed without an answer"
        : "closed before the expected text came";
      return { outcome: failed(reason, output()) };
    },
    timeout(): Outcome {
      const reason = received.length === 0 ? "no answer" : "the expected text did not come";
      return failed(`${reason} in time`, output());
    },
  };
}
