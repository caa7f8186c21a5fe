/**
 * What the planes tell each other of health checks. Each check runs in the plane that can do it
 * without waiting: datagrams, connections and pings in the kernel plane's loop; TLS, HTTP, programs
 * and files in control; a BFD session is one by itself, in the protocol plane. Whoever has the
 * verdict tells who lives by it: the kernel plane (real servers) and the protocol plane (trackers
 * of virtual routers, kind `check`), in the turn of the deciding result.
 *
 * @module
 */

import type { CheckFinding } from "../balance/mod.ts";
import type { EventId } from "./messages.ts";

export type { CheckFinding } from "../balance/mod.ts";

/** A check stands otherwise than before, or is known for the first time. */
export interface CheckFound extends CheckFinding {
  readonly type: "check";
  readonly id: EventId;
}
