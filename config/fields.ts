/**
 * The kinds of values that keys of site.toml take. Each is a valibot schema that carries its
 * documentation: what the key means, its unit, its range, an example. A message may contain the
 * character {@link VALUE}; `issues.ts` puts the value there, unless it came out of a file or the
 * environment and may be a secret. The `expected` of an issue that is raised here is the advice
 * to the user, a phrase such as ``write `"1s"` instead``.
 *
 * @module
 */

import * as v from "valibot";
import { tomlText } from "./tree.ts";
import { DURATION_PATTERN, formatDuration, guessDuration, parseDuration } from "./duration.ts";

/** Stands for the offending value in a message. */
export const VALUE = "\ue000";

/** What is said about a key besides its type. */
export interface Doc {
  /** One or two sentences: what the key means. */
  readonly text: string;
  /** A valid value, as it would stand in TOML but as data. */
  readonly example: unknown;
  /** Range or permitted values, in words. */
  readonly range?: string;
  /** Unit of the value, where it has one. */
  readonly unit?: string;
}

/** What {@link document} leaves on a schema. */
export interface DocMetadata {
  readonly examples: readonly unknown[];
  /** Words for the type with article, as in “must be a duration”. */
  readonly kind: string;
  readonly unit?: string;
  readonly range?: string;
}

/**
 * `schema` with its documentation: a description, and metadata with an example and the words for
 * errors. `json` adds keywords to the JSON Schema that valibot cannot know.
 *
 * The documentation goes before any transformation, for the JSON Schema describes the input.
 */
export function documented<S extends v.GenericSchema>(
  schema: S,
  kind: string,
  doc: Doc,
  json: Readonly<Record<string, unknown>> = {},
): S {
  const { text, unit, range, example } = doc;
  const more = (unit === undefined ? "" : ` Unit: ${unit}.`) +
    (range === undefined ? "" : ` Range: ${range}.`);
  const metadata: DocMetadata & Record<string, unknown> = {
    examples: [example],
    kind,
    ...(unit === undefined ? {} : { unit }),
    ...(range === undefined ? {} : { range }),
    ...json,
  };
  const pipe = v.pipe(
    schema as v.GenericSchema,
    v.description(`${text}${more} Example: ${tomlText(example)}.`),
    v.metadata(metadata),
  );
  // Description and metadata change neither input nor output.
  return pipe as unknown as S;
}

/** What is wrong with a value, and the advice; undefined: nothing. */
export type Refusal = { readonly message: string; readonly advice?: string } | undefined;

/** The issue for a refused value, with the advice where valibot has `expected`. */
export function refusalIssue(wrong: NonNullable<Refusal>): { message: string; expected?: string } {
  return wrong.advice === undefined
    ? { message: wrong.message }
    : { message: wrong.message, expected: wrong.advice };
}

/** A truth value. */
export function flag(doc: Doc) {
  return documented(v.boolean(), "true or false", { range: "true, false", ...doc });
}

/** A whole number from `min` to `max`. */
export function whole(min: number, max: number, doc: Doc) {
  const described = documented(
    v.number(),
    "a whole number",
    { range: `${min} to ${max}`, ...doc },
    { type: "integer", minimum: min, maximum: max },
  );
  return v.pipe(
    described,
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      const { value } = dataset;
      if (Number.isInteger(value) && value >= min && value <= max) return;
      const message = `${VALUE} is not a whole number from ${min} to ${max}`;
      if (!Number.isFinite(value)) return addIssue({ message });
      const nearest = Math.min(max, Math.max(min, Math.round(value)));
      addIssue({ message, expected: `write \`${nearest}\` instead` });
    }),
  );
}

/** One of the given words. */
export function choice<const T extends readonly [string, ...string[]]>(words: T, doc: Doc) {
  const kind = `one of ${words.map((word) => `"${word}"`).join(", ")}`;
  return documented(v.picklist(words), kind, { range: words.join(", "), ...doc });
}

