/**
 * Descriptors and who is to close them.
 *
 * A descriptor opened through FFI outlives the Worker that opened it: nothing in the runtime knows
 * of it. So every thread may note its descriptors in a bitset in shared memory, one bit for each;
 * when a Worker has died, main closes what is noted there. Bits are set straight after the open and
 * cleared just before the close: a thread that dies in between loses at most that descriptor, and
 * never leaves a note about a number that by then belongs to somebody else.
 *
 * @module
 */

import { check, EMFILE, SystemError } from "./errors.ts";
import { libc } from "./symbols.ts";

/** Descriptors a registry can note: numbers below this. */
export const REGISTRY_DESCRIPTORS = 65536;

let registry: Int32Array | null = null;

/** An empty registry in shared memory, to be handed to a Worker. */
export function newDescriptorRegistry(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(REGISTRY_DESCRIPTORS / 8));
}

/**
 * Notes every descriptor that this thread opens from now on; `null`: no longer. A descriptor is
 * un-noted only by the thread that opened it (or by `closeRegistered`).
 */
export function useDescriptorRegistry(words: Int32Array | null): void {
  if (words !== null && words.length !== REGISTRY_DESCRIPTORS / 32) {
    throw new RangeError(
      `A descriptor registry has ${REGISTRY_DESCRIPTORS / 32} words, not ${words.length}`,
    );
  }
  registry = words;
}

/**
 * Closes every descriptor noted in `words` and clears the notes. Call it when the thread that noted
 * them is gone. Returns the numbers that were open.
 */
export function closeRegistered(words: Int32Array): number[] {
  const closed: number[] = [];
  for (let index = 0; index < words.length; index++) {
    const bits = Atomics.exchange(words, index, 0);
    if (bits === 0) continue;
    for (let bit = 0; bit < 32; bit++) {
      const fd = index * 32 + bit;
      if ((bits & (1 << bit)) !== 0 && libc.close(fd) === 0) closed.push(fd);
    }
  }
  return closed;
}

/** Checks what an opening call returned and notes it. For `ffi/` only. */
export function opened(call: string, fd: number, detail = ""): number {
  check(call, fd, detail);
  if (registry !== null) {
    if (fd >= REGISTRY_DESCRIPTORS) {
      libc.close(fd);
      throw new SystemError(call, EMFILE, detail);
    }
    Atomics.or(registry, fd >> 5, 1 << (fd & 31));
  }
  return fd;
}

/** Un-notes a descriptor that somebody else is about to close. For `ffi/` only. */
export function forgetDescriptor(fd: number): void {
  if (registry !== null && fd >= 0 && fd < REGISTRY_DESCRIPTORS) {
    Atomics.and(registry, fd >> 5, ~(1 << (fd & 31)));
  }
}

/** Closes a descriptor. Throws SystemError (EBADF) when it is not open. */
export function closeDescriptor(fd: number): void {
  forgetDescriptor(fd);
  check("close", libc.close(fd), String(fd));
}
