/**
 * Waiting that ends. For what is asynchronous: control, and what runs in it.
 *
 * @module
 */

/**
 * Waits for `work`, but not longer than `patience`; it goes on either way, and nothing is left of
 * the wait that would keep the process alive.
 *
 * @param patience milliseconds
 * @returns undefined: it was late
 */
export async function soon<T>(work: Promise<T>, patience: number): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), patience);
  return await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
