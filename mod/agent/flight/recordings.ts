/**
 * What is recorded of the state machines, fetched from the protocol plane when somebody asks.
 *
 * @module
 */

import { monotonicMicros } from "../../../ffi/mod.ts";
import type {
  RecordedMachine,
  RecordingList,
  RecordingOf,
  RecordingRequest,
} from "../../control/recording_protocol.ts";
import type { ProtocolState } from "../../plane/state.ts";
import { type RawSegment, readable } from "../../record/mod.ts";
import { wallTime } from "../clock.ts";
import type { Dialogue } from "../dialogue.ts";

/** Segments of one machine that are fetched at most: one that floods makes more all the time. */
const MOST_SEGMENTS = 16;

/** What it needs of the agent. */
export interface RecordingsSurroundings {
  readonly dialogue: Pick<Dialogue, "queryRecording">;
  /** @throws {Error} while there is no protocol plane */
  query(): Promise<ProtocolState>;
}

export class Recordings {
  readonly #env: RecordingsSurroundings;

  constructor(env: RecordingsSurroundings) {
    this.#env = env;
  }

  /** @throws {Error} while there is no protocol plane, or where it dies over it */
  async answer(request: RecordingRequest): Promise<RecordingList | RecordingOf> {
    if (request.kind !== undefined) return { segments: await this.#segments(request) };
    const { routers, groups, bfd = [] } = await this.#env.query();
    const at = monotonicMicros();
    const alone = routers.map(({ router }) => ({
      kind: "router" as const,
      name: router.settings.name,
    }));
    const together = groups.map(({ name }) => ({ kind: "group" as const, name }));
    const sessions = bfd.map(({ session }) => ({
      kind: "bfd" as const,
      name: session.settings.name,
    }));
    return { machines: [...alone, ...together, ...sessions], at, time: wallTime(at) };
  }

  async #segments({ kind, name }: RecordedMachine) {
    const all: RawSegment[] = [];
    for (let from = 0; all.length < MOST_SEGMENTS; from = all.at(-1)!.number + 1) {
      const { segment } = await this.#env.dialogue.queryRecording(kind, name, from);
      if (segment === null) break;
      all.push(segment);
      // By now it may have grown, and been followed.
      if (segment.open) break;
    }
    return readable(all);
  }
}
