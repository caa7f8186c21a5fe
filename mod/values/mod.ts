/**
 * Plain data: what a message between planes, or a configuration, is made of.
 *
 * @module
 */

/** A table of plain data. */
export type Plain = Readonly<Record<string, unknown>>;

/** Whether it is a table: no list, and nothing that has methods. */
export function isPlain(value: unknown): value is Plain {
  return typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
}

/** Own property only: a key may be called `constructor`. */
export function own<T>(table: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return table !== undefined && Object.hasOwn(table, key) ? table[key] : undefined;
}

/**
 * Whether two values look the same to people: secrets tell nothing of themselves, and are as alike
 * here as they look.
 */
export function looksSame(a: unknown, b: unknown): boolean {
  return sameValue(a, b) || JSON.stringify(a) === JSON.stringify(b);
}

/**
 * Whether two values are the same plain data. What is no plain data is the same only as itself; so
 * are the two zeros, and a key that is missing is not one that is undefined.
 */
export function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!sameValue(a[i], b[i])) return false;
    return true;
  }
  if (!isPlain(a) || !isPlain(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  for (const key of keys) if (!Object.hasOwn(b, key) || !sameValue(a[key], b[key])) return false;
  return true;
}
