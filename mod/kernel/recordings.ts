/**
 * What the kernel plane has recorded of checks and virtual servers, for control when it asks.
 *
 * @module
 */

import type { IdSource } from "../plane/ids.ts";
import type { Machines, QueryMachines, QueryRecording, Recorded } from "../plane/recording.ts";
import type { Balancer } from "./balancer.ts";
import type { KernelProbes } from "./probes.ts";

/** The answer to a question. */
export function answerRecording(
  message: QueryMachines | QueryRecording,
  { recorders: { shelf } }: Balancer,
  { recorded }: KernelProbes,
  ids: IdSource,
): Machines | Recorded {
  const reply = { id: ids.next(), cause: message.id };
  if (message.type === "query_machines") {
    return { type: "machines", ...reply, machines: [...shelf.machines, ...recorded.machines] };
  }
  const { kind, name, from } = message;
  const found = kind === "check" ? recorded : shelf;
  return { type: "recorded", ...reply, segment: found.segment(name, from) ?? null };
}
