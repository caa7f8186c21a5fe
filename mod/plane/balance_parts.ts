/**
 * Puts together an answer about virtual servers that came in parts: neither who tells it nor who
 * hears it shall be busy with ten thousand servers at once. A `balance_state` that says so follows
 * upon its parts, on the same port.
 *
 * @module
 */

import { joinSlices } from "../balance/mod.ts";
import type { BalancePart, BalanceState } from "./balance.ts";

export class BalanceParts {
  #parts: BalancePart[] = [];

  take(part: BalancePart): void {
    if (part.first) this.#parts = [];
    this.#parts.push(part);
  }

  /**
   * The whole answer. Several questions may have the same one: the parts stay until the next first.
   *
   * @throws {RangeError} where parts are missing
   */
  join({ parts = 0, ...state }: BalanceState): BalanceState {
    if (parts === 0) return state;
    if (parts !== this.#parts.length) {
      throw new RangeError(`${this.#parts.length} parts of ${parts} came before ${state.id}`);
    }
    const { servers, memory } = joinSlices([...this.#parts, state]);
    return { ...state, servers, memory: { ...state.memory, ...memory } };
  }
}
