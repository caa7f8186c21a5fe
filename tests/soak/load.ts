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
