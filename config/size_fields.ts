/**
 * Sizes as people write them: a whole number and a unit, `"512KiB"`, `"4MiB"`. Inside halb a size is
 * a number of bytes.
 *
 * @module
 */

import * as v from "valibot";
import { type Doc, text, VALUE } from "./fields.ts";

const UNITS: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 * 1024 };
const PATTERN = "^[0-9]{1,6}(KiB|MiB)$";

/** Bytes that a text means; undefined: it is no size. */
export function parseSize(written: string): number | undefined {
  if (!new RegExp(PATTERN).test(written)) return undefined;
  return Number(written.slice(0, -3)) * UNITS[written.slice(-3)]!;
}

/** A size; in halb a number of bytes. @param limits as texts */
export function size(limits: { readonly min: string; readonly max: string }, doc: Doc) {
  const { min, max } = limits;
  const wanted = `a size such as "${doc.example}"`;
  const refuse = (written: string) => {
    const bytes = parseSize(written);
    if (bytes === undefined) {
      const message = `${VALUE} is not ${wanted}: a whole number and KiB or MiB`;
      const bare = /^\s*([0-9]{1,6})\s*([kmKM])(i?[bB])?\s*$/.exec(written);
      return bare === null
        ? { message }
        : { message, advice: `write \`"${bare[1]}${bare[2]!.toUpperCase()}iB"\` instead` };
    }
    if (bytes < parseSize(min)!) return { message: `${VALUE} is less than ${min}` };
    if (bytes > parseSize(max)!) return { message: `${VALUE} is more than ${max}` };
    return undefined;
  };
  const described = text("a size", { range: `${min} to ${max}`, ...doc }, refuse, PATTERN);
  return v.pipe(described, v.transform((written) => parseSize(written) ?? 0));
}
