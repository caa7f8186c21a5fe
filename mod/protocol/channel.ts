/**
 * One interface in one family: its sockets, the routers that speak there, and what was refused.
 *
 * @module
 */

import type { RouterEntry } from "./router_entry.ts";
import type { Family, VrrpTransport } from "./transport.ts";

/** Refusals for one reason between two lines of log. */
export interface Complaint {
  /** Until when they are counted without a word. */
  quietUntil: number;
  /** How many there were without one. */
  unsaid: number;
}

export class Channel {
  readonly routers = new Map<number, RouterEntry>();
  /** Packets that no router could be charged with, by reason. */
  readonly dropped: Record<string, number> = {};
  readonly complaints = new Map<string, Complaint>();
  /** Whose adverts the kernel admits. */
  #served = "";

  constructor(
    readonly key: string,
    readonly family: Family,
    readonly namespace: string,
    readonly name: string,
    readonly transport: VrrpTransport,
  ) {}

  /**
   * Lets the kernel know whose adverts to admit, where it does not know already.
   *
   * @throws {SystemError} when it takes no filter
   */
  serve(): void {
    const version3 = new Set<number>();
    const version2 = new Set<number>();
    for (const [id, { understands }] of this.routers) {
      (understands.version === 3 ? version3 : version2).add(id);
      if (understands.version2) version2.add(id);
    }
    const wanted = `${[...version3]};${[...version2]}`;
    if (wanted === this.#served) return;
    this.transport.serve({ version3, version2 });
    this.#served = wanted;
  }

  count(reason: string, packets: number): void {
    if (packets > 0) this.dropped[reason] = (this.dropped[reason] ?? 0) + packets;
  }

  complaint(reason: string): Complaint {
    let complaint = this.complaints.get(reason);
    if (complaint === undefined) {
      complaint = { quietUntil: 0, unsaid: 0 };
      this.complaints.set(reason, complaint);
    }
    return complaint;
  }

  /** Counts what the kernel's queues could not hold. */
  countOverflow(): void {
    const lost = this.transport.overflow();
    if (lost === 0) return;
    this.count("overflow", lost);
    this.complaint("overflow").unsaid += lost;
  }

  /** Everything that no router was charged with, what the kernel's queues could not hold included. */
  total(): Readonly<Record<string, number>> {
    this.countOverflow();
    return this.dropped;
  }
}
