/**
 * Comparison of what somebody may try to guess: how far a guess was right must not be measurable.
 *
 * @module
 */

/** Whether two byte strings are equal, in a time that depends on their lengths alone. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && sameRange(a, 0, b, 0, a.length);
}

/** Whether `length` bytes from these places on are equal, in a time that depends on it alone. */
export function sameRange(
  a: ArrayLike<number>,
  atA: number,
  b: ArrayLike<number>,
  atB: number,
  length: number,
): boolean {
  let different = 0;
  for (let i = 0; i < length; i++) different |= a[atA + i]! ^ b[atB + i]!;
  return different === 0;
}
