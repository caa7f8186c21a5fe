/**
 * Which routers care about which interface, so that news of one of a thousand interfaces is not
 * held against a thousand routers.
 *
 * @module
 */

import type { ProtocolRouter } from "../plane/messages.ts";

/** Interfaces that a router speaks on or tracks are in its configuration. */
type Uses = Pick<
  ProtocolRouter,
  "namespace" | "interface" | "virtualInterface" | "trackers"
>;

/** Users by interface; `T` is a router. */
export class InterfaceUsers<T> {
  readonly #byName = new Map<string, Set<T>>();

  add(user: T, uses: Uses): void {
    for (const key of keysOf(uses)) {
      const users = this.#byName.get(key);
      if (users === undefined) this.#byName.set(key, new Set([user]));
      else users.add(user);
    }
  }

  /** @param uses as it was added */
  remove(user: T, uses: Uses): void {
    for (const key of keysOf(uses)) {
      const users = this.#byName.get(key);
      if (users?.delete(user) && users.size === 0) this.#byName.delete(key);
    }
  }

  /** Users of any of the named interfaces, each once. */
  of(namespace: string, names: readonly (string | undefined)[]): ReadonlySet<T> {
    const found = new Set<T>();
    for (const name of names) {
      if (name === undefined) continue;
      for (const user of this.#byName.get(keyOf(namespace, name)) ?? []) found.add(user);
    }
    return found;
  }
}

function keysOf(uses: Uses): Set<string> {
  const own = uses.virtualInterface === undefined ? [] : [uses.virtualInterface];
  const names = [uses.interface, ...own, ...uses.trackers.map(({ name }) => name)];
  return new Set(names.map((name) => keyOf(uses.namespace, name)));
}

function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}
