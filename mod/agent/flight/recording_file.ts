/**
 * A recording in a file: a header, then a segment on each line, all of it JSON. Whatever a file says
 * is checked before it is believed: it may come from somebody else.
 *
 * @module
 */

import * as v from "valibot";
import { MOST_ALIKE, MOST_STEPS, type Segment } from "../../record/mod.ts";
import {
  contribution,
  groupSettings,
  router as routerMemory,
  rule,
  settings,
  version,
} from "../memory_schema.ts";
import { address, micros, name, text, whole } from "../memory_values.ts";

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

const health = v.strictObject({
  type: v.literal("health"),
  waitingFor: v.array(text),
  contribution,
  source: v.nullable(address),
});

const routerEvent = v.variant("type", [
  health,
  v.strictObject({
    type: v.literal("advertisement"),
    advertisement: v.strictObject({
      version,
      source: address,
      virtualRouterId: whole(0, 255),
      priority: whole(0, 255),
      interval: micros,
      addresses: v.array(address),
      checksum: rule,
    }),
  }),
  v.strictObject({ type: v.literal("timer") }),
  v.strictObject({ type: v.literal("stall"), length: micros }),
  v.strictObject({ type: v.literal("configure"), settings }),
  v.strictObject({ type: v.literal("stop"), now: v.boolean() }),
  v.strictObject({
    type: v.literal("resume"),
    age: micros,
    exact: v.exactOptional(v.boolean()),
  }),
]);

const groupEvent = v.variant("type", [
  v.strictObject({ type: v.literal("member"), name, event: routerEvent }),
  v.strictObject({ type: v.literal("release"), until: v.nullable(micros) }),
  v.strictObject({ type: v.literal("claim") }),
  v.strictObject({ type: v.literal("timer") }),
]);

const groupMemory = v.pipe(
  v.strictObject({
    settings: groupSettings,
    members: v.array(v.strictObject({
      router: routerMemory,
      settings,
      health: v.nullable(health),
      expired: v.boolean(),
      rival: v.nullable(v.strictObject({ since: micros, last: micros })),
      lonely: v.boolean(),
      stopping: v.boolean(),
    })),
    state: v.picklist(["init", "backup", "master", "fault"]),
    since: micros,
    override: v.nullable(v.picklist(["release", "claim"])),
    until: v.nullable(micros),
  }),
  v.check(
    ({ settings: { members }, members: all }) =>
      members.length === all.length && members.every((one, i) => all[i]!.settings.name === one),
    "its members are not those of its settings",
  ),
);

const common = {
  name,
  follows: v.boolean(),
  decisions: v.pipe(
    v.array(v.array(v.looseObject({ type: v.string() }))),
    v.maxLength(MOST_ALIKE),
  ),
  begin: micros,
  steps: v.pipe(
    v.array(v.strictTuple([micros, whole(0, MOST_ALIKE - 1), whole(0, MOST_ALIKE - 1)])),
    v.minLength(1),
    v.maxLength(MOST_STEPS),
  ),
};

const segmentSchema = v.pipe(
  v.variant("kind", [
    v.strictObject({
      kind: v.literal("router"),
      ...common,
      memory: routerMemory,
      inputs: v.pipe(v.array(routerEvent), v.maxLength(MOST_ALIKE)),
    }),
    v.strictObject({
      kind: v.literal("group"),
      ...common,
      memory: groupMemory,
      inputs: v.pipe(v.array(groupEvent), v.maxLength(MOST_ALIKE)),
    }),
  ]),
  v.check(
    ({ inputs, decisions, steps }) =>
      steps.every(([, input, decision]) => input < inputs.length && decision < decisions.length),
    "a step has an input or a decision that is not there",
  ),
  v.check(
    ({ begin, steps }) => Number.isSafeInteger(steps.reduce((at, [since]) => at + since, begin)),
    "its times are too large",
  ),
);

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
