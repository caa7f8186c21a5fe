/**
 * Which agents run on this host, whatever their control sockets: told by /proc.
 *
 * @module
 */

import { listNames, processId, readLink, readText } from "../../ffi/mod.ts";
import { hasOurUsers, mayAdminister, networkOf } from "../agent/claimants.ts";
import { parseArguments } from "./arguments.ts";

/** Processes that run as agents in one of these network namespaces; empty: this process's. */
export function agentsIn(namespaces: readonly string[]): number[] {
  const wanted = new Set(namespaces.map(networkOf));
  return listNames("/proc").filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      if (pid === processId || !wanted.has(readLink(`/proc/${pid}/ns/net`))) return false;
      const [comm, cmdline, status] = ["comm", "cmdline", "status"].map((file) =>
        readText(`/proc/${pid}/${file}`)
      );
      return comm!.trim() === "halb" && isAgent(cmdline!, status!) && hasOurUsers(pid);
    } catch {
      // It has ended meanwhile, or may not be looked at.
      return false;
    }
  });
}

/** Whether a process called halb is an agent, and no command: by its files in /proc. */
export function isAgent(cmdline: string, status: string): boolean {
  const words = cmdline.split("\0").slice(1, -1);
  // That every agent has, and nobody who only says that he is one.
  if (!mayAdminister(status)) return false;
  try {
    const { values, positionals: [command = "run"] } = parseArguments(words);
    return command === "run" && values.config !== undefined && !values.help && !values.version;
  } catch {
    return false;
  }
}
