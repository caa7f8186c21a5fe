/**
 * Object identifiers: lists of whole numbers, 0 to 2³² − 1 each, in lexicographical order.
 *
 * @module
 */

/** Such as `[1, 3, 6, 1, 2, 1, 207]`. */
export type Oid = readonly number[];

/** RFC 2578 section 3.5. */
export const MOST_SUBIDS = 128;

/** Negative where `a` comes first, 0 where they are alike. */
export function compareOid(a: Oid, b: Oid): number {
  const common = Math.min(a.length, b.length);
  for (let i = 0; i < common; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

/** Whether `oid` is `prefix` or lies below it. */
export function isUnder(oid: Oid, prefix: Oid): boolean {
  return oid.length >= prefix.length && prefix.every((subid, i) => oid[i] === subid);
}

/** Of `1.3.6.1`. @throws {RangeError} when it is none */
export function oid(text: string): Oid {
  const subids = text.split(".").map(Number);
  if (/^\d+(\.\d+)*$/.test(text) && subids.every((subid) => subid < 2 ** 32)) return subids;
  throw new RangeError(`${text} is no object identifier`);
}

export function oidText(oid: Oid): string {
  return oid.join(".");
}
