/**
 * How control asks the protocol plane for what is recorded of its machines: a segment at a time, so
 * that no turn is long.
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
