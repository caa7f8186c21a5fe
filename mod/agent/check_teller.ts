/**
 * Who tells of single checks: each change of a verdict once, whatever planes die and processes
 * follow each other. Only readers of JSON hear of them: keepalived's FIFO has no line for a check.
 * One that is a BFD session is told by that session.
 *
 * @module
 */

import { monotonicMicros } from "../../ffi/mod.ts";
import type { CheckMemory } from "../check/board.ts";
import type { CheckDetails, Notice } from "../notify/notice.ts";
import type { CheckIdentity } from "./check_plan.ts";
import { wallTime } from "./clock.ts";

export class CheckTeller {
  readonly #generation: () => number;
  readonly #tell: (notice: Notice) => void;
  #identities: ReadonlyMap<string, CheckIdentity> = new Map();
  /** What was told last, by id. */
  readonly #told = new Map<string, Notice>();

  constructor(generation: () => number, tell: (notice: Notice) => void) {
    this.#generation = generation;
    this.#tell = tell;
  }

  /** How all stand, as was told last. */
  get told(): Notice[] {
    return [...this.#told.values()].map((notice) => ({
      ...notice,
      check: { ...this.#about(notice.name), ...verdictOf(notice) },
    }));
  }

  /** These are the checks from now on; of those that are gone it is told when that is applied. */
  plan(identities: readonly CheckIdentity[]): void {
    this.#identities = new Map(identities.map((one) => [one.id, one]));
  }

  /** What a former process has told: nothing of it is told again. */
  remember(memory: readonly CheckMemory[]): void {
    const at = monotonicMicros();
    for (const { check, health, reason } of memory) {
      this.#note(check, health === "up", reason, null, at);
    }
  }

  /** A check stands so. @param latency of the deciding probe, µs; null: there was none @param at µs */
  found({ check, health, reason }: CheckMemory, latency: number | null, at: number): void {
    const healthy = health === "up";
    const before = this.#told.get(check);
    if (before?.check?.healthy === healthy) return;
    this.#tell(this.#note(check, healthy, reason, latency, at));
  }

  /** The reload is over. */
  applied(): void {
    const at = monotonicMicros();
    for (const id of [...this.#told.keys()]) {
      if (this.#identities.has(id)) continue;
      this.#tell(this.#note(id, null, "removed from the configuration", null, at));
      this.#told.delete(id);
    }
  }

  #note(
    id: string,
    healthy: boolean | null,
    cause: string,
    latency: number | null,
    at: number,
  ): Notice {
    const before = this.#told.get(id);
    const check: CheckDetails = { ...this.#about(id), healthy, latency };
    const notice: Notice = {
      type: "CHECK",
      name: id,
      state: healthy === null ? "DELETED" : healthy ? "UP" : "DOWN",
      previous: before?.state ?? null,
      priority: 0,
      cause,
      time: wallTime(at),
      generation: this.#generation(),
      check,
    };
    this.#told.set(id, notice);
    return notice;
  }

  /** What it is, also once it is gone. */
  #about(id: string): Pick<CheckDetails, "name" | "kind" | "server"> {
    const known = this.#identities.get(id);
    if (known !== undefined) {
      const { named, type: kind, asked } = known;
      return { name: named ? id : null, kind, server: asked === "" ? null : asked };
    }
    const { name = null, kind = "", server = null } = this.#told.get(id)?.check ?? {};
    return { name, kind, server };
  }
}

function verdictOf({ check }: Notice): Pick<CheckDetails, "healthy" | "latency"> {
  return { healthy: check?.healthy ?? null, latency: check?.latency ?? null };
}
