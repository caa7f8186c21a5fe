/**
 * How what is recorded of the state machines is asked for over the control socket: first which
 * machines there are, then each of them.
 *
 * @module
 */

import { MACHINE_KINDS, type MachineKind, type Segment } from "../record/types.ts";
import { isName } from "./balance_protocol.ts";

/** A machine that is recorded. */
export interface RecordedMachine {
  readonly kind: MachineKind;
  /** Of a virtual router, or its session of one family, or of whatever else it is. */
  readonly name: string;
}

export type RecordingRequest =
  & { readonly command: "recording" }
  & (RecordedMachine | { readonly kind?: never });

/** The answer to a request without a machine. */
export interface RecordingList {
  readonly machines: readonly RecordedMachine[];
  /** Now, on CLOCK_MONOTONIC: microseconds; times of segments are on the same clock. */
  readonly at: number;
  /** The same moment, RFC 3339. */
  readonly time: string;
}

/** The answer to one with a machine. */
export interface RecordingOf {
  /** Oldest first. */
  readonly segments: readonly Segment[];
}

/** Reads a request; what is none is said in words. */
export function readRecordingRequest(
  { kind, name }: Readonly<Record<string, unknown>>,
): RecordingRequest | string {
  const command = "recording";
  if (kind === undefined && name === undefined) return { command };
  const known = MACHINE_KINDS.find((one) => one === kind);
  if (known !== undefined && isName(name)) return { command, kind: known, name };
  return `"recording" takes a kind (${MACHINE_KINDS.join(", ")}) and a name, or neither`;
}
