/**
 * How control asks the planes for what is recorded of their machines: a segment at a time, so that no
 * turn is long.
 *
 * @module
 */

import type { MachineKind, RawSegment } from "../record/mod.ts";
import type { EventId } from "./messages.ts";

/** Asks for a `recorded` message. */
export interface QueryRecording {
  readonly type: "query_recording";
  readonly id: EventId;
  readonly kind: MachineKind;
  readonly name: string;
  /** The first segment of this number or a later one. */
  readonly from: number;
}

/** The answer to `query_recording`. */
export interface Recorded {
  readonly type: "recorded";
  readonly id: EventId;
  readonly cause: EventId;
  /** null: there is none. */
  readonly segment: RawSegment | null;
}

/** A machine of which something is recorded. */
export interface Machine {
  readonly kind: MachineKind;
  readonly name: string;
}

/** Asks for a `machines` message. */
export interface QueryMachines {
  readonly type: "query_machines";
  readonly id: EventId;
}

/** The answer to `query_machines`: those of which the plane's state does not tell. */
export interface Machines {
  readonly type: "machines";
  readonly id: EventId;
  readonly cause: EventId;
  readonly machines: readonly Machine[];
}
