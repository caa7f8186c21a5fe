/** Drives conversations by hand: what is said to them, and what they say and decide. */

import { createHash } from "node:crypto";
import { ok } from "node:assert/strict";
import type { Conversation, Step } from "../../../mod/check/types/conversation.ts";
import type { Outcome } from "../../../mod/check/outcome.ts";
import type { Digest } from "../../../mod/check/types/http_expect.ts";

export const digest: Digest = (algorithm, bytes) =>
  createHash(algorithm).update(bytes).digest("hex");

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function fromHex(text: string): Uint8Array {
  const digits = text.replaceAll(/\s/g, "").match(/../g) ?? [];
  return Uint8Array.from(digits, (pair) => parseInt(pair, 16));
}

/** What came of a conversation. */
export interface Talk {
  /** All that was sent, as Latin-1. */
  sent: string;
  tls: number;
  outcome: Outcome | undefined;
}

/** `end`: the peer closes; `time`: time runs out; `secured`: TLS stands; else bytes. */
export type Said = Uint8Array | "end" | "time" | "secured";

/** Opens a conversation and says this to it, until it decides. */
export function talk(conversation: Conversation, ...said: Said[]): Talk {
  const result: Talk = { sent: "", tls: 0, outcome: undefined };
  const obey = (step: Step) => {
    if (step.send !== undefined) {
      for (const byte of step.send) result.sent += String.fromCharCode(byte);
    }
    if (step.startTls) result.tls++;
    result.outcome = step.outcome;
  };
  obey(conversation.open());
  for (const one of said) {
    if (result.outcome !== undefined) break;
    if (one === "time") result.outcome = conversation.timeout();
    else if (one === "end") obey(conversation.end());
    else if (one === "secured") obey(conversation.secured!());
    else obey(conversation.receive(one));
  }
  return result;
}

/** `passed: reason` or `failed: reason`; `undecided`. */
export function verdictOf(conversation: Conversation, ...said: Said[]): string {
  const { outcome } = talk(conversation, ...said);
  return outcome === undefined ? "undecided" : `${outcome.result}: ${outcome.reason}`;
}

/** What every outcome must be, whoever spoke: bounded, one line, harmless to show. */
export function checkOutcome(outcome: Outcome): void {
  for (const text of [outcome.reason, outcome.output, ...outcome.warnings]) {
    ok(text.length <= 400, `bounded: ${text.length}`);
    // deno-lint-ignore no-control-regex
    ok(!/[\u0000-\u001f\u007f-\u009f\u2028-\u202e]/.test(text), JSON.stringify(text));
  }
  if (outcome.weight !== null) ok(Number.isFinite(outcome.weight.value));
}
