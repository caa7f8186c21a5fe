/**
 * Records what is decided about virtual servers. A finding that says what was taken for granted is no
 * news and costs nothing but a look: a check is first heard of for each of ten thousand servers.
 *
 * @module
 */

import {
  type Balance,
  type BalanceEffect,
  type BalanceEvent,
  isNoNews,
  poolEffects,
  type PoolEvent,
  poolEvents,
  poolOf,
  type PoolWeights,
  step,
  weightsOf,
} from "../balance/mod.ts";
import { sameValue } from "../values/mod.ts";
import { blankPoolEffects, blankPoolEvent, blankReason } from "./blank.ts";
import type { Recorder } from "./recorder.ts";
import { Shelf } from "./shelf.ts";

/**
 * Real servers of a virtual server that is recorded: the memory of all is written at once, a few
 * microseconds each.
 */
const MOST_SERVERS = 100;
/**
 * Real servers whose memory is written before one step, some milliseconds: a router that many virtual
 * servers follow must not come to its addresses late.
 */
const MOST_AT_ONCE = 1000;
/** Real servers whose virtual servers are kept, some 4 KiB each. */
const MOST_KEPT = 2000;

type PoolRecorder = Recorder<"virtual_server">;

export class PoolRecorders {
  readonly shelf = new Shelf("virtual_server", MOST_KEPT);
  /** Of open segments: what each knows of weights. */
  readonly #weights = new WeakMap<PoolRecorder, PoolWeights>();

  /** One event for the machine, as `step`. */
  step(balance: Balance, event: BalanceEvent, now: number): BalanceEffect[] {
    const concerned = poolEvents(balance, event);
    if (concerned.size === 0) return step(balance, event, now);
    if (isNoNews(balance, event) || isNewInQuotes(balance, event)) {
      for (const name of concerned.keys()) this.shelf.cut(name);
      return step(balance, event, now);
    }
    const recorders = this.#begin(balance, concerned);
    const effects = step(balance, event, now);
    if (recorders.size === 0) return effects;
    const weights = new Map(
      Array.from(recorders, ([name, recorder]) => [name, this.#weights.get(recorder)!]),
    );
    for (const [name, decision] of poolEffects(balance, effects, weights)) {
      recorders.get(name)!.note(
        blankPoolEvent(concerned.get(name)!),
        blankPoolEffects(decision),
        now,
      );
    }
    return effects;
  }

  /** Recorders of those that are recorded, before a step. */
  #begin(
    balance: Balance,
    concerned: ReadonlyMap<string, PoolEvent>,
  ): Map<string, PoolRecorder> {
    const recorders = new Map<string, PoolRecorder>();
    let begun = 0;
    for (const [name, event] of concerned) {
      const { size } = balance.servers.get(name)!.servers;
      const isOpen = this.shelf.isOpen(name);
      if (size > MOST_SERVERS || (!isOpen && begun + size > MOST_AT_ONCE)) {
        this.shelf.cut(name);
        continue;
      }
      const recorder = this.shelf.of(name, Math.max(1, size));
      recorders.set(name, recorder);
      if (isOpen) continue;
      begun += size;
      recorder.begin(poolOf(balance, name)!, event);
      this.#weights.set(recorder, weightsOf(balance, name));
    }
    return recorders;
  }
}

/** Whether a finding is another one in what is not recorded alone: then it would be the same again. */
function isNewInQuotes({ findings }: Balance, event: BalanceEvent): boolean {
  if (event.type !== "check") return false;
  const { reason, ...finding } = event.finding;
  const known = findings.get(finding.check);
  if (known === undefined || known.reason === reason) return false;
  const { reason: said, ...rest } = known;
  return sameValue(rest, finding) && blankReason(said) === blankReason(reason);
}
