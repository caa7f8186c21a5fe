/**
 * Work in steps: a generator that yields where whoever does it may turn to something else.
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

/** The items of a list, with a step behind each `many` of them; `body` is called for each. */
export function* eachOf<T>(
  items: Iterable<T>,
  many: number,
  body: (item: T) => void,
): Generator<void, void> {
  let count = 0;
  for (const item of items) {
    body(item);
    if (++count % many === 0) yield;
  }
}
