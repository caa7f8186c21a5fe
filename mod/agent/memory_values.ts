/**
 * Kinds of values in what one process tells another, see `memory_schema.ts`.
 *
 * @module
 */

import * as v from "valibot";
import { parseIp } from "../ip/mod.ts";

const LONGEST_TEXT = 65_536;

/** A whole number from `least` to `most`. */
export function whole(least: number, most: number) {
  return v.pipe(v.number(), v.safeInteger(), v.minValue(least), v.maxValue(most));
}

/** A time on CLOCK_MONOTONIC or a duration, microseconds. */
export const micros = whole(0, Number.MAX_SAFE_INTEGER);
export const count = micros;
export const u32 = whole(0, 0xffff_ffff);
export const port = whole(0, 65_535);
export const text = v.pipe(v.string(), v.maxLength(LONGEST_TEXT));
/** A router's, or that of what stands for one. */
export const name = v.pipe(v.string(), v.nonEmpty(), v.maxLength(256));
/** 15 bytes are the kernel's limit. */
export const interfaceName = v.pipe(v.string(), v.nonEmpty(), v.maxLength(15));
/** Of either family. */
export const address = v.pipe(
  v.string(),
  v.check((value) => parseIp(value) !== undefined, "no address"),
);
/** Settings of the kernel's load balancer: a number, or two with a space between. */
export const vsSettings = v.record(
  name,
  v.union([
    whole(-0x8000_0000, 0x7fff_ffff),
    v.pipe(v.string(), v.regex(/^\d{1,10} \d{1,10}$/)),
  ]),
);
