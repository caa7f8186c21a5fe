/**
 * The planes' Workers. A thread of JavaScript needs some tens of milliseconds to come up, and the
 * main thread as many to read a configuration: so the command that will run an agent starts both
 * threads first, and they wait for their start message.
 *
 * Imports nothing, so that nothing else has to be loaded before.
 *
 * @module
 */

export type PlaneName = "protocol" | "kernel";

const early = new Map<PlaneName, Worker>();

/** Starts a Worker for each plane ahead of time. */
export function startWorkersEarly(): void {
  for (const plane of ["protocol", "kernel"] as const) early.set(plane, newWorker(plane));
}

/** A Worker for the plane that nobody has had: one that waits already, or a new one. */
export function takeWorker(plane: PlaneName): Worker {
  const waiting = early.get(plane);
  early.delete(plane);
  return waiting ?? newWorker(plane);
}

function newWorker(plane: PlaneName): Worker {
  // Each URL in one piece, as the compiler wants to see it.
  const url = plane === "protocol"
    ? new URL("../protocol/worker.ts", import.meta.url)
    : new URL("../kernel/worker.ts", import.meta.url);
  return new Worker(url, { type: "module", name: plane });
}
