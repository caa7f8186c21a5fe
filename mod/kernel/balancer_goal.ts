/**
 * The table that all virtual servers together ask for. Only what has changed is made anew: most
 * changes are about one of many. Where many have changed it is made in parts.
 *
 * @module
 */

import { buildingTable, type Table, type TableEntry, type VirtualServer } from "../ipvs/mod.ts";
import type { Decoded } from "../netlink/mod.ts";
import type { BalancePlan } from "../plane/balance.ts";

/** After so long a call ends: others have work to do, microseconds. */
const LONG = 5_000;

/** The plan of a site without virtual servers. */
export const NOTHING: BalancePlan = {
  namespace: "",
  servers: [],
  announce: [],
  syncDaemons: [],
  settings: {},
  flush: false,
  onStop: "remove",
};

export class BalancerGoal {
  readonly #parts = new Map<string, Table>();
  /** What belongs to no virtual server. */
  #others: Table = new Map();
  readonly #stale = new Set<string>();
  /** What is being made of one of them. */
  #making: { readonly name: string; readonly steps: ReturnType<typeof buildingTable> } | null =
    null;
  /** What changes faster than it is made in parts: made at once, or it never would be. */
  #hurried = "";
  #changed = false;

  /** Whether it is another one than `make` has made last. */
  get changed(): boolean {
    return this.#changed;
  }

  /** Services that belong to no virtual server: all of them. @throws {RangeError} where one is none */
  *add(servers: readonly VirtualServer[]): Generator<void, void> {
    const built = yield* buildingTable(servers);
    if (!built.ok) throw new RangeError(built.reason);
    this.#others = built.value;
    this.#changed = true;
  }

  /** Names of those services. */
  get others(): Iterable<string> {
    return this.#others.keys();
  }

  /** What a virtual server asks for may have changed. */
  touch(server: string): void {
    if (this.#making?.name === server) {
      this.#making = null;
      this.#hurried = server;
    }
    this.#stale.add(server);
    this.#changed = true;
  }

  /** What any of them asks for may have changed. */
  touchAll(servers: Iterable<string>): void {
    this.#making = null;
    for (const name of [...this.#parts.keys(), ...servers]) this.#stale.add(name);
    this.#changed = true;
  }

  /** Somebody else wants it made anew. */
  change(): void {
    this.#changed = true;
  }

  /**
   * @param wanted of one virtual server; null: nothing
   * @param refused is told what cannot be
   * @param clock microseconds: after a few milliseconds the rest waits for another call
   * @returns undefined: there is a rest
   */
  make(
    wanted: (server: string) => VirtualServer | null,
    refused: (server: string, reason: string) => void,
    clock: () => number,
  ): Table | undefined {
    const began = clock();
    for (const name of this.#stale) {
      const built = this.#build(name, wanted, () => clock() - began >= LONG);
      if (built === "going on") return undefined;
      if (built?.ok === true) this.#parts.set(name, built.value);
      else this.#parts.delete(name);
      if (built?.ok === false) refused(name, built.reason);
      this.#stale.delete(name);
      if (this.#stale.size > 0 && clock() - began >= LONG) return undefined;
    }
    this.#changed = false;
    const all = new Map<string, TableEntry>(this.#others);
    for (const part of this.#parts.values()) for (const [key, entry] of part) all.set(key, entry);
    return all;
  }

  /** What one asks for; undefined: nothing. */
  #build(
    name: string,
    wanted: (server: string) => VirtualServer | null,
    isEnough: () => boolean,
  ): Decoded<Table> | undefined | "going on" {
    if (this.#making?.name !== name) {
      const server = wanted(name);
      if (server === null) return undefined;
      this.#making = { name, steps: buildingTable([server]) };
    }
    const { steps } = this.#making;
    for (;;) {
      const { done, value } = steps.next();
      if (done) {
        this.#making = null;
        if (this.#hurried === name) this.#hurried = "";
        return value;
      }
      if (this.#hurried !== name && isEnough()) return "going on";
    }
  }

  /** Names of the services that a virtual server asked for last. */
  servicesOf(server: string): string[] {
    return [...this.#parts.get(server)?.keys() ?? []];
  }
}
