/**
 * What operators order of routers, groups and BFD sessions: each is asked of the protocol plane,
 * and said in words where it is refused.
 *
 * @module
 */

import { refusalOf } from "./bfd_plan.ts";
import type { Dialogue } from "./dialogue.ts";

/** What it needs of the agent. */
export interface OrdersSurroundings {
  readonly dialogue: Pick<Dialogue, "override" | "administerBfd">;
  /** Asks the protocol plane, or its successor where it dies over it. */
  insist<T>(ask: () => Promise<T>): Promise<T>;
  stopping(): boolean;
  /** Names of the BFD sessions that are configured. */
  sessions(): string[];
}

export class Orders {
  readonly #env: OrdersSurroundings;

  constructor(env: OrdersSurroundings) {
    this.#env = env;
  }

  /**
   * An operator's word on who shall be master of a router or group.
   *
   * @param until microseconds on CLOCK_MONOTONIC at which a release ends; null: never
   * @throws {Error} when it is refused
   */
  async override(
    name: string,
    override: "release" | "claim",
    until: number | null,
  ): Promise<readonly string[]> {
    if (this.#env.stopping()) throw new Error("The agent is stopping");
    const ask = () => this.#env.dialogue.override(name, override, until);
    const { refused, members } = await this.#env.insist(ask);
    if (refused !== null) throw new Error(`Cannot ${override} ${name}: ${refused}`);
    return members;
  }

  /**
   * An operator takes a BFD session down, or allows it up again. It holds across reloads and
   * upgrades, and is forgotten at a start.
   *
   * @throws {Error} when it is refused
   */
  async administerBfd(name: string, down: boolean): Promise<void> {
    if (this.#env.stopping()) throw new Error("The agent is stopping");
    const ask = () => this.#env.dialogue.administerBfd(name, down);
    const { refused } = await this.#env.insist(ask);
    if (refused === null) return;
    throw new Error(refusalOf(name, down, refused, this.#env.sessions()));
  }
}
