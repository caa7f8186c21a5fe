/**
 * Scheduling of the calling thread: policy, priority and processors.
 *
 * The calls name thread 0, which is the caller: run inside a Worker they act on that Worker's
 * thread alone. A real-time thread should set `resetOnFork`, so that children (scripts) and threads
 * made later start with ordinary priority.
 *
 * @module
 */

import { check } from "./errors.ts";
import { libc } from "./symbols.ts";

/** `fifo` and `rr` are real-time and need CAP_SYS_NICE; `other` is the ordinary policy. */
export type SchedulerPolicy = "fifo" | "rr" | "other";

/** How a thread is scheduled. */
export interface Scheduler {
  /** `"unknown"`: batch, idle or deadline, which halb never sets. */
  readonly policy: SchedulerPolicy | "unknown";
  /** 1 to 99 for real-time policies, 0 for the others. */
  readonly priority: number;
  readonly resetOnFork: boolean;
}

const POLICY_NUMBERS: Readonly<Record<SchedulerPolicy, number>> = { other: 0, fifo: 1, rr: 2 };
const SCHED_RESET_ON_FORK = 0x4000_0000;

/** Bytes of a `cpu_set_t`: 1024 processors. */
const CPU_SET_SIZE = 128;

/**
 * Sets policy and priority of the calling thread (1 to 99 for `fifo` and `rr`, 0 for `other`).
 * Throws SystemError EPERM without CAP_SYS_NICE.
 */
export function setScheduler(
  policy: SchedulerPolicy,
  priority: number,
  options: { readonly resetOnFork?: boolean } = {},
): void {
  const number = POLICY_NUMBERS[policy] | (options.resetOnFork === true ? SCHED_RESET_ON_FORK : 0);
  const parameters = Int32Array.of(priority);
  check(
    "sched_setscheduler",
    libc.sched_setscheduler(0, number, parameters),
    `${policy} ${priority}`,
  );
}

const PRIO_PROCESS = 0;

/**
 * Sets the nice value of the calling thread (on Linux it is the thread's own), -20 to 19.
 * Throws SystemError EACCES where it goes below the present one without CAP_SYS_NICE.
 */
export function setNiceness(value: number): void {
  check("setpriority", libc.setpriority(PRIO_PROCESS, 0, value), `nice ${value}`);
}

/** Policy and priority of the calling thread. */
export function getScheduler(): Scheduler {
  const number = check("sched_getscheduler", libc.sched_getscheduler(0));
  const parameters = new Int32Array(1);
  check("sched_getparam", libc.sched_getparam(0, parameters));
  const plain = number & ~SCHED_RESET_ON_FORK;
  const policies: readonly SchedulerPolicy[] = ["other", "fifo", "rr"];
  return {
    policy: policies[plain] ?? "unknown",
    priority: parameters[0] ?? 0,
    resetOnFork: (number & SCHED_RESET_ON_FORK) !== 0,
  };
}

/** Lets the calling thread run on these processors only (numbers from 0). */
export function setAffinity(cpus: readonly number[]): void {
  const set = new Uint8Array(CPU_SET_SIZE);
  for (const cpu of cpus) {
    if (!Number.isInteger(cpu) || cpu < 0 || cpu >= CPU_SET_SIZE * 8) {
      throw new RangeError(
        `A processor is an integer from 0 to ${CPU_SET_SIZE * 8 - 1}, not ${cpu}`,
      );
    }
    set[cpu >> 3] = (set[cpu >> 3] ?? 0) | (1 << (cpu & 7));
  }
  const result = libc.sched_setaffinity(0, CPU_SET_SIZE, set);
  check("sched_setaffinity", result, `processors ${cpus.join(",")}`);
}

/** The processors that the calling thread may run on. */
export function getAffinity(): number[] {
  const set = new Uint8Array(CPU_SET_SIZE);
  check("sched_getaffinity", libc.sched_getaffinity(0, CPU_SET_SIZE, set));
  const cpus: number[] = [];
  for (let cpu = 0; cpu < CPU_SET_SIZE * 8; cpu++) {
    if (((set[cpu >> 3] ?? 0) & (1 << (cpu & 7))) !== 0) cpus.push(cpu);
  }
  return cpus;
}
