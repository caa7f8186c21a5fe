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

/** Segments of one machine that are fetched at most: one that floods makes more all the time. */
const MOST_SEGMENTS = 16;

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
  readonly shelves: readonly Pick<Shelf<MachineKind>, "machines" | "segment">[];
}

export class Recordings {
  readonly #env: RecordingsSurroundings;

  constructor(env: RecordingsSurroundings) {
    this.#env = env;
  }

  /** @throws {Error} while there is no such plane, or where it dies over it */
  async answer(request: RecordingRequest): Promise<RecordingList | RecordingOf> {
    if (request.kind !== undefined) return { segments: await this.#segments(request) };
    const [state, { machines }] = await Promise.all([
      this.#env.query(),
      this.#env.dialogue.queryMachines(),
    ]);
    const at = monotonicMicros();
    const own = this.#env.shelves.flatMap((shelf) => shelf.machines);
    return { machines: [...machinesOf(state), ...machines, ...own], at, time: wallTime(at) };
  }

  async #segments(machine: RecordedMachine) {
    const { kind, name } = machine;
    const shelf = this.#env.shelves.find(({ machines }) =>
      machines.some((one) => one.kind === kind && one.name === name)
    );
    const plane = PLANES[kind];
    const all: RawSegment[] = [];
    for (let from = 0; all.length < MOST_SEGMENTS; from = all.at(-1)!.number + 1) {
      let segment = shelf?.segment(name, from) ?? null;
      if (shelf === undefined && plane !== undefined) {
        ({ segment } = await this.#env.dialogue.queryRecording(plane, { kind, name }, from));
      }
      if (segment === null) break;
      all.push(segment);
      // By now it may have grown, and been followed.
      if (segment.open) break;
    }
    return readable(all);
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
