/**
 * Who has a UDP port: for the one line of an error that says which daemon is in the way. It reads
 * through all of /proc, which takes a while on a host with many processes, and is therefore done
 * by the kernel plane for the protocol plane, which packets wait for.
 *
 * @module
 */

import {
  ENOENT,
  inNamespace,
  listNames,
  processId,
  readLink,
  readText,
  SystemError,
} from "../../ffi/mod.ts";
import type { FindPortOwner, PortOwner } from "./messages.ts";

/**
 * How often the table is read where the port is not in it. The kernel gives it by the page and goes
 * on by counting lines, so that a line is skipped when another socket is closed meanwhile.
 */
const READINGS = 5;

/**
 * Name and process id of a program with a socket on that port in this thread's network namespace,
 * such as `bfdd (pid 4711)`; another one than this, where there is any. `undefined`: it cannot be
 * found out. Never throws.
 */
export function ownerOfUdpPort(family: "ipv4" | "ipv6", port: number): string | undefined {
  try {
    const table = family === "ipv4" ? "udp" : "udp6";
    for (let reading = 0; reading < READINGS; reading++) {
      const inodes = findInodes(readText(`/proc/thread-self/net/${table}`), port);
      if (inodes.length > 0) return findHolder(new Set(inodes.map((one) => `socket:[${one}]`)));
    }
    return undefined;
  } catch {
    return undefined;
  }
}

/** The answer to the protocol plane. Never throws. */
export function answerPortOwner({ id, namespace, family, port }: FindPortOwner): PortOwner {
  let owner: string | undefined;
  try {
    owner = inNamespace(namespace, () => ownerOfUdpPort(family, port));
  } catch {
    // The namespace is gone, and the program with it.
  }
  return { type: "port_owner", id, namespace, family, port, owner: owner ?? "" };
}

/** The sockets' inodes: tenth word of a line; the second is address and port, hexadecimal. */
export function findInodes(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return table.split("\n").slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((words) => words[1]?.endsWith(suffix) && words[9] !== undefined)
    .map((words) => words[9]!);
}

function findHolder(links: ReadonlySet<string>): string | undefined {
  const own = String(processId);
  const others = listNames("/proc").filter((name) => /^\d+$/.test(name) && name !== own);
  const pid = [...others, own].find((name) => holds(name, links));
  return pid === undefined ? undefined : `${readText(`/proc/${pid}/comm`).trim()} (pid ${pid})`;
}

function holds(pid: string, links: ReadonlySet<string>): boolean {
  const directory = `/proc/${pid}/fd`;
  try {
    for (const name of listNames(directory)) {
      if (/^\d+$/.test(name) && links.has(targetOf(`${directory}/${name}`))) return true;
    }
  } catch {
    // It ended while we looked, or it is not ours to look into.
  }
  return false;
}

/** Empty: that descriptor was closed while we looked. The others are still to be looked at. */
function targetOf(path: string): string {
  try {
    return readLink(path);
  } catch (error) {
    if (error instanceof SystemError && error.errno === ENOENT) return "";
    throw error;
  }
}
