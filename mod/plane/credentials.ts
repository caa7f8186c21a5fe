/**
 * Passwords and keys on their way from control to the protocol plane. They travel beside the plan
 * and are no part of it: a plan is written down, compared, shown and handed to another process, and
 * whoever goes on with it reads his own configuration for the keys.
 *
 * A `Secret` does not survive a message, so these are bytes; both ends zero theirs (`wipe`).
 *
 * @module
 */

import type { AntiReplay, HmacMode } from "../vrrp/mod.ts";

/** How a router's adverts are authenticated. */
export type AuthenticationType = "pass" | "ah" | "hmac";

/** What one virtual router authenticates with. */
export type Credentials =
  & {
    /** Name of the virtual router. */
    readonly router: string;
  }
  & ({
    readonly type: "pass" | "ah";
    /** 1 to 8 bytes. */
    readonly password: Uint8Array;
  } | {
    readonly type: "hmac";
    readonly keys: readonly {
      /** 1 to 255. */
      readonly id: number;
      /** 32 to 64 bytes. */
      readonly key: Uint8Array;
    }[];
    /** Id of the key to sign with. */
    readonly activeKey: number;
    readonly mode: HmacMode;
    readonly antiReplay: AntiReplay;
    /** Seconds, 1 to 300. */
    readonly window: number;
  });

/** What may be told of a router's authentication: no password, no key. */
export interface AuthenticationReport {
  readonly type: AuthenticationType;
  /** Of `hmac` alone. */
  readonly hmac?: {
    readonly mode: HmacMode;
    /** Ids of all keys that are believed. */
    readonly keys: readonly number[];
    readonly activeKey: number;
    readonly antiReplay: AntiReplay;
    /** Seconds. */
    readonly window: number;
    /** Id of the key that each sender has signed with last. */
    readonly senders: Readonly<Record<string, number>>;
  };
  /** What an operator must see to, in words; null: nothing. */
  readonly alarm: string | null;
}

/** Zeroes the secrets. */
export function wipe(credentials: readonly Credentials[]): void {
  for (const one of credentials) {
    if (one.type !== "hmac") one.password.fill(0);
    else for (const { key } of one.keys) key.fill(0);
  }
}
