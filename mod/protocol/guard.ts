/**
 * Authentication of one router's adverts: its keys, its clock, and what it remembers of numbers and
 * stamps. The state is part of what the router remembers, the keys are not: they come anew with
 * every configuration, and change without touching anything else.
 *
 * Without keys a guard is locked: nothing leaves, and nothing is believed.
 *
 * @module
 */

import { parseIp } from "../ip/mod.ts";
import type { AuthenticationReport, AuthenticationType } from "../plane/credentials.ts";
import { hmac, sameBytes } from "../secret/mod.ts";
import {
  type Authenticated,
  type Authentication,
  type AuthenticationState,
  type Authenticator,
  clockAlarm,
  type ClockNotice,
  type DecodeOptions,
  forgetClock,
  type Ipv6Origin,
  mustFollowWallClock,
  receive4,
  receive6,
  seal4,
  seal6,
  stampTime,
} from "../vrrp/mod.ts";

/** Without any: nothing is sealed, and nothing opened. */
const LOCKED: Authenticated = { ok: false, drop: "authentication" };

export class Guard {
  readonly type: AuthenticationType;
  readonly state: AuthenticationState;
  readonly #wall: () => number;
  #authenticator: Authenticator | null = null;
  /** The source of IPv6 adverts as text and bytes. */
  #source = "";
  #sourceBytes = new Uint8Array(16);

  /**
   * @param state of a former life of the router, or a new one; it goes on changing
   * @param wall microseconds since 1970
   */
  constructor(type: AuthenticationType, state: AuthenticationState, wall: () => number) {
    this.type = type;
    this.state = state;
    this.#wall = wall;
  }

  /** Nothing can be said or believed for want of a key. */
  get isLocked(): boolean {
    return this.#authenticator === null;
  }

  /** Authenticates by this from now on; null: locks. Returns whether anything changed. */
  use(authentication: Authentication | null): boolean {
    const former = this.#authenticator?.authentication ?? null;
    if (sameAuthentication(former, authentication)) return false;
    const { state } = this;
    this.#authenticator = authentication === null ? null : { authentication, state, hmac };
    return true;
  }

  /**
   * A packet as the peers believe it; null: there is no key for it.
   *
   * @param source own address that it is sent from
   * @param now on CLOCK_MONOTONIC
   * @throws {RangeError} when it cannot be authenticated: nothing must be sent then
   */
  seal(
    packet: Uint8Array<ArrayBuffer>,
    family: "ipv4" | "ipv6",
    source: string,
    now: number,
  ): Uint8Array<ArrayBuffer> | null {
    const by = this.#authenticator;
    if (by === null) return null;
    if (family === "ipv4") return seal4(packet, by, this.#time(now));
    if (source !== this.#source) {
      this.#sourceBytes = Uint8Array.from(parseIp(source)!);
      this.#source = source;
    }
    return seal6(packet, this.#sourceBytes, by, this.#time(now));
  }

  /** Decodes what a raw IPv4 socket delivered, and believes it or not. Never throws. */
  receive4(packet: Uint8Array, length: number, options: DecodeOptions, now: number): Authenticated {
    const by = this.#authenticator;
    if (by === null) return LOCKED;
    return this.#judged(receive4(packet, length, options, by, this.#time(now)), now);
  }

  /** The same for what a raw IPv6 socket delivered. */
  receive6(
    message: Uint8Array,
    length: number,
    from: Ipv6Origin,
    options: DecodeOptions,
    now: number,
  ): Authenticated {
    const by = this.#authenticator;
    if (by === null) return LOCKED;
    return this.#judged(receive6(message, length, from, options, by, this.#time(now)), now);
  }

  /** What may be told of it. */
  report(now: number): AuthenticationReport {
    const authentication = this.#authenticator?.authentication;
    if (authentication === undefined) {
      return { type: this.type, alarm: "there is no key: the router takes no part" };
    }
    if (authentication.type !== "hmac") return { type: this.type, alarm: null };
    const { mode, keys, activeKey, antiReplay, window } = authentication;
    const { hmac } = this.state;
    const senders = Object.fromEntries(hmac.marks.map(({ source, keyId }) => [source, keyId]));
    return {
      type: this.type,
      hmac: { mode, keys: keys.map(({ id }) => id), activeKey, antiReplay, window, senders },
      alarm: clockAlarm(authentication, hmac, this.#time(now)),
    };
  }

  /** The time that stamps are made of. */
  #time(now: number): number {
    this.state.anchor ??= { wall: this.#wall(), monotonic: now };
    return stampTime(this.state.anchor, now);
  }

  /** A sender that is refused for its time may be right about it. */
  #judged(result: Authenticated, now: number): Authenticated {
    if (result.ok || result.drop !== "authentication_stale") return result;
    const { hmac } = this.state;
    const authentication = this.#authenticator!.authentication;
    if (authentication.type !== "hmac") return result;
    const wall = this.#wall();
    const time = this.#time(now);
    if (!mustFollowWallClock(authentication, hmac, time, wall)) return result;
    const seconds = Math.round((wall - time) / 1_000_000);
    this.state.anchor = { wall, monotonic: now };
    forgetClock(hmac);
    const text =
      `This host's clock was set by ${seconds} s since halb took it: going by it as it ` +
      "is now, since the peers do";
    return { ...result, notice: { kind: "clock_followed", text } satisfies ClockNotice };
  }
}

/** Whether two ways to authenticate are the same, keys included. */
function sameAuthentication(a: Authentication | null, b: Authentication | null): boolean {
  if (a === null || b === null) return a === b;
  if (a.type === "none" || b.type === "none") return a.type === b.type;
  if (a.type !== "hmac") {
    return a.type === b.type && sameBytes(a.password.reveal(), b.password.reveal());
  }
  return b.type === "hmac" && a.activeKey === b.activeKey && a.mode === b.mode &&
    a.antiReplay === b.antiReplay && a.window === b.window &&
    a.peers?.join() === b.peers?.join() && a.keys.length === b.keys.length &&
    a.keys.every(({ id, key }, i) =>
      id === b.keys[i]!.id && sameBytes(key.reveal(), b.keys[i]!.key.reveal())
    );
}
