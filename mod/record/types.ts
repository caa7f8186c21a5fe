/**
 * What is recorded of a pure machine: its memory at one moment, what was put into it from then on and
 * when, and what it decided. Plain data.
 *
 * Most inputs and decisions are alike: each is written once in a table, and a step is a time and two
 * numbers. In a decision `at` counts from the time of the step, and in both `generation` is left out:
 * a timer that fires is the one that was armed last.
 *
 * @module
 */

import type { PoolMemory } from "../balance/mod.ts";
import type { Session } from "../bfd/mod.ts";
import type { Verdict } from "../check/mod.ts";
import type {
  Group,
  Micros,
  RiseFall,
  Router,
  Tracker,
  Verdict as ScriptVerdict,
} from "../vrrp/mod.ts";

/**
 * Which machine: of a virtual router that goes alone, of a group with its members, of a BFD session;
 * the verdict on a health check, that on a tracked script; what the trackers of a router or group
 * come to; a virtual server with its real servers.
 */
export const MACHINE_KINDS = [
  "router",
  "group",
  "bfd",
  "check",
  "script",
  "trackers",
  "virtual_server",
] as const;

export type MachineKind = typeof MACHINE_KINDS[number];

/** What the machine of each kind remembers. */
export interface Memories {
  readonly router: Router;
  readonly group: Group;
  readonly bfd: Session;
  readonly check: Verdict;
  readonly script: ScriptMemory;
  /** What they come to follows from how they stand, and from nothing before. */
  readonly trackers: null;
  readonly virtual_server: PoolMemory;
}

/** What is remembered of a tracked script, with what is wanted of it. */
export interface ScriptMemory {
  readonly rule: RiseFall;
  readonly verdict: ScriptVerdict;
}

/** How a run of a tracked script ended. */
export interface ScriptEvent {
  readonly type: "result";
  readonly healthy: boolean;
  readonly reason: string;
}

/** The verdict on a script is another one. */
export interface ScriptEffect {
  readonly type: "turned";
  readonly healthy: boolean;
  readonly reason: string;
}

/** How the trackers of a router stand, or of each member of a group. */
export interface TrackersEvent {
  readonly type: "found";
  readonly members: readonly (readonly Tracker[])[];
}

/** What they add to the priority, and what keeps each member out of the election, in words. */
export interface TrackersEffect {
  readonly type: "judged";
  readonly contribution: number;
  readonly faults: readonly (readonly string[])[];
}

/** What the verdict on a check is told, as far as it counts. */
export interface CheckEvent {
  readonly type: "outcome";
  readonly result: "passed" | "failed" | "void" | "unasked";
  readonly reason: string;
  readonly warnings: readonly string[];
}

/** Some steps of one machine, without a gap. */
export interface Segment {
  readonly kind: MachineKind;
  /** Of the router (or its session of one family), the group or whatever else it is. */
  readonly name: string;
  /** It goes on where the one before it in the list has ended. */
  readonly follows: boolean;
  /** What the machine remembers before the first step, without secrets (`sketches.ts`). */
  readonly memory: unknown;
  /** What it was told. */
  readonly inputs: readonly unknown[];
  /** Lists of effects. */
  readonly decisions: readonly (readonly unknown[])[];
  /** Of the first step, on CLOCK_MONOTONIC. */
  readonly begin: Micros;
  /** For each step: microseconds since the one before it, its input, its decision. */
  readonly steps: readonly (readonly [number, number, number])[];
  /** For each step of a machine that is given chance: the number, of 2³². */
  readonly chance?: readonly number[];
}

/** A segment as the recorder has it, before anybody has had the time to make it readable. */
export interface RawSegment {
  readonly kind: MachineKind;
  readonly name: string;
  /** Counts the segments of the machine; those that are no longer kept leave gaps. */
  readonly number: number;
  readonly goesOn: boolean;
  /** It is the newest, and grows: what comes after it does not begin where this copy ends. */
  readonly open: boolean;
  /** JSON. */
  readonly memory: string;
  readonly inputs: readonly unknown[];
  readonly decisions: readonly unknown[];
  /** Of each step. */
  readonly at: Float64Array;
  readonly input: Uint8Array;
  readonly decision: Uint8Array;
  /** Absent: the machine is given none. */
  readonly chance?: Uint32Array;
}

/** Most steps in a segment. */
export const MOST_STEPS = 128;
/** Most different inputs, and most different decisions in one. */
export const MOST_ALIKE = 64;
