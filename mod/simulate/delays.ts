/**
 * How long a host needs for what the state machines want: the one thing of a simulation that is not
 * computed but measured (docs/measurements.md).
 *
 * @module
 */

import type { Micros } from "../vrrp/mod.ts";

/** From the decision to be master to the address on its interface. */
export const ADDED: Micros = 1_000;
/** From the decision to let go to the address gone. */
export const REMOVED: Micros = 1_000;
/** From the carrier to the agent that knows. */
export const LINK_TOLD: Micros = 1_000;
/** From the signal that ends an agent in order to its routers, which resign. */
export const STOP_TOLD: Micros = 3_000;
/** After a stall the kernel plane waits for two turns of the protocol loop. */
export const BEATEN: Micros = 100_000;
/** What has no lease and was left by an agent that died waits so long for the next one's decision. */
export const ADOPTED: Micros = 10_000_000;
