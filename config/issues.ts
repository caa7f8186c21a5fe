/**
 * What valibot found, in words for people: the key, the value that was written, what it should
 * be, and where the intention is plain, what to write. The place comes from the tree, so that a
 * value out of an include, a default or a `by_host` is shown where it was typed.
 *
 * @module
 */

import * as v from "valibot";
import { VALUE } from "./fields.ts";
import type { Finding, Report } from "./finding.ts";
import { docOf, type Schema, schemaAt, typesOf, wordsOf } from "./introspect.ts";
import { guessDuration } from "./duration.ts";
import { nearest } from "./nearest.ts";
import {
  descend,
  FAILED,
  harvest,
  keyPlace,
  type Path,
  secretOf,
  shown,
  tomlText,
  type TreeNode,
  valuePlace,
  writeKey,
} from "./tree.ts";

type Issue = v.BaseIssue<unknown>;

function pathOf(issue: Issue): Path {
  return (issue.path ?? []).map((item) =>
    typeof item.key === "number" ? item.key : String(item.key)
  );
}

/** An issue with its path; those of a union are the ones of the alternative that was meant. */
function* flatten(issue: Issue, above: Path = []): Generator<{ issue: Issue; path: Path }> {
  const path = [...above, ...pathOf(issue)];
  const table = typeof issue.input === "object" && issue.input !== null;
  const inner = issue.type === "union"
    ? (issue.issues ?? []).filter((one) => table ? one.path !== undefined : one.kind !== "schema")
    : [];
  if (inner.length === 0) yield { issue, path };
  for (const one of inner) yield* flatten(one, path);
}

/** Keys of a path, dotted, list positions left out. */
function nameOf(path: Path): string {
  return path.filter((step) => typeof step === "string").map(writeKey).join(".");
}

/** The arguments of a command line without a shell's syntax; anything else is one word. */
function wordsIn(value: unknown, kind: string): unknown[] {
  const plain = typeof value === "string" && !/["'\\$|&;<>`*?(){}#~]/.test(value);
  return plain && /a program and its arguments/.test(kind) ? value.trim().split(/\s+/) : [value];
}

/** What to write instead of a value of the wrong type. */
function retype(node: TreeNode, schema: Schema): string {
  const types = typesOf(schema);
  const doc = docOf(schema);
  const example = tomlText(doc?.examples[0]);
  const value = node.kind === "scalar" ? node.value : undefined;
  if (types.includes("array") && node.kind === "scalar") {
    return `[${wordsIn(value, doc?.kind ?? "").map(tomlText).join(", ")}]`;
  }
  if (types.includes("string") && typeof value === "number") {
    if (!/duration/.test(doc?.kind ?? "")) return example;
    const most = / to (\S+)/.exec(doc?.range ?? "")?.[1];
    return tomlText(guessDuration(`${value}`, most) ?? "1s");
  }
  if (types.includes("number") && typeof value === "string") {
    return /^[0-9]{1,9}$/.test(value.trim()) ? String(Number(value)) : example;
  }
  if (types.includes("boolean")) {
    if (value === 1 || /^(yes|on|true|1)$/i.test(String(value))) return "true";
    if (value === 0 || /^(no|off|false|0)$/i.test(String(value))) return "false";
  }
  const words = wordsOf(schema);
  if (words.length > 0 && typeof value === "string") {
    const near = nearest(value, words);
    if (near !== undefined) return JSON.stringify(near);
  }
  return example;
}

/** The finding for a value of the wrong type. */
function wrongType(node: TreeNode, path: Path, schema: Schema | undefined): Finding {
  const kind = (schema === undefined ? undefined : docOf(schema)?.kind) ?? "of the right type";
  const secret = secretOf(node) !== undefined;
  return {
    place: valuePlace(node),
    message: `Invalid \`${nameOf(path)}\`: ${shown(node)} is not ${kind}`,
    ...(schema === undefined || secret
      ? {}
      : { advice: `write \`${retype(node, schema)}\` instead` }),
  };
}

/** The finding for a key that is not there. */
function missing(node: TreeNode, path: Path, schema: Schema | undefined): Finding {
  const key = String(path.at(-1));
  const example = schema === undefined ? undefined : docOf(schema)?.examples[0];
  return {
    place: valuePlace(node),
    message: `The key \`${nameOf(path)}\` is missing`,
    ...(example === undefined ? {} : { advice: `add \`${key} = ${tomlText(example)}\`` }),
  };
}

/** The finding for an issue; undefined where it was reported already. */
function findingOf(root: TreeNode, path: Path, issue: Issue, schema: Schema): Finding | undefined {
  const node = descend(root, path);
  const target = schemaAt(schema, path);
  if (node.kind === "scalar" && node.value === FAILED) return undefined;
  if (issue.type === "strict_object" && issue.expected !== "Object") {
    // An unknown key was reported and removed by `settle`.
    return issue.expected === "never"
      ? undefined
      : missing(descend(root, path.slice(0, -1)), path, target);
  }
  if (issue.kind === "schema") return wrongType(node, path, target);
  const secret = secretOf(node);
  const advice = secret === undefined ? issue.expected : undefined;
  const message = issue.message.includes(VALUE)
    ? `Invalid \`${nameOf(path)}\`: ${issue.message.replaceAll(VALUE, () => shown(node))}`
    : issue.message;
  const place = issue.type === "check" ? keyPlace(node) : valuePlace(node);
  return { place, message, ...(typeof advice === "string" ? { advice } : {}) };
}

/** The validated data of `node`, or undefined after everything wrong with it was reported. */
export function validate<S extends v.GenericSchema>(
  node: TreeNode,
  schema: S,
  report: Report,
): v.InferOutput<S> | undefined {
  const result = v.safeParse(schema, harvest(node));
  if (result.success) return result.output;
  for (const issue of result.issues) {
    for (const { issue: one, path } of flatten(issue)) {
      const finding = findingOf(node, path, one, schema);
      if (finding !== undefined) report(finding);
    }
  }
  return undefined;
}
