/**
 * Which namespaces the names of the site led to when they were opened. A name can be given to
 * another one while sockets keep the former alive (a container runtime, or a service that makes
 * them anew): whoever stayed there would hold addresses that nobody can reach, and think all was well.
 *
 * @module
 */

import type { KernelIo } from "./io.ts";

/** Between two looks, microseconds. */
const PERIOD = 1_000_000;

export class Places {
  readonly #io: Pick<KernelIo, "now" | "identity">;
  readonly #known = new Map<string, string | null>();
  #nextAt = 0;

  constructor(io: Pick<KernelIo, "now" | "identity">) {
    this.#io = io;
  }

  /** The namespace is about to be opened. */
  note(namespace: string): void {
    this.#known.set(namespace, this.#io.identity(namespace));
  }

  /** Those of `open` whose names lead elsewhere now, or nowhere; looked at once in a while. */
  moved(open: Iterable<string>): string[] {
    const now = this.#io.now();
    if (now < this.#nextAt) return [];
    this.#nextAt = now + PERIOD;
    return [...open].filter((name) => this.#io.identity(name) !== this.#known.get(name));
  }
}
