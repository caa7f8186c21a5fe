/**
 * Duplicate holders of virtual addresses in one namespace: sockets, probes and alarms around
 * `DuplicateWatch`. Sockets are open while something is held.
 *
 * @module
 */

import { textOf } from "../text/mod.ts";
import { type Duplicate, DuplicateWatch, type WatchedAddress } from "./duplicates.ts";
import { arpProbe } from "./frames.ts";
import type { Claim, NamespaceIo, NeighbourIo } from "./io.ts";
import type { Say } from "./tables.ts";

/** Claims read in one turn, and probes sent in one. */
const CLAIMS = 128;
const PROBES = 64;

/** Time between two readings: an alarm may take twice as long, microseconds. */
const PERIOD = 500_000;

/** How long after a failure sockets are opened again, microseconds. */
const DEAF = 10_000_000;

/** What it needs of its namespace. */
export interface NeighbourhoodWorld {
  readonly io: Pick<NamespaceIo, "neighbours">;
  readonly say: Say;
  /** What is held now. */
  held(): WatchedAddress[];
  /** Whether a hardware address is one of this host's. */
  isOurs(mac: string): boolean;
  /** The duplicates of a router are other than before. */
  changed(router: string): void;
}

export class Neighbourhood {
  readonly #world: NeighbourhoodWorld;
  readonly #watch = new DuplicateWatch();
  #sockets: NeighbourIo | null = null;
  /** Claims of the last reading, and when that was: they count if the address is still held. */
  #heard: { readonly claims: readonly Claim[]; readonly at: number } = { claims: [], at: 0 };
  #nextAt = 0;
  /** Who is held has changed, and the sockets do not listen for it; tried again at this time. */
  #deafUntil: number | null = null;

  constructor(world: NeighbourhoodWorld) {
    this.#world = world;
  }

  /** Reads what was heard and asks who is to be asked; does nothing when called too often. */
  listen(now: number): void {
    if (now < this.#nextAt) return;
    this.#nextAt = now + PERIOD;
    const { isOurs, changed } = this.#world;
    this.#follow(now);
    const { claims, at } = this.#heard;
    this.#heard = { claims: this.#sockets?.receive(CLAIMS) ?? [], at: now };
    // Where an address is handed over both hold it for a moment; one reading later one does.
    for (const claim of claims) {
      const duplicate = this.#watch.heard(claim, at, isOurs);
      if (duplicate === undefined) continue;
      changed(duplicate.router);
      this.#tell("warning", "Somebody else holds a virtual address", duplicate);
    }
    for (const ended of this.#watch.takeEnded(now)) {
      changed(ended.router);
      this.#tell("info", "Nobody else holds the virtual address any more", ended);
    }
    if (this.#sockets === null) return;
    for (const { index, address, mac } of this.#watch.dueProbes(now, PROBES)) {
      this.#sockets.ask(index, arpProbe(address, mac));
    }
  }

  /** Listens for what is held now. */
  #follow(now: number): void {
    const { io, say, held } = this.#world;
    const addresses = held();
    if (this.#watch.want(addresses, now)) this.#deafUntil = now;
    if (this.#deafUntil === null || now < this.#deafUntil) return;
    this.#deafUntil = null;
    if (addresses.length === 0) return this.close();
    try {
      this.#sockets ??= io.neighbours();
      this.#sockets.watch(addresses.map(({ address }) => address));
    } catch (error) {
      this.close();
      this.#deafUntil = now + DEAF;
      say("warning", ["kernel"], "Cannot hear whether somebody else holds the addresses", {
        reason: textOf(error),
      });
    }
  }

  /** Who else has addresses of the router. */
  of(router: string): Duplicate[] {
    return this.#watch.of(router);
  }

  close(): void {
    this.#heard = { claims: [], at: 0 };
    this.#sockets?.close();
    this.#sockets = null;
  }

  #tell(level: "warning" | "info", text: string, { router, address, mac }: Duplicate): void {
    this.#world.say(level, ["kernel", router], text, { address, mac });
  }
}
