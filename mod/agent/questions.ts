/**
 * What control waits for: answers of the planes, and their becoming ready or having stopped.
 *
 * A plane may die instead of answering. Then nobody may wait for ever: whatever was asked of it is
 * rejected with `PlaneDied`, and the asker decides whether to ask its successor.
 *
 * @module
 */

import type { BalanceOrdered, BalanceState } from "../plane/balance.ts";
import type { ChecksState, WayState } from "../plane/checks.ts";
import type { BfdAdministered } from "../plane/bfd.ts";
import type { Overridden } from "../plane/groups.ts";
import type { Frozen } from "../plane/hand_over.ts";
import type { Configured, EventId } from "../plane/messages.ts";
import type { Machines, Recorded } from "../plane/recording.ts";
import type { ProtocolState } from "../plane/state.ts";
import { soon } from "../patience/mod.ts";
import type { PlaneName } from "./planes.ts";

type Answer =
  | BalanceOrdered
  | BalanceState
  | ChecksState
  | BfdAdministered
  | Configured
  | Frozen
  | Machines
  | Overridden
  | ProtocolState
  | Recorded
  | WayState;
/** What a plane says of itself. */
export type Milestone = "ready" | "stopped";

/** The plane died before it did what was waited for. */
export class PlaneDied extends Error {
  override readonly name = "PlaneDied";

  constructor(readonly plane: PlaneName) {
    super(`The ${plane} plane died before it answered`);
  }
}

/**
 * An answer that nobody waits for at any price.
 *
 * @param patience milliseconds
 * @returns null: it was late, or the plane died over it
 */
export async function soonOrNull<T>(answer: Promise<T>, patience: number): Promise<T | null> {
  const fresh = answer.catch((error) => {
    if (error instanceof PlaneDied) return null;
    throw error;
  });
  return await soon(fresh, patience) ?? null;
}

interface Waiting {
  readonly plane: PlaneName;
  /** Id of the question, or the milestone. */
  readonly what: EventId | Milestone;
  readonly slow: ReturnType<typeof setTimeout> | undefined;
  resolve(answer?: Answer): void;
  reject(reason: Error): void;
}

export class Questions {
  readonly #waiting = new Set<Waiting>();
  readonly #slowAfter: number;
  readonly #onSlow: (plane: PlaneName) => void;

  /**
   * @param slowAfter milliseconds after which a missing answer is worth a word
   * @param onSlow says it
   */
  constructor(slowAfter: number, onSlow: (plane: PlaneName) => void) {
    this.#slowAfter = slowAfter;
    this.#onSlow = onSlow;
  }

  /** Resolves with the message whose cause is `id`. @throws {PlaneDied} */
  answer<T extends Answer>(plane: PlaneName, id: EventId): Promise<T> {
    const slow = setTimeout(() => this.#onSlow(plane), this.#slowAfter);
    return this.#wait(plane, id, slow) as Promise<T>;
  }

  /** Resolves when the plane says so. @throws {PlaneDied} */
  async milestone(plane: PlaneName, milestone: Milestone): Promise<void> {
    await this.#wait(plane, milestone);
  }

  #wait(plane: PlaneName, what: string, slow?: Waiting["slow"]): Promise<Answer | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer | undefined>();
    this.#waiting.add({ plane, what, slow, resolve, reject });
    return promise;
  }

  /** A plane answered. An answer that nobody waits for is none of our business. */
  answered(plane: PlaneName, message: Answer): void {
    this.#settle(plane, message.cause, (waiting) => waiting.resolve(message));
  }

  /** A plane said that it is ready, or has stopped. */
  reached(plane: PlaneName, milestone: Milestone): void {
    this.#settle(plane, milestone, (waiting) => waiting.resolve());
  }

  /** Whoever waits for something of a dead plane waits no longer. */
  died(plane: PlaneName): void {
    this.#settle(plane, undefined, (waiting) => waiting.reject(new PlaneDied(plane)));
  }

  #settle(plane: PlaneName, what: string | undefined, settle: (waiting: Waiting) => void): void {
    for (const waiting of this.#waiting) {
      if (waiting.plane !== plane || (what !== undefined && waiting.what !== what)) continue;
      this.#waiting.delete(waiting);
      clearTimeout(waiting.slow);
      settle(waiting);
    }
  }
}
