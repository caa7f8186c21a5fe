/**
 * Objects whose optional keys are there or not, never there and undefined: what survives a
 * structured clone and JSON as the same thing.
 *
 * @module
 */

/** `T` with its undefined keys as optional ones. */
export type Present<T> =
  & { [K in keyof T as undefined extends T[K] ? never : K]: T[K] }
  & { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> };

/** The object without keys that have no value, in the same order. */
export function present<T extends object>(object: T): Present<T> {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Present<T>;
}
