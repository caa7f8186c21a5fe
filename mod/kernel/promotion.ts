/**
 * `promote_secondaries`: where the first address of a network goes, the kernel makes the next one
 * the first, instead of removing all others with it.
 *
 * Virtual addresses are /32 and /128 and never depend on one another; this is for the addresses of
 * the host itself. Every value but 0 switches it on, so halb writes a number of its own: whatever
 * process comes later sees by that alone what was switched on by halb, and is to be switched off.
 *
 * @module
 */

import type { KernelRouter } from "../plane/messages.ts";
import type { NamespaceIo } from "./io.ts";
import type { Say } from "./tables.ts";
import { textOf } from "../text/mod.ts";
import type { NamespaceView } from "./view.ts";
import { ownProtocol } from "./mark.ts";

const OFF = "0";

/** The setting of all interfaces of one namespace. */
export class Promotion {
  readonly #io: NamespaceIo;
  readonly #view: NamespaceView;
  readonly #say: Say;
  #wanted: ReadonlySet<string> = new Set();
  /** Interfaces whose setting is to be looked at. */
  readonly #doubtful = new Set<number>();
  #started = false;

  constructor(io: NamespaceIo, view: NamespaceView, say: Say) {
    this.#io = io;
    this.#view = view;
    this.#say = say;
  }

  /** For which routers it is to be on; the next `settle` sees to it. The view must be read. */
  want(routers: readonly KernelRouter[]): void {
    const before = this.#wanted;
    this.#wanted = new Set(
      routers.filter(({ promoteSecondaries }) => promoteSecondaries)
        .flatMap(({ addresses }) => addresses.map((address) => address.interface)),
    );
    for (const { name, index } of this.#view.links()) {
      // At the start any may bear what a former process left.
      if (!this.#started || before.has(name) !== this.#wanted.has(name)) this.#doubtful.add(index);
    }
    this.#started = true;
  }

  /** An interface is new, or another than it was. */
  changed(index: number): void {
    this.#doubtful.add(index);
  }

  /** Sets what is wanted, and sets back what is no more. What somebody else has set is left alone. */
  settle(): void {
    // Not before: the mark is set after this module has been loaded.
    const ours = String(ownProtocol());
    for (const index of this.#doubtful) {
      this.#doubtful.delete(index);
      const name = this.#view.link(index)?.name;
      if (name === undefined) continue;
      const [from, to] = this.#wanted.has(name) ? [OFF, ours] : [ours, OFF];
      const path = `ipv4/conf/${name}/promote_secondaries`;
      if (this.#io.setting(path) !== from) continue;
      try {
        this.#io.set(path, to);
      } catch (error) {
        const properties = { interface: name, reason: textOf(error) };
        this.#say("warning", ["kernel"], "Cannot change promote_secondaries", properties);
      }
    }
  }
}
