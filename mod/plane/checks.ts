/**
 * What the planes tell each other of health checks. Each check runs in the plane that can do it
 * without waiting: datagrams, connections and pings in the kernel plane's loop; TLS, regular
 * expressions, programs and files in control; a BFD session is one by itself, in the protocol
 * plane. Whoever has the verdict tells who lives by it: the kernel plane (real servers) and the
 * protocol plane (trackers of virtual routers, kind `check`), in the turn of the deciding result.
 *
 * Times are whole microseconds on CLOCK_MONOTONIC.
 *
 * @module
 */

import type { CheckFinding, CheckMemory, CheckReport } from "../check/board.ts";
import type { SocketTarget } from "../check/drivers/open.ts";
import type { CheckSettings } from "../check/mod.ts";
import type { SocketTask } from "../check/task.ts";
import type { CheckCount } from "./check_tally.ts";
import type { HistogramData } from "./histogram.ts";
import type { EventId } from "./messages.ts";

export type { CheckFinding } from "../check/board.ts";

/** A check stands otherwise than before, or is known for the first time. */
export interface CheckFound extends CheckFinding {
  readonly type: "check";
  readonly id: EventId;
}

/** A check that the kernel plane runs. */
export interface KernelCheck extends CheckSettings {
  readonly task: SocketTask;
  readonly end: SocketTarget;
  /** A virtual router tracks it: the protocol plane is told. */
  readonly tracked: boolean;
}

// ---- control → kernel ---------------------------------------------------------------------------

/** All checks of the kernel plane: a difference to those that run. */
export interface ConfigureChecks {
  readonly type: "configure_checks";
  readonly id: EventId;
  readonly checks: readonly KernelCheck[];
  /** What is known from a former life; of checks that run it is not believed. */
  readonly former: readonly CheckMemory[];
}

/** Asks for a `checks_state`. */
export interface QueryChecks {
  readonly type: "query_checks";
  readonly id: EventId;
}

/** Asks whether the load balancer leads to where a check of control goes by its way. */
export interface QueryWay {
  readonly type: "query_way";
  readonly id: EventId;
  readonly way: Way;
}

/** A virtual address, and the mark that leads from there to one real server. */
export type Way = Pick<SocketTarget, "address" | "mark">;

export type ChecksToKernel = CheckFound | ConfigureChecks | QueryChecks | QueryWay;

// ---- kernel → control ---------------------------------------------------------------------------

/** Something happened to a check: for the log, events, and who goes on after a crash. */
export interface CheckStep {
  readonly type: "check_step";
  readonly id: EventId;
  readonly at: number;
  readonly check: string;
  readonly what:
    | {
      readonly kind: "found";
      readonly memory: CheckMemory;
      /** The health, not its weight alone; false also for what was known before. */
      readonly changed: boolean;
      /** Of the probe that decided; null: none did. */
      readonly latency: number | null;
    }
    | { readonly kind: "flapping"; readonly flapping: boolean }
    | { readonly kind: "warning"; readonly text: string };
}

/** Answer to `query_checks`. */
export interface ChecksState {
  readonly type: "checks_state";
  readonly id: EventId;
  readonly cause: EventId;
  readonly reports: readonly CheckReport[];
  /** From the moment at which a probe was due until its socket was opened, microseconds. */
  readonly lateness: HistogramData;
  readonly counts: readonly CheckCount[];
}

/** Answer to `query_way`. */
export interface WayState {
  readonly type: "way_state";
  readonly id: EventId;
  readonly cause: EventId;
  readonly leads: boolean;
}

export type ChecksToControl = CheckStep | ChecksState | WayState;

// ---- control → protocol -------------------------------------------------------------------------

/** A session that is a check: the kernel plane hears of its changes. */
export interface SessionCheck {
  /** Id of the check. */
  readonly check: string;
  readonly session: string;
}
