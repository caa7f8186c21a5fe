/**
 * Arithmetic that more than one place needs.
 *
 * @module
 */

/** The least whole number that is a multiple of both, which are whole and at least 1. */
export function leastCommonMultiple(a: number, b: number): number {
  return a / greatestCommonDivisor(a, b) * b;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
