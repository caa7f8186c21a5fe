/**
 * Work in another network namespace.
 *
 * A thread enters the namespace, works synchronously, and comes back; sockets opened meanwhile stay
 * in that namespace for life. Nothing asynchronous may happen inside: file calls of the runtime run
 * on pool threads that never left the old namespace, and anything awaited would resume outside.
 *
 * @module
 */

import { check } from "./errors.ts";
import { closeDescriptor } from "./descriptor.ts";
import { openReadOnly } from "./file.ts";
import { libc } from "./symbols.ts";

const CLONE_NEWNET = 0x4000_0000;

/** Where `ip netns add` mounts namespaces. */
const NAMESPACE_DIRECTORY = "/run/netns";

/** Takes the calling thread, and those that it makes, into the network namespace of that name. */
export function joinNamespace(name: string): void {
  if (name.includes("/") || name === "." || name === "..") {
    throw new RangeError(`Not the name of a network namespace: ${JSON.stringify(name)}`);
  }
  const other = openReadOnly(`${NAMESPACE_DIRECTORY}/${name}`);
  try {
    check("setns", libc.setns(other, CLONE_NEWNET), name);
  } finally {
    closeDescriptor(other);
  }
}

/**
 * What tells the network namespace of that name from others that may get it: device and inode; `""`
 * for the thread's own. null: there is none.
 */
export function namespaceIdentity(name: string): string | null {
  if (name === "") return "";
  try {
    const { dev, ino } = Deno.statSync(`${NAMESPACE_DIRECTORY}/${name}`);
    return `${dev}:${ino}`;
  } catch {
    return null;
  }
}

/**
 * Runs `work` in the network namespace of that name and returns what it returns; `""` is the
 * thread's own: then it only runs it. The thread is back in its namespace when this returns or
 * throws. `work` must not be asynchronous (TypeError). Needs CAP_SYS_ADMIN.
 */
export function inNamespace<T>(name: string, work: () => T): T {
  if (name === "") return work();
  const own = openReadOnly("/proc/thread-self/ns/net");
  try {
    joinNamespace(name);
    let result: T;
    try {
      result = work();
    } finally {
      // A thread that stayed behind would open every later socket in the wrong place.
      check("setns", libc.setns(own, CLONE_NEWNET), "back to the own namespace");
    }
    if (result instanceof Promise) {
      throw new TypeError(
        `Work in the namespace ${name} must be synchronous, it returned a promise`,
      );
    }
    return result;
  } finally {
    closeDescriptor(own);
  }
}
