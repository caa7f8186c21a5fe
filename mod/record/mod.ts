/**
 * Recordings of the pure machines, and their replay. Pure. Start reading at `types.ts`.
 *
 * @module
 */

export { PoolRecorders } from "./pools.ts";
export { readable } from "./readable.ts";
export { Recorder } from "./recorder.ts";
export { replay, type Replayed } from "./replay.ts";
export { Shelf } from "./shelf.ts";
export { VerdictRecorders } from "./verdicts.ts";
export {
  MACHINE_KINDS,
  type MachineKind,
  type Memories,
  MOST_ALIKE,
  MOST_STEPS,
  type RawSegment,
  type Segment,
} from "./types.ts";
