/**
 * The network namespace that the whole agent runs in (`agent.namespace`).
 *
 * A thread can enter a namespace, a process cannot: others of its threads stay where they are, and
 * file calls and connections of the runtime happen on them. So the process enters with one thread
 * and then executes itself anew, which leaves that thread alone: pid, arguments, environment and
 * standard streams stay.
 *
 * @module
 */

import {
  EACCES,
  EPERM,
  executeInstead,
  joinNamespace,
  readText,
  SystemError,
} from "../../ffi/mod.ts";
import { MissingPrivilege } from "./missing_privilege.ts";

const OWN = "/proc/self/ns/net";
const DIRECTORY = "/run/netns";

/** Makes this process one of the named namespace: does nothing where it is, or does not return. */
export function runInNamespace(name: string): void {
  if (enterNamespace(name)) executeAnew();
}

/** The same program, with the same arguments, in place of this one. */
export function executeAnew(): never {
  const argv = readText("/proc/self/cmdline").split("\0").slice(0, -1);
  executeInstead(Deno.execPath(), argv);
}

/** Whether this process is in the namespace of that name. */
export function isInNamespace(name: string): boolean {
  try {
    return isOwn(Deno.statSync(`${DIRECTORY}/${name}`));
  } catch {
    return false;
  }
}

function isOwn({ ino, dev }: Deno.FileInfo): boolean {
  const own = Deno.statSync(OWN);
  return own.ino === ino && own.dev === dev;
}

/**
 * Takes the main thread into the named namespace; the others follow when it executes itself anew.
 *
 * @returns whether it was elsewhere
 * @throws {MissingPrivilege} without CAP_SYS_ADMIN
 * @throws {Error} where there is no such namespace
 */
export function enterNamespace(name: string): boolean {
  let wanted: Deno.FileInfo;
  try {
    wanted = Deno.statSync(`${DIRECTORY}/${name}`);
  } catch {
    throw new Error(`There is no network namespace "${name}": \`ip netns list\` shows them`);
  }
  if (isOwn(wanted)) return false;
  try {
    joinNamespace(name);
  } catch (error) {
    if (!(error instanceof SystemError) || ![EPERM, EACCES].includes(error.errno)) throw error;
    throw new MissingPrivilege(
      `Cannot enter the network namespace "${name}": that takes CAP_SYS_ADMIN`,
    );
  }
  return true;
}
