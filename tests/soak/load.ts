/**
 * Work that keeps every core busy, at ordinary priority.
 *
 * @module
 */

/** Starts one busy process for each core. Returns how to end them. */
export function burn(): { stop(): Promise<void> } {
  const processes = Array.from(
    { length: navigator.hardwareConcurrency },
    () =>
      new Deno.Command("sh", {
        args: ["-c", "while :; do :; done"],
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).spawn(),
  );
  let stopped = false;
  return {
    async stop() {
      if (stopped) return;
      stopped = true;
      for (const process of processes) process.kill("SIGKILL");
      await Promise.all(processes.map((process) => process.status));
    },
  };
}

/** Resident set of a process without what it shares, KiB. */
export function privateMemory(pid: number): number {
  const rollup = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? NaN);
}

/** Where in /proc/PID/task/TID/stat, counted behind the program's name. */
const USER_TIME = 11;
const SYSTEM_TIME = 12;
const POLICY = 38;
const SCHED_FIFO = "1";
const TICKS_A_SECOND = 100;

/** Processor time that a process's real-time threads have used, seconds. */
export function realtimeSeconds(pid: number): number {
  let ticks = 0;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    const stat = Deno.readTextFileSync(`/proc/${pid}/task/${name}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // The lowest bits are the policy, a higher one says that children do not inherit it.
    if (fields[POLICY] !== SCHED_FIFO) continue;
    ticks += Number(fields[USER_TIME]) + Number(fields[SYSTEM_TIME]);
  }
  return ticks / TICKS_A_SECOND;
}
