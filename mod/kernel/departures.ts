/**
 * Namespaces that nobody wants any more, until nothing of ours is left in them. What is held there
 * may be much, and the kernel takes its time: so it goes by turns, and keeps no other namespace's
 * leases waiting.
 *
 * @module
 */

import { textOf } from "../text/mod.ts";
import type { KernelIo } from "./io.ts";
import type { NamespaceDriver } from "./namespace.ts";
import type { Say } from "./tables.ts";

/** Interfaces taken down in one turn: each takes the kernel many milliseconds. */
export const RETIREMENTS = 1;
/** Rounds and time, microseconds, before what is left is given up. */
const LAST_ROUNDS = 1000;
const LAST_WAIT = 3_000_000;

/** Goes on until nothing is left to do in a namespace, or it takes too long. */
export function finish(driver: NamespaceDriver, clock: Pick<KernelIo, "now">): void {
  const end = clock.now() + LAST_WAIT;
  for (let round = 0; round < LAST_ROUNDS && clock.now() < end; round++) {
    driver.settle();
    driver.retire(RETIREMENTS);
    if (!driver.unsettled) break;
  }
}

export class Departures {
  readonly #clock: Pick<KernelIo, "now">;
  readonly #say: Say;
  readonly #drivers = new Set<NamespaceDriver>();

  constructor(clock: Pick<KernelIo, "now">, say: Say) {
    this.#clock = clock;
    this.#say = say;
  }

  /** When `turn` should be called though nothing happened. */
  get deadline(): number {
    return Math.min(...[...this.#drivers].map(({ deadline }) => deadline));
  }

  /** Lets go of all that is held in a namespace. */
  add(driver: NamespaceDriver): void {
    this.#drivers.add(driver);
    this.#go(driver, () => {
      driver.configure([], [], this.#clock.now());
      driver.retire(RETIREMENTS);
    });
  }

  /** Some of what is left. */
  turn(): void {
    for (const driver of this.#drivers) {
      this.#go(driver, () => {
        driver.settle();
        driver.retire(RETIREMENTS);
      });
    }
  }

  /** The namespace of this name is wanted again, or the plane ends: all that is left, at once. */
  finish(namespace?: string): void {
    for (const driver of this.#drivers) {
      if (namespace !== undefined && driver.name !== namespace) continue;
      this.#go(driver, () => finish(driver, this.#clock));
      this.#part(driver);
    }
  }

  #go(driver: NamespaceDriver, work: () => void): void {
    try {
      work();
    } catch (error) {
      const properties = { namespace: driver.name, error: textOf(error) };
      this.#say("error", ["kernel"], "Cannot leave namespace", properties);
    }
    if (!driver.unsettled) this.#part(driver);
  }

  #part(driver: NamespaceDriver): void {
    if (this.#drivers.delete(driver)) driver.close();
  }
}
