/**
 * Work in steps, done without a pause.
 *
 * @module
 */

/** Takes all steps. @returns what comes of them */
export function atOnce<T>(steps: Iterator<unknown, T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}
