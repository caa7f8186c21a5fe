/**
 * What operators order of routers, groups and BFD sessions: each is asked of the protocol plane,
 * and said in words where it is refused.
 *
 * @module
 */

import { amongKnown, refusalOf } from "./bfd_plan.ts";
import type { Dialogue } from "./dialogue.ts";
import type { SitePlan } from "./site_plan.ts";

/** What it needs of the agent. */
export interface OrdersSurroundings {
  readonly dialogue: Pick<Dialogue, "override" | "administerBfd">;
  /** Asks the protocol plane, or its successor where it dies over it. */
  insist<T>(ask: () => Promise<T>): Promise<T>;
  stopping(): boolean;
  /** What is configured. */
  plan(): SitePlan;
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
    if (refused === null) return members;
    const { groups, routers } = this.#env.plan();
    const names = routers.map(({ router, settings }) => router ?? settings.name);
    const known = [...new Set([...groups.map(({ name }) => name), ...names])];
    throw new Error(amongKnown(`Cannot ${override} ${name}: ${refused}`, name, known));
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
    const known = (this.#env.plan().bfd?.sessions ?? []).map(({ settings }) => settings.name);
    throw new Error(refusalOf(name, down, refused, known));
  }
}
