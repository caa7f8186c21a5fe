/**
 * The passwords and keys of this plane's routers, as they were last configured, and the wall clock
 * that stamps begin with.
 *
 * @module
 */

import { type AuthenticationType, type Credentials, wipe } from "../plane/credentials.ts";
import { Secret } from "../secret/mod.ts";
import type { Authentication } from "../vrrp/mod.ts";

/** A way to authenticate that may have secrets. */
type Guarded = Exclude<Authentication, { readonly type: "none" }>;

export class Keyring {
  /** Microseconds since 1970. */
  readonly wall: () => number;
  #known = new Map<string, Guarded>();

  constructor(wall: () => number) {
    this.wall = wall;
  }

  /** Takes all credentials anew, in wraps, and zeroes the bytes that carried them. */
  replace(credentials: readonly Credentials[]): void {
    this.#known = new Map(credentials.map((one) => [one.router, wrapped(one)]));
    wipe(credentials);
  }

  /** How a router authenticates; undefined: nobody has said. */
  typeOf(router: string): AuthenticationType | undefined {
    return this.#known.get(router)?.type;
  }

  /**
   * What a router authenticates with; null: there is nothing.
   *
   * @param peers who may sign: unicast peers; null: everybody who can reach the group
   */
  of(router: string, peers: readonly string[] | null): Guarded | null {
    const known = this.#known.get(router) ?? null;
    return known?.type === "hmac" ? { ...known, peers } : known;
  }
}

function wrapped(credentials: Credentials): Guarded {
  if (credentials.type !== "hmac") {
    return { type: credentials.type, password: new Secret(credentials.password) };
  }
  const { type, activeKey, mode, antiReplay, window } = credentials;
  const keys = credentials.keys.map(({ id, key }) => ({ id, key: new Secret(key) }));
  return { type, keys, activeKey, mode, antiReplay, window, peers: null };
}
