/**
 * Who is the agent of a control path: whoever has the lock beside it. Two agents that are started
 * at once exclude each other by it, and at a hand-over it decides, at every moment and whatever
 * crashes or hangs, which of the two processes may send and touch addresses: the kernel gives the
 * lock to one alone, and takes it from a process that ends.
 *
 * @module
 */

import { dirname } from "node:path";
import type { AgentConfig } from "../../config/mod.ts";
import { FileLock } from "../../ffi/mod.ts";
import type { OwnMark } from "../plane/start.ts";

/** The lock file of the agent at `control`, in a directory that is made where there is none. */
export function ownershipOf(control: string): FileLock {
  Deno.mkdirSync(dirname(control), { recursive: true, mode: 0o700 });
  return new FileLock(`${control}.lock`);
}

/** By what an agent knows its own things in the kernel. */
export function markOf(agent: Pick<AgentConfig, "protocol_number" | "instance">): OwnMark {
  const { protocol_number: protocol, instance } = agent;
  return { protocol, ...(instance === undefined ? {} : { instance }) };
}
