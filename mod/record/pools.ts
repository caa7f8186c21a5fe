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
  poolEvents,
  poolOf,
  step,
  weightsOf,
} from "../balance/mod.ts";
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

export class PoolRecorders {
  readonly shelf = new Shelf("virtual_server");

  /** One event for the machine, as `step`. */
  step(balance: Balance, event: BalanceEvent, now: number): BalanceEffect[] {
    const concerned = [...poolEvents(balance, event)];
    if (concerned.length === 0) return step(balance, event, now);
    if (isNoNews(balance, event)) {
      for (const [name] of concerned) this.shelf.cut(name);
      return step(balance, event, now);
    }
    let servers = 0;
    const recorded = concerned.flatMap(([name, told]) => {
      const { size } = balance.servers.get(name)!.servers;
      servers += size;
      if (size > MOST_SERVERS || servers > MOST_AT_ONCE) {
        this.shelf.cut(name);
        return [];
      }
      const recorder = this.shelf.of(name);
      if (!recorder.isOpen) recorder.begin(poolOf(balance, name)!);
      return [{ name, told, recorder, before: weightsOf(balance, name) }];
    });
    const effects = step(balance, event, now);
    for (const { name, told, recorder, before } of recorded) {
      recorder.note(told, poolEffects(balance, name, effects, before), now);
    }
    return effects;
  }
}
