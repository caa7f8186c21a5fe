/**
 * A recording in a file: a header, then a segment on each line, all of it JSON. Whatever a file says
 * is checked before it is believed: it may come from somebody else.
 *
 * @module
 */

import * as v from "valibot";
import type { Segment } from "../../record/types.ts";
import { micros, text } from "../memory_values.ts";
import { segmentSchema } from "./recording_schema.ts";

/** Longest file, bytes, and longest line, characters. */
export const LONGEST_RECORDING = 64 * 1024 * 1024;
const LONGEST_LINE = 1024 * 1024;
const FORMAT = "halb-recording";

const headerSchema = v.object({
  format: v.literal(FORMAT),
  version: v.literal(1),
  /** Version of the agent. */
  halb: text,
  /** The same moment, RFC 3339 and on CLOCK_MONOTONIC. */
  time: v.pipe(v.string(), v.isoTimestamp(), v.check((time) => !Number.isNaN(Date.parse(time)))),
  at: micros,
});

export type RecordingHeader = v.InferOutput<typeof headerSchema>;

/** What is in a file. */
export interface Recording {
  readonly header: RecordingHeader;
  /** Each with its line's number. */
  readonly segments: readonly { readonly line: number; readonly segment: Segment }[];
}

/** The first line of a file. */
export function headerLine(halb: string, time: string, at: number): string {
  return `${JSON.stringify({ format: FORMAT, version: 1, halb, time, at })}\n`;
}

/** @throws {RangeError} with the line's number, where it is no recording */
export function parseRecording(content: string): Recording {
  const lines = content.split("\n");
  const header = checked(headerSchema, lines[0]!, 1);
  const segments = lines.slice(1).flatMap((line, i) =>
    line === "" ? [] : [{ line: i + 2, segment: checked(segmentSchema, line, i + 2) as Segment }]
  );
  return { header, segments };
}

function checked<T>(schema: v.GenericSchema<unknown, T>, line: string, number: number): T {
  const refuse = (why: string): never => {
    throw new RangeError(`line ${number}: ${why}`);
  };
  if (line.length > LONGEST_LINE) refuse(`it is longer than ${LONGEST_LINE} characters`);
  let data: unknown;
  try {
    data = JSON.parse(line);
  } catch {
    return refuse(number === 1 ? "it is no recording of halb" : "it is not JSON");
  }
  const result = v.safeParse(schema, data, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  if (number === 1) return refuse("it is no recording that this version reads");
  return refuse(`"${v.getDotPath(issue) ?? ""}" is wrong: ${issue.message}`);
}