/** Text that must pass `refuse`. */
export function text(
  kind: string,
  doc: Doc,
  refuse: (value: string) => Refusal,
  pattern?: string,
) {
  return v.pipe(
    documented(v.string(), kind, doc, pattern === undefined ? {} : { pattern }),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      const wrong = refuse(dataset.value);
      if (wrong !== undefined) addIssue(refusalIssue(wrong));
    }),
  );
}

/** Limits of a duration, as text; `step` in words of a duration too. */
export interface DurationLimits {
  readonly min: string;
  readonly max: string;
  readonly step?: string;
}

/** What is wrong with the text of a duration. */
function refuseDuration(value: string, limits: DurationLimits): Refusal {
  const micros = parseDuration(value);
  if (micros !== undefined) return refuseMicros(micros, limits);
  const guess = guessDuration(value);
  return {
    message: `${VALUE} is not a duration with a unit (us, ms, s, m, h, d)`,
    ...(guess === undefined ? {} : { advice: `write \`"${guess}"\` instead` }),
  };
}

/** What is wrong with a duration of `micros`. */
export function refuseMicros(micros: number, limits: DurationLimits): Refusal {
  const min = parseDuration(limits.min) ?? 0;
  const max = parseDuration(limits.max) ?? 0;
  if (micros < min || micros > max) {
    const nearest = micros < min ? limits.min : limits.max;
    return {
      message: `${VALUE} is not between ${limits.min} and ${limits.max}`,
      advice: `write \`"${nearest}"\` instead`,
    };
  }
  const step = parseDuration(limits.step ?? "1us") ?? 1;
  if (micros % step === 0) return undefined;
  const rounded = formatDuration(Math.max(min, Math.round(micros / step) * step));
  return {
    message: `${VALUE} is not a multiple of ${limits.step}`,
    advice: `write \`"${rounded}"\` instead`,
  };
}

/** What {@link duration} is called where keys are described. */
export const DURATION_KIND = "a duration with a unit, in quotes";

/** A duration such as `"100ms"`; resolves to whole microseconds. */
export function duration(limits: DurationLimits, doc: Doc) {
  const steps = limits.step === undefined ? "" : ` in steps of ${limits.step}`;
  const described = documented(
    v.string(),
    DURATION_KIND,
    { range: `${limits.min} to ${limits.max}${steps}`, unit: "us, ms, s, m, h or d", ...doc },
    { pattern: DURATION_PATTERN },
  );
  return v.pipe(
    described,
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const wrong = refuseDuration(dataset.value, limits);
      if (wrong === undefined) return parseDuration(dataset.value) ?? 0;
      addIssue(refusalIssue(wrong));
      return NEVER;
    }),
  );
}

/** How long an address outlives the agent: `"auto"`, `"off"`, or a duration as whole seconds. */
export function lease(limits: DurationLimits, doc: Doc) {
  const described = documented(
    v.string(),
    '"auto", "off" or a duration of whole seconds',
    {
      range: `auto, off, or ${limits.min} to ${limits.max} in whole seconds`,
      unit: "s, m or h",
      ...doc,
    },
    { pattern: `^(auto|off)$|${DURATION_PATTERN}` },
  );
  return v.pipe(
    described,
    v.rawTransform(({ dataset, addIssue, NEVER }): number | "auto" | "off" => {
      if (dataset.value === "auto" || dataset.value === "off") return dataset.value;
      const wrong = refuseDuration(dataset.value, { ...limits, step: "1s" });
      if (wrong === undefined) return (parseDuration(dataset.value) ?? 0) / 1_000_000;
      const message = parseDuration(dataset.value) === undefined
        ? `${VALUE} is not "auto", "off" or a duration of whole seconds`
        : wrong.message;
      addIssue(refusalIssue({ ...wrong, message }));
      return NEVER;
    }),
  );
}
