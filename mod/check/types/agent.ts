/**
 * agent: HAProxy's agent-check protocol (its configuration manual, "agent-check"). The agent says
 * one line of words and closes:
 *
 * - `75%`: the weight, in percent of the configured one;
 * - `ready` ends a `drain` and a `maint`; `drain` is weight 0; `maint` is out of service;
 * - `up`; `down`, `failed` or `stopped`, each with a reason behind `#`;
 * - `maxconn:N`, which IPVS cannot obey: noted, not followed.
 *
 * @module
 */

import { failed, type Outcome, passed } from "../outcome.ts";
import { showBytes, showText } from "../../text/mod.ts";
import { type Conversation, Received, type Step, WAIT } from "./conversation.ts";

/** More than any agent says. */
const LONGEST_LINE = 1024;

/** What is asked of an agent. */
export interface AgentSettings {
  /** What to say first; `null`: nothing. */
  readonly send: Uint8Array | null;
}

/** The line of an agent, without its end. */
export function readAgentLine(line: string): Outcome {
  const hash = line.indexOf("#");
  const words = (hash === -1 ? line : line.slice(0, hash)).split(/[\s,]+/).filter((w) => w !== "");
  const said = hash === -1 ? "" : showText(line.slice(hash + 1).trim());
  const output = showText(line);
  let percent: number | null = null;
  let refusal = "";
  let drains = false;
  const warnings: string[] = [];
  for (const word of words) {
    if (/^\d{1,9}%$/.test(word)) percent = Number(word.slice(0, -1));
    else if (/^(down|failed|stopped|maint)$/.test(word)) refusal ||= word;
    else if (word === "drain") drains = true;
    else if (word === "ready") {
      drains = false;
      if (refusal === "maint") refusal = "";
    } else if (/^maxconn:\d+$/.test(word)) {
      warnings.push("the agent says maxconn, which has no effect");
    } else if (word !== "up") {
      return failed(`the agent says "${showText(word, 40)}", which is no word of its language`, {
        output,
      });
    }
  }
  if (words.length === 0) return failed("the agent says nothing", { output });
  if (refusal !== "") {
    return failed(`the agent says ${refusal}${said === "" ? "" : `: ${said}`}`, {
      output,
      warnings,
    });
  }
  const value = drains ? 0 : percent;
  const weight = value === null ? null : { kind: "percent", value } as const;
  return passed(drains ? "the agent says drain" : "the agent agrees", { output, weight, warnings });
}

/** A conversation with an agent. */
export function agentConversation({ send }: AgentSettings): Conversation {
  const received = new Received(LONGEST_LINE);
  const decide = (bytes: Uint8Array): Step => {
    // Words of the protocol are ASCII; what is not becomes an unknown word.
    return { outcome: readAgentLine(new TextDecoder().decode(bytes)) };
  };
  return {
    open: (): Step => send === null ? WAIT : { send },
    receive(bytes: Uint8Array): Step {
      const all = received.add(bytes);
      const end = received.bytes.findIndex((byte) => byte === 10 || byte === 13);
      if (end !== -1) return decide(received.bytes.subarray(0, end));
      if (all) return WAIT;
      return { outcome: failed(`the agent's line is longer than ${LONGEST_LINE} bytes`) };
    },
    end: (): Step => decide(received.bytes),
    timeout: (): Outcome =>
      failed("the agent's line did not come in time", { output: showBytes(received.bytes) }),
  };
}
