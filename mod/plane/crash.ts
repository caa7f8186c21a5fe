/**
 * The last word of a plane whose loop was left by an exception.
 *
 * An exception that nobody catches in a Worker reaches main past the plane's own port, ahead of what
 * the plane said before, and the runtime prints it in the middle of our log. So it is caught at the
 * Worker's entry, and goes the way of all messages: after the others.
 *
 * @module
 */

/** The plane's loop was left by an exception: its last message. */
export interface PlaneCrashed {
  readonly type: "crashed";
  readonly reason: string;
  readonly stack: string;
}

/** Sleeps in a system call, as a plane does that waits for the kernel: a fault on request. */
export function sleep(micros: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, micros / 1000);
}

/** Runs a plane's loop to its end; tells `port` when that was an exception. */
export function runToTheEnd(port: MessagePort, loop: () => void): void {
  try {
    loop();
  } catch (error) {
    const known = error instanceof Error;
    const crashed: PlaneCrashed = {
      type: "crashed",
      reason: known ? error.message : String(error),
      stack: known ? error.stack ?? "" : "",
    };
    port.postMessage(crashed);
  }
}
