/**
 * Between a decision and what comes of it a thread may be stopped for seconds: by SIGSTOP, a debugger,
 * the hypervisor. The loop notices that afterwards; this is for what must not leave before. Pure.
 *
 * @module
 */

export class Standstill {
  #seen = 0;

  /**
   * How long nothing at all was done since `decided`, microseconds: work that just takes long is
   * looked at in between.
   *
   * @param decided @param now on CLOCK_MONOTONIC, microseconds
   */
  since(decided: number, now: number): number {
    const length = now - Math.max(decided, this.#seen);
    this.#seen = now;
    return length;
  }
}
