/** Locks, allocates hard, starts Workers twice, and reports: memory_test.ts. */

import { hasCapability, lockMappings, SystemError, unlockMappings } from "../../../ffi/mod.ts";

function lockedBytes(): number {
  const text = Deno.readTextFileSync("/proc/self/status");
  return Number(/^VmLck:\s+(\d+) kB$/m.exec(text)?.[1] ?? -1) * 1024;
}

/** Fills and frees some hundred megabytes, so that V8 gives pages back. */
function allocateHard(): number {
  let sum = 0;
  for (let round = 0; round < 20; round++) {
    const pieces: unknown[] = [];
    for (let index = 0; index < 100_000; index++) pieces.push({ index, text: `piece ${index}` });
    const large = new Uint8Array(16_000_000).fill(round);
    sum += pieces.length + (large[round] ?? 0);
  }
  return sum;
}

function runWorker(number: number): Promise<number> {
  const source = `const pieces = [];
    for (let index = 0; index < 500000; index++) pieces.push({ index });
    self.postMessage(${number} + pieces.length - 500000);`;
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onerror = (event) => reject(new Error(event.message));
    worker.onmessage = (event) => {
      worker.terminate();
      URL.revokeObjectURL(url);
      resolve(event.data);
    };
  });
}

try {
  const locked = lockMappings();
  const kernelSays = lockedBytes();
  const workers: number[] = [];
  for (const number of [1, 2]) {
    allocateHard();
    workers.push(await runWorker(number));
    // Takes in what the runtime mapped meanwhile.
    lockMappings();
  }
  allocateHard();
  unlockMappings();
  const kernelSaysAfter = lockedBytes();
  console.log(JSON.stringify({ locked, kernelSays, kernelSaysAfter, workers }));
} catch (error) {
  if (!(error instanceof SystemError)) throw error;
  const capability = hasCapability("cap_ipc_lock");
  console.log(JSON.stringify({ refused: error.message, capability }));
}
