/**
 * Whose addresses are held while the quorum is met, for others to redistribute: held when the
 * service is in the kernel's table, dropped before it leaves.
 *
 * @module
 */

import type { AnnounceServer } from "../plane/balance.ts";

/** Holds and drops. */
export interface AnnouncePorts {
  hold(holding: string): void;
  drop(holding: string): void;
}

export class BalancerAnnounce {
  readonly #ports: AnnouncePorts;
  #plan: readonly AnnounceServer[] = [];
  /** What is held for each virtual server. */
  readonly #held = new Map<string, string>();
  /** Virtual servers whose table is waited for. */
  readonly #waiting = new Set<string>();

  constructor(ports: AnnouncePorts) {
    this.#ports = ports;
  }

  /** Where virtual servers are announced from now on. */
  configure(plan: readonly AnnounceServer[]): void {
    this.#plan = plan;
    for (const [server, holding] of [...this.#held]) {
      if (this.#holdingOf(server) === holding) continue;
      this.withdraw(server);
      this.#waiting.add(server);
    }
  }

  announce(server: string): void {
    if (!this.#held.has(server)) this.#waiting.add(server);
  }

  withdraw(server: string): void {
    this.#waiting.delete(server);
    const holding = this.#held.get(server);
    this.#held.delete(server);
    if (holding !== undefined) this.#ports.drop(holding);
  }

  /** Whether somebody waits. */
  get waits(): boolean {
    return this.#waiting.size > 0;
  }

  /** Holds those whose services are there. */
  settle(isThere: (server: string) => boolean): void {
    for (const server of this.#waiting) {
      const holding = this.#holdingOf(server);
      if (holding === undefined || !isThere(server)) continue;
      this.#waiting.delete(server);
      this.#held.set(server, holding);
      this.#ports.hold(holding);
    }
  }

  #holdingOf(server: string): string | undefined {
    return this.#plan.find((one) => one.server === server)?.holding;
  }
}
