/**
 * What is recorded of the state machines, fetched from the planes when somebody asks; some of it is
 * control's own.
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
import { type MachineKind, type RawSegment, readable, type Shelf } from "../../record/mod.ts";
import { wallTime } from "../clock.ts";
import type { Dialogue } from "../dialogue.ts";
import type { PlaneName } from "../planes.ts";
import { soonOrNull } from "../questions.ts";

/** Segments of one machine that are fetched at most: one that floods makes more all the time. */
const MOST_SEGMENTS = 16;
/** Milliseconds: routers are recorded without the kernel plane. */
const PATIENCE = 2_000;

/** Whose machines they are; checks are control's or the kernel plane's. */
const PLANES: Readonly<Partial<Record<MachineKind, PlaneName>>> = {
  router: "protocol",
  group: "protocol",
  bfd: "protocol",
  trackers: "protocol",
  check: "kernel",
  virtual_server: "kernel",
};

/** What it needs of the agent. */
export interface RecordingsSurroundings {
  readonly dialogue: Pick<Dialogue, "queryRecording" | "queryMachines">;
  /** @throws {Error} while there is no protocol plane */
  query(): Promise<ProtocolState>;
  /** Control's own. */
  readonly shelves: readonly Pick<Shelf<MachineKind>, "machines" | "has" | "segment">[];
}

export class Recordings {
  readonly #env: RecordingsSurroundings;
  readonly #patience: number;

  /** @param patience how long the kernel plane has for an answer, milliseconds */
  constructor(env: RecordingsSurroundings, patience = PATIENCE) {
    this.#env = env;
    this.#patience = patience;
  }

  /**
   * Without what a kernel plane has recorded that is held up, or is being replaced.
   *
   * @throws {Error} while there is no protocol plane, or where it dies over it
   */
  async answer(request: RecordingRequest): Promise<RecordingList | RecordingOf> {
    if (request.kind !== undefined) return { segments: await this.#segments(request) };
    const [state, kernel] = await Promise.all([
      this.#env.query(),
      this.#orNull(this.#env.dialogue.queryMachines()),
    ]);
    const machines = kernel?.machines ?? [];
    const at = monotonicMicros();
    const own = this.#env.shelves.flatMap((shelf) => shelf.machines);
    return { machines: [...machinesOf(state), ...machines, ...own], at, time: wallTime(at) };
  }

  async #segments(machine: RecordedMachine) {
    const { kind, name } = machine;
    const shelf = this.#env.shelves.find((one) => one.has(kind, name));
    const plane = PLANES[kind];
    const all: RawSegment[] = [];
    for (let from = 0; all.length < MOST_SEGMENTS; from = all.at(-1)!.number + 1) {
      let segment = shelf?.segment(name, from) ?? null;
      if (shelf === undefined && plane !== undefined) {
        const answer = this.#env.dialogue.queryRecording(plane, { kind, name }, from);
        const found = plane === "kernel" ? await this.#orNull(answer) : await answer;
        segment = found?.segment ?? null;
      }
      if (segment === null) break;
      all.push(segment);
      // By now it may have grown, and been followed.
      if (segment.open) break;
    }
    return readable(all);
  }

  /** Of a plane that may be held up for long; null: there is none now. */
  async #orNull<T>(answer: Promise<T>): Promise<T | null> {
    // Whatever keeps it from answering: nobody's routers have to do with it.
    return await soonOrNull(answer, this.#patience).catch(() => null);
  }
}

/** Those of the protocol plane. */
function machinesOf({ routers, groups, bfd = [] }: ProtocolState): RecordedMachine[] {
  const tracking = routers.filter(({ trackers }) => trackers.length > 0);
  const named = (kind: MachineKind, names: Iterable<string>) =>
    Array.from(names, (name) => ({ kind, name }));
  return [
    ...named("router", routers.map(({ router }) => router.settings.name)),
    ...named("group", groups.map(({ name }) => name)),
    ...named("trackers", new Set(tracking.map((one) => one.group ?? one.router.settings.name))),
    ...named("bfd", bfd.map(({ session }) => session.settings.name)),
  ];
}
