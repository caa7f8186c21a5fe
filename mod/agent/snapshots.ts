/**
 * What the protocol plane's routers, groups and BFD sessions last said that they remember: its successor goes on
 * from there.
 *
 * @module
 */

import type { BfdMemory } from "../plane/bfd.ts";
import type { GroupMemory, GroupSnapshot } from "../plane/groups.ts";
import type { Memory } from "../plane/hand_over.ts";
import type { Router } from "../vrrp/mod.ts";

export class Snapshots {
  readonly #routers = new Map<string, Router>();
  readonly #groups = new Map<string, GroupMemory>();
  readonly #bfd = new Map<string, BfdMemory>();

  /** A router's machine as it is now. */
  router(router: Router): void {
    this.#routers.set(router.settings.name, router);
  }

  /** A group as it is now, or that it is no more. */
  group({ name, memory }: Pick<GroupSnapshot, "name" | "memory">): void {
    if (memory === null) this.#groups.delete(name);
    else this.#groups.set(name, memory);
  }

  /** A BFD session as it is now, or that it is no more. */
  bfd(memory: BfdMemory): void {
    const { settings: { name }, stopped } = memory.session;
    if (stopped) this.#bfd.delete(name);
    else this.#bfd.set(name, memory);
  }

  /** Whom a router has heard until now. */
  peersOf(router: string): Router["peers"] {
    return this.#routers.get(router)?.peers ?? [];
  }

  /** Takes over what another process remembers. */
  learn({ routers, groups, bfd }: Omit<Memory, "silentSince">): void {
    for (const router of routers) this.router(router);
    for (const memory of bfd ?? []) this.bfd(memory);
    for (const memory of groups ?? []) this.group({ name: memory.settings.name, memory });
  }

  /** Forgets all routers but these. */
  keep(names: ReadonlySet<string>): void {
    for (const name of this.#routers.keys()) if (!names.has(name)) this.#routers.delete(name);
  }

  all(): Omit<Memory, "silentSince"> {
    return {
      routers: [...this.#routers.values()],
      groups: [...this.#groups.values()],
      bfd: [...this.#bfd.values()],
    };
  }
}
