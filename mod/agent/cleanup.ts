/**
 * Takes away what a killed agent has left in the kernel, where no agent will be started again that
 * would adopt it. What it says to have removed, the kernel no longer has: it was looked at before
 * and after.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { Epoll, FileLock } from "../../ffi/mod.ts";
import type { AgentConfig, SiteConfig } from "../../config/mod.ts";
import { connect } from "../control/client.ts";
import {
  findLeftovers,
  findServers,
  type Leftover,
  removeLeftovers,
  removeServers,
} from "../kernel/leftovers.ts";
import { useMark } from "../kernel/mark.ts";
import { SystemIo } from "../kernel/system_io.ts";
import type { Say } from "../kernel/tables.ts";
import { textOf } from "../text/mod.ts";
import { Claims } from "./claims.ts";
import { BalanceFile } from "./balance_file.ts";
import { markOf, ownershipOf } from "./ownership.ts";
import { removeIfThere } from "./private_file.ts";
import { requirePrivileges } from "./process.ts";

export type { Leftover };

/** Whose leftovers. */
export interface CleanUpOf {
  readonly agent: Pick<AgentConfig, "control" | "instance" | "protocol_number">;
  readonly stateDirectory: string;
  /** Network namespaces; empty: this process's. */
  readonly namespaces: readonly string[];
}

/** What became of it. */
export interface CleanedUp {
  /** What was removed; of a dry run, what would be. */
  readonly removed: readonly Leftover[];
  /** What is still there. */
  readonly left: readonly Leftover[];
  /** What could not be looked at or done, in words. */
  readonly problems: readonly string[];
}

/** An agent runs: what is in the kernel is its own business. */
export class AgentRuns extends Error {
  override readonly name = "AgentRuns";
}

/** Where a site has things in the kernel; virtual servers are where the agent noted them. */
export function cleanUpOf({ agent, vrrp }: SiteConfig): CleanUpOf {
  const namespaces = new Set(["", ...vrrp.flatMap(({ namespace }) => namespace ?? [])]);
  return { agent, stateDirectory: agent.state_directory, namespaces: [...namespaces] };
}

/**
 * @param dryRun only look
 * @param others what another agent is that has the same things in the kernel, in words
 * @throws {AgentRuns} where an agent runs
 * @throws {MissingPrivilege} where this process may not look
 */
export async function cleanUp(
  of: CleanUpOf,
  dryRun: boolean,
  others: () => string | undefined = () => undefined,
): Promise<CleanedUp> {
  requirePrivileges();
  const locks = await stopOthers(of);
  const epoll = new Epoll();
  const claims = new Claims(of.agent);
  useMark(markOf(of.agent));
  try {
    const other = others();
    if (other !== undefined) throw new AgentRuns(other);
    claims.take(of.namespaces);
    const io = new SystemIo(epoll, 0);
    const problems: string[] = [];
    const say: Say = (level, _, message, properties = {}) => {
      if (level !== "warning" && level !== "error") return;
      problems.push([message, ...Object.values(properties).map(String)].join(": "));
    };
    const owner = ownerOf(of.stateDirectory);
    const file = new BalanceFile(of.stateDirectory, owner, (problem) => problems.push(problem));
    const { note } = file.read();
    const namespaces = of.namespaces.filter((name) => name === "" || io.identity(name) !== null);
    const attempt = <T>(where: string, work: () => T, otherwise: T): T => {
      try {
        return work();
      } catch (error) {
        problems.push(`${where}: ${textOf(error)}`);
        return otherwise;
      }
    };
    const look = (): Leftover[] => [
      ...namespaces.flatMap((name) =>
        attempt(name || "this network namespace", () => findLeftovers(io, name, say), [])
      ),
      ...(note === undefined ? [] : attempt("IPVS", () => findServers(io, note), [])),
    ];
    const before = look();
    if (dryRun) return { removed: before, left: [], problems };
    // Virtual servers first: where their address stays for a moment, clients are told so.
    if (note !== undefined) {
      removeServers(io, note, say, (left) => file.note(left));
      file.end();
    }
    for (const name of namespaces) {
      attempt(name || "this network namespace", () => removeLeftovers(io, name, say), undefined);
    }
    // What was kept for the next start is there no longer.
    attempt("state", () => removeIfThere(join(of.stateDirectory, "state.json")), undefined);
    const left = before.length === 0 ? [] : look();
    const still = new Set(left.map(keyOf));
    return { removed: before.filter((one) => !still.has(keyOf(one))), left, problems };
  } finally {
    epoll.close();
    claims.close();
    for (const lock of locks) lock.close();
  }
}

function keyOf({ kind, namespace, what }: Leftover): string {
  return `${kind} ${namespace} ${what}`;
}

/** Keeps an agent from starting meanwhile. @throws {AgentRuns} where one runs */
async function stopOthers({ agent: { control }, stateDirectory }: CleanUpOf): Promise<FileLock[]> {
  const answers = await connect(control).then((connection) => connection.close(), () => false);
  const locks: FileLock[] = [];
  const refuse = (where: string): never => {
    for (const lock of locks) lock.close();
    throw new AgentRuns(`An agent runs at "${where}": it cleans up when it is stopped`);
  };
  if (answers !== false) refuse(control);
  const take = (where: string, make: () => FileLock): void => {
    const lock = make();
    locks.push(lock);
    if (!lock.tryAcquire()) refuse(where);
  };
  // Where there is no directory, nobody has a lock in it. In another user's a lock file is used, and
  // not made: that user's agent could not open ours ever after.
  const place = infoOf(dirname(control));
  const usable = place?.uid === Deno.uid() || infoOf(`${control}.lock`) !== undefined;
  if (place?.isDirectory && usable) take(control, () => ownershipOf(control));
  if (infoOf(stateDirectory)?.isDirectory) {
    take(stateDirectory, () => new FileLock(stateDirectory, true));
  }
  return locks;
}

/** Whose files count there: root cleans up for an agent that runs as another user, too. */
function ownerOf(stateDirectory: string): number | null {
  const user = Deno.uid();
  return user === 0 ? infoOf(stateDirectory)?.uid ?? user : user;
}

function infoOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}
