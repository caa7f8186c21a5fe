/**
 * Keeping code in memory: `lock_memory`.
 *
 * `mlockall` is out of the question: V8 gives locked heap pages back with madvise, which fails on
 * them, and aborts the process. So only mappings backed by files (the program, its libraries, its
 * snapshot) are locked, and only as they are touched (`MLOCK_ONFAULT`), which keeps what has run
 * once from being dropped under memory pressure and costs no memory for the rest. The heap is kept
 * from swap by the service unit (`MemorySwapMax=0`).
 *
 * @module
 */

import { SystemError } from "./errors.ts";
import { readText } from "./file.ts";
import { lastErrno, libc } from "./symbols.ts";

const MLOCK_ONFAULT = 1;

/** Start and length of what is locked, bytes. */
let locked: (readonly [start: bigint, size: bigint])[] = [];

// start-end permissions offset device inode path
const MAPPING = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ (\d+)\s+(\/.*)$/;

/** Files that are memory in disguise, or that no lock can apply to. */
const NOT_FILES = ["/dev/", "/memfd:", "/SYSV"];

function* fileMappings(): Generator<readonly [start: bigint, size: bigint]> {
  for (const line of readText("/proc/self/maps").split("\n")) {
    const [, from, to, permissions, inode, path = ""] = MAPPING.exec(line) ?? [];
    if (from === undefined || to === undefined || inode === "0") continue;
    if (permissions?.startsWith("---") || NOT_FILES.some((prefix) => path.startsWith(prefix))) {
      continue;
    }
    const start = BigInt(`0x${from}`);
    yield [start, BigInt(`0x${to}`) - start];
  }
}

/**
 * Locks the process's file-backed mappings into memory, each page when it is first used. Returns
 * the bytes of the mappings locked; call it again after loading more code. Throws SystemError EPERM
 * or ENOMEM when the process may lock nothing (no CAP_IPC_LOCK and RLIMIT_MEMLOCK too low).
 */
export function lockMappings(): number {
  const before = locked;
  locked = [];
  let total = 0n;
  let failure = 0;
  for (const mapping of fileMappings()) {
    const [start, size] = mapping;
    if (libc.mlock2(start, size, MLOCK_ONFAULT) === 0) {
      locked.push(mapping);
      total += size;
    } else {
      // One that went away meanwhile is no reason to leave the others.
      failure = lastErrno();
    }
  }
  if (locked.length === 0) {
    locked = before;
    throw new SystemError("mlock2", failure);
  }
  return Number(total);
}

/** Undoes `lockMappings`. */
export function unlockMappings(): void {
  for (const [start, size] of locked) libc.munlock(start, size);
  locked = [];
}
