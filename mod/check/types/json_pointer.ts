/**
 * JSON pointers (RFC 6901) into an answer, and what should stand there.
 *
 * @module
 */

/** A JSON value without its structure's types: what `JSON.parse` gives. */
export type Json = null | boolean | number | string | readonly Json[] | {
  readonly [key: string]: Json;
};

/** The parts of a pointer. `null`: not a pointer. */
export function parsePointer(pointer: string): string[] | null {
  if (pointer === "") return [];
  if (!pointer.startsWith("/") || /~(?![01])/.test(pointer)) return null;
  return pointer.slice(1).split("/").map((part) =>
    part.replaceAll("~1", "/").replaceAll("~0", "~")
  );
}

/** What a pointer points at; `undefined`: nothing. */
export function follow(value: Json, parts: readonly string[]): Json | undefined {
  let at: Json | undefined = value;
  for (const part of parts) {
    if (typeof at !== "object" || at === null) return undefined;
    if (Array.isArray(at)) at = /^(0|[1-9]\d*)$/.test(part) ? at[Number(part)] : undefined;
    // An own key only: `constructor` is no part of anybody's answer.
    else at = Object.hasOwn(at, part) ? (at as Record<string, Json>)[part] : undefined;
  }
  return at;
}

/** Whether two values are the same, whatever the order of keys. */
export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) =>
    Object.hasOwn(b, key) &&
    sameJson((a as Record<string, Json>)[key], (b as Record<string, Json>)[key])
  );
}
