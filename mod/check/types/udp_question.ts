/**
 * One datagram that asks, and who judges what comes back: the kind of dialogue that the ready
 * questions over UDP have (`udp_preset.ts`).
 *
 * @module
 */

import { failed, type Outcome } from "../outcome.ts";
import { type Conversation, type Step, WAIT } from "./conversation.ts";

/** One datagram that asks. */
export interface UdpQuestion {
  readonly request: Uint8Array;
  /**
   * The outcome; or, in words, what keeps this from being the answer. A stray datagram, the answer
   * to a probe before, say, must not decide: the right one may be under way.
   */
  readonly judge: (reply: Uint8Array) => Outcome | string;
  /** Why there may be no reply at all, in words; absent: nothing is known about that. */
  readonly silence?: string;
}

/** The conversation that asks. */
export function questionConversation({ request, judge, silence }: UdpQuestion): Conversation {
  let wrong = silence === undefined ? "no reply in time" : `no reply in time: ${silence}`;
  return {
    open: (): Step => ({ send: request }),
    receive(bytes: Uint8Array): Step {
      const judged = judge(bytes);
      if (typeof judged !== "string") return { outcome: judged };
      wrong = judged;
      return WAIT;
    },
    end: (): Step => WAIT,
    timeout: (): Outcome => failed(wrong),
  };
}
