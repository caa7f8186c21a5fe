/**
 * Who the calling thread is. The kernel keeps user, groups and capabilities for each thread; libc's
 * own setuid() would change all of them at once. So these are bare system calls: a thread becomes
 * somebody else for as long as it takes to start a program, which inherits it, while all others
 * stay who they are.
 *
 * @module
 */

import { ARCHITECTURE } from "./architecture.ts";
import { capabilitySets, setCapabilitySets } from "./capabilities.ts";
import { check } from "./errors.ts";
import { readText } from "./file.ts";
import { libc } from "./symbols.ts";

/** A user with its groups, as numbers. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
}

const { SYS_SETGROUPS, SYS_SETRESUID, SYS_SETRESGID } = ARCHITECTURE;

/** The same number on both machines. */
const SYS_CLOSE_RANGE = 436;
const CLOSE_RANGE_CLOEXEC = 4;
const ALL = 0xffff_ffff;

const PR_SET_KEEPCAPS = 8;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_IS_SET = 1;
const PR_CAP_AMBIENT_RAISE = 2;
const PR_CAP_AMBIENT_LOWER = 3;
/** Capabilities have numbers below this one. */
const CAPABILITIES = 64;

const F_SETFD = 2;
const FD_CLOEXEC = 1;

function setGroups(groups: readonly number[]): void {
  const list = Uint32Array.from(groups);
  check("setgroups", libc.syscall_list(SYS_SETGROUPS, list.length, list), groups.join(" "));
}

function setIds(number: number, real: number, effective: number, saved: number): void {
  const name = number === SYS_SETRESUID ? "setresuid" : "setresgid";
  check(name, libc.syscall_numbers(number, real, effective, saved), String(effective));
}

/** From now on the calling thread keeps its permitted set when it ceases to be root. Returns its sets. */
function keepCapabilities(): Uint32Array<ArrayBuffer> {
  const sets = capabilitySets();
  check("prctl", libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "PR_SET_KEEPCAPS");
  return sets;
}

function restoreCapabilities(sets: Uint32Array<ArrayBuffer>): void {
  setCapabilitySets(sets);
  check("prctl", libc.prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0), "PR_SET_KEEPCAPS");
}

/** The calling thread's supplementary groups. */
function ownGroups(): number[] {
  const line = /^Groups:(.*)$/m.exec(readText("/proc/thread-self/status"))?.[1] ?? "";
  return line.trim().split(/\s+/).filter(Boolean).map(Number);
}

/**
 * Runs `work` while the calling thread is somebody else, and comes back. `work` must be synchronous
 * and must start no thread: that would stay what this one is meanwhile.
 *
 * @throws {SystemError} EPERM without CAP_SETUID and CAP_SETGID; the thread is who it was
 */
export function asIdentity<T>({ uid, gid, groups }: Identity, work: () => T): T {
  const [ownUid, ownGid, formerGroups] = [Deno.uid() ?? 0, Deno.gid() ?? 0, ownGroups()];
  // Who is root and ceases to be loses what it may do, unless it says so before (capabilities(7)).
  const kept = uid === 0 && ownUid !== 0 ? keepCapabilities() : null;
  setGroups(groups);
  try {
    setIds(SYS_SETRESGID, gid, gid, ownGid);
    // The saved id stays: that is the way back. The program loses it as it is executed.
    setIds(SYS_SETRESUID, uid, uid, ownUid);
    return work();
  } finally {
    setIds(SYS_SETRESUID, ownUid, ownUid, ownUid);
    if (kept !== null) restoreCapabilities(kept);
    setIds(SYS_SETRESGID, ownGid, ownGid, ownGid);
    setGroups(formerGroups);
  }
}

/**
 * Runs `work` with an empty ambient set, so that a program that it starts has no capability of ours,
 * and puts the set back.
 */
export function withoutAmbient<T>(work: () => T): T {
  const lowered: number[] = [];
  for (let capability = 0; capability < CAPABILITIES; capability++) {
    // The kernel refuses numbers that it does not know.
    if (libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0, 0) !== 1) continue;
    const result = libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, capability, 0, 0);
    check("prctl", result, `capability ${capability}`);
    lowered.push(capability);
  }
  try {
    return work();
  } finally {
    for (const capability of lowered) {
      libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
    }
  }
}

/**
 * Marks descriptors that this process got from whoever started it, so that no program of ours gets
 * them. Ours are marked from the beginning.
 */
export function closeInheritedOnExec(): void {
  if (libc.syscall_numbers(SYS_CLOSE_RANGE, 3, ALL, CLOSE_RANGE_CLOEXEC) === 0) return;
  // Linux before 5.11. A number that is not open is no failure.
  for (let fd = 3; fd < 1024; fd++) libc.fcntl(fd, F_SETFD, FD_CLOEXEC);
}
