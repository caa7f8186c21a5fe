/**
 * What the planes tell each other of health checks. Each check runs in the plane that can do it
 * without waiting: datagrams, connections and pings in the kernel plane's loop; TLS, HTTP, programs
 * and files in control; a BFD session is one by itself, in the protocol plane. Whoever has the
 * verdict tells who lives by it: the kernel plane (real servers) and the protocol plane (trackers
 * of virtual routers, kind `check`), in the turn of the deciding result.
 *
 * @module
 */

import type { Health, WeightOpinion } from "../check/mod.ts";
import type { EventId } from "./messages.ts";

/** How a check stands. */
export interface CheckFinding {
  /** Unique: the name of a `[[check]]`, or one made for a check of one real server. */
  readonly check: string;
  readonly health: Health;
  /** In words, escaped: `connection refused`. */
  readonly reason: string;
  /** What the server says about its weight; null: nothing. */
  readonly weight: WeightOpinion | null;
}

/** A check stands otherwise than before, or is known for the first time. */
export interface CheckFound extends CheckFinding {
  readonly type: "check";
  readonly id: EventId;
}
