/**
 * How what is recorded of the state machines is asked for over the control socket: first which
 * machines there are, then each of them.
 *
 * @module
 */

import type { MachineKind, Segment } from "../record/mod.ts";
import { isName } from "./balance_protocol.ts";

/** A machine that is recorded. */
export interface RecordedMachine {
  readonly kind: MachineKind;
  /** Of a virtual router, or its session of one family, or of a group. */
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
  if ((kind === "router" || kind === "group") && isName(name)) return { command, kind, name };
  return '"recording" takes a kind, "router" or "group", and a name, or neither';
}
