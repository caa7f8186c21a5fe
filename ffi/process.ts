/**
 * Small things about this process: its ids, its file mode mask, signals to others, its limits.
 *
 * @module
 */

import { check } from "./errors.ts";
import { addressOf, cString, libc } from "./symbols.ts";

/** Core dump size, bytes. */
export const RLIMIT_CORE = 4;
/** One more than the highest descriptor. */
export const RLIMIT_NOFILE = 7;
/** Bytes that may be locked in memory without CAP_IPC_LOCK. */
export const RLIMIT_MEMLOCK = 8;
/** Microseconds a real-time thread may run without a blocking call; past it comes SIGXCPU. */
export const RLIMIT_RTTIME = 15;

/** Id of this process. */
export const processId: number = Deno.pid;

/** Id of the calling thread, as `ps -L` and /proc/PID/task show it. */
export function threadId(): number {
  return libc.gettid();
}

/** Sets the mask of permission bits that new files never get. Returns the former one. */
export function umask(mask: number): number {
  return libc.umask(mask);
}

/**
 * Sends a signal by number (0: only asks whether the process exists) to a process, or, with a
 * negative id, to a process group. Throws SystemError ESRCH when there is none.
 */
export function killProcess(pid: number, signal: number): void {
  // 0 and -1 would hit our own group, or everything.
  if (!Number.isInteger(pid) || pid === 0 || pid === -1) {
    throw new RangeError(`Not a process to send a signal to: ${pid}`);
  }
  check("kill", libc.kill(pid, signal), String(pid));
}

/**
 * Executes a program in place of this one: all other threads end, descriptors that are not
 * close-on-exec stay. Does not return; throws SystemError such as ENOENT.
 *
 * @param path of the program
 * @param argv with the name it is called by first
 */
export function executeInstead(path: string, argv: readonly string[]): never {
  const texts = argv.map((argument) => new Uint8Array(cString(argument)));
  // A null pointer ends the list.
  const pointers = new BigUint64Array(texts.length + 1);
  texts.forEach((text, i) => pointers[i] = addressOf(text));
  check("execv", libc.execv(cString(path), pointers), path);
  throw new Error("execv has returned");
}

/** A resource limit; `Infinity` means none. */
export interface ResourceLimit {
  /** What counts now. */
  readonly soft: number;
  /** The most that `soft` may be raised to. */
  readonly hard: number;
}

const RLIM_INFINITY = 0xffff_ffff_ffff_ffffn;

/** Reads a limit of this process (RLIMIT_…). */
export function getrlimit(resource: number): ResourceLimit {
  const words = new BigUint64Array(2);
  check("getrlimit", libc.getrlimit(resource, words), String(resource));
  const [soft, hard] = [...words].map((word) => word === RLIM_INFINITY ? Infinity : Number(word));
  return { soft: soft ?? 0, hard: hard ?? 0 };
}

/**
 * Sets a limit of this process, for all its threads. `hard` stays unless given or
 * below `soft`. Throws SystemError EPERM when it would rise without CAP_SYS_RESOURCE.
 */
export function setrlimit(
  resource: number,
  soft: number,
  hard: number = Math.max(soft, getrlimit(resource).hard),
): void {
  const words = BigUint64Array.of(
    ...[soft, hard].map((limit) => limit === Infinity ? RLIM_INFINITY : BigInt(limit)),
  );
  check("setrlimit", libc.setrlimit(resource, words), `${resource} to ${soft}`);
}
