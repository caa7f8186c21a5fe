/**
 * Which routers care about which interface or other tracked thing, so that news of one of a thousand
 * interfaces is not held against a thousand routers.
 *
 * @module
 */

import type { ProtocolRouter } from "../plane/messages.ts";
import { trackedIn, trackerKey, type TrackerName } from "../plane/trackers.ts";

/** What a router speaks on and tracks is in its configuration. */
type Uses = Pick<
  ProtocolRouter,
  "namespace" | "interface" | "virtualInterface" | "trackers"
>;

/** Users by tracked thing; `T` is a router. */
export class InterfaceUsers<T> {
  readonly #byKey = new Map<string, Set<T>>();

  add(user: T, uses: Uses): void {
    for (const key of keysOf(uses)) {
      const users = this.#byKey.get(key);
      if (users === undefined) this.#byKey.set(key, new Set([user]));
      else users.add(user);
    }
  }

  /** @param uses as it was added */
  remove(user: T, uses: Uses): void {
    for (const key of keysOf(uses)) {
      const users = this.#byKey.get(key);
      if (users?.delete(user) && users.size === 0) this.#byKey.delete(key);
    }
  }

  /** Users of any of the named interfaces, each once. */
  of(namespace: string, names: readonly (string | undefined)[]): ReadonlySet<T> {
    const found = new Set<T>();
    for (const name of names) {
      if (name === undefined) continue;
      const key = trackerKey({ kind: "interface", namespace, name });
      for (const user of this.#byKey.get(key) ?? []) found.add(user);
    }
    return found;
  }

  /** Users of any of these things, each once. */
  ofTracked(things: readonly TrackerName[]): ReadonlySet<T> {
    const found = new Set<T>();
    for (const thing of things) {
      for (const user of this.#byKey.get(trackerKey(thing)) ?? []) found.add(user);
    }
    return found;
  }

  /** Whether anybody uses the thing with this key. */
  uses(key: string): boolean {
    return this.#byKey.has(key);
  }
}

function keysOf({ namespace, interface: own, virtualInterface, trackers }: Uses): Set<string> {
  const keys = trackers.map(({ kind, name }) =>
    trackerKey({ kind, namespace: trackedIn(kind, namespace), name })
  );
  const carriers = virtualInterface === undefined ? [own] : [own, virtualInterface];
  return new Set([
    ...carriers.map((name) => trackerKey({ kind: "interface", namespace, name })),
    ...keys,
  ]);
}
