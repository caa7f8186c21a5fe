/** What recorders have recorded, as it is read from a file, and replayed. */

import { headerLine, parseRecording } from "../../../mod/agent/flight/recording_file.ts";
import {
  type RawSegment,
  readable,
  type Recorder,
  replay,
  type Segment,
} from "../../../mod/record/mod.ts";

/** As it comes out of a file. */
export function written(recorder: Pick<Recorder, "segment">, name: string): Segment[] {
  const all: RawSegment[] = [];
  for (let from = 0;; from = all.at(-1)!.number + 1) {
    const found = recorder.segment(name, from);
    if (found === undefined) return readable(all).map((one) => JSON.parse(JSON.stringify(one)));
    all.push(found);
  }
}

/** Steps that were made again, and differences. */
export function replayed(segments: readonly Segment[]): { steps: number; differences: string[] } {
  let [steps, former] = [0, undefined as unknown];
  const differences: string[] = [];
  for (const segment of segments) {
    const run = replay(segment, former);
    for (let one = run.next();; one = run.next()) {
      if (one.done) {
        former = one.value.memory;
        break;
      }
      steps++;
      if (one.value.difference !== null) differences.push(one.value.difference);
    }
  }
  return { steps, differences };
}

/** What `halb replay` reads where these were written. @throws {RangeError} where it refuses them */
export function read(segments: readonly Segment[]): Segment[] {
  const header = headerLine("0.1.0", "2026-11-22T07:00:00.000Z", 0);
  const lines = segments.map((one) => `${JSON.stringify(one)}\n`);
  return parseRecording(header + lines.join("")).segments.map(({ segment }) => segment);
}
