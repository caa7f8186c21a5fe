/**
 * What the kernel plane has recorded of checks, for control when it asks.
 *
 * @module
 */

import type { IdSource } from "../plane/ids.ts";
import type { Machines, QueryMachines, QueryRecording, Recorded } from "../plane/recording.ts";
import type { KernelProbes } from "./probes.ts";

/** The answer to a question. */
export function answerRecording(
  message: QueryMachines | QueryRecording,
  { recorded }: KernelProbes,
  ids: IdSource,
): Machines | Recorded {
  const reply = { id: ids.next(), cause: message.id };
  if (message.type === "query_machines") {
    return { type: "machines", ...reply, machines: recorded.machines };
  }
  const { kind, name, from } = message;
  const segment = kind === "check" ? recorded.segment(name, from) ?? null : null;
  return { type: "recorded", ...reply, segment };
}
