/**
 * What the planes say when the process hands over to another one.
 *
 * The one that hands over lets its kernel plane rest first (addresses stay as they are), and then
 * freezes its protocol plane: from that moment it sends nothing, reads nothing, and lets no timer
 * act, and its answer is what the routers remember. The one that takes over boots with a kernel
 * plane that rests, and goes on from that memory. Where it does not come to that, the first one
 * thaws.
 *
 * @module
 */

import type { Router } from "../vrrp/mod.ts";
import type { BfdMemory } from "./bfd.ts";
import type { GroupMemory } from "./groups.ts";
import type { EventId } from "./messages.ts";
import type { TrackerMemory } from "./trackers.ts";

/** What routers remembered when their loop last turned. */
export interface Memory {
  readonly routers: readonly Router[];
  /** Absent: an agent that knew none. */
  readonly groups?: readonly GroupMemory[];
  /** Microseconds on CLOCK_MONOTONIC. */
  readonly silentSince: number;
  /** What is known of tracked things; absent: nothing. */
  readonly trackers?: readonly TrackerMemory[];
  /** BFD sessions, without their keys; absent: none. */
  readonly bfd?: readonly BfdMemory[];
}

/**
 * To the kernel plane: follow what happens and change nothing; or: no longer. What was decided
 * meanwhile is done then. Answered by `configured`.
 */
export interface RestKernel {
  readonly type: "rest";
  readonly id: EventId;
  readonly rest: boolean;
}

/** To the protocol plane: stand still. Answered by `frozen`. */
export interface FreezeProtocol {
  readonly type: "freeze";
  readonly id: EventId;
}

/** To the protocol plane: go on as after a stall. Answered by `configured`. */
export interface ThawProtocol {
  readonly type: "thaw";
  readonly id: EventId;
}

/** Answer to `freeze`: the last that is heard of the routers here, unless they are thawed. */
export interface Frozen extends Memory {
  readonly type: "frozen";
  readonly id: EventId;
  readonly cause: EventId;
}
