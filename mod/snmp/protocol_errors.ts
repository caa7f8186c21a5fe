/**
 * Which protocol error a router met last, out of its counters, and when that is worth a notification
 * (vrrpv3ProtoError, RFC 6527). Pure; times are milliseconds.
 *
 * @module
 */

import { PROTOCOL_ERRORS, type ProtocolError } from "./vrrpv3.ts";

/** Between two notifications about one router: anybody on the link can cause errors. */
const QUIET = 10_000;
/** No row of the MIB has packets for a router that is not there. */
const KINDS = (Object.keys(PROTOCOL_ERRORS) as ProtocolError[])
  .filter((kind) => kind !== "virtual_router_id");

/** Of a session of a router. */
interface Known {
  readonly counts: Record<string, number>;
  last: ProtocolError | null;
  toldAt: number;
}

export class ProtocolErrors {
  readonly #known = new Map<string, Known>();

  /** The last one of a session; null: none since it was looked at first. */
  readonly errorOf = (session: string): ProtocolError | null =>
    this.#known.get(session)?.last ?? null;

  /** Looks at counters. @returns whether somebody should be told */
  observe(session: string, dropped: Readonly<Record<string, number>>, now: number): boolean {
    const known = this.#known.get(session);
    const counts = Object.fromEntries(KINDS.map((kind) => [kind, dropped[kind] ?? 0]));
    if (known === undefined) {
      this.#known.set(session, { counts, last: null, toldAt: -Infinity });
      return false;
    }
    const grown = KINDS.find((kind) => counts[kind]! > known.counts[kind]!);
    Object.assign(known.counts, counts);
    if (grown === undefined) return false;
    known.last = grown;
    if (now < known.toldAt + QUIET) return false;
    known.toldAt = now;
    return true;
  }

  /** Forgets all sessions but these. */
  keep(names: ReadonlySet<string>): void {
    for (const name of this.#known.keys()) if (!names.has(name)) this.#known.delete(name);
  }
}
