/**
 * Another file of tables than site.toml, such as the script of a simulation: read, checked against
 * its schema, and told of in the same way.
 *
 * @module
 */

import type * as v from "valibot";
import type { Report } from "./finding.ts";
import type { Finding } from "./finding.ts";
import { type FileAccess, readSources } from "./include.ts";
import { validate } from "./issues.ts";
import { locate } from "./locate.ts";
import { mergeTables } from "./merge.ts";
import type { Problem } from "./problem.ts";
import { settle } from "./settle.ts";
import type { TableNode } from "./tree.ts";

/** A file that is as it should be, or what is wrong with it. */
export type TableFile<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Reads the file at `path`. Never throws for anything that it contains.
 *
 * @param check what the schema cannot know; makes of the data what the caller wants
 */
export function readTableFile<S extends v.GenericSchema, T>(
  path: string,
  schema: S,
  access: FileAccess,
  check: (data: v.InferOutput<S>, node: TableNode, report: Report, lines: LineOf) => T,
): TableFile<T> {
  const findings: Finding[] = [];
  const report = (finding: Finding): void => void findings.push(finding);
  const { sources, tables } = readSources(path, access, report);
  const root = findings.length === 0 ? mergeTables(tables, report) : undefined;
  let value: { readonly is: T } | undefined;
  if (root !== undefined) {
    settle(root, schema, "", report, schema);
    const data = validate(root, schema, report);
    const lines: LineOf = (place) => locate([{ place, message: "" }], sources)[0]?.line ?? 0;
    if (data !== undefined) value = { is: check(data, root, report, lines) };
  }
  if (value !== undefined && findings.length === 0) return { ok: true, value: value.is };
  return { ok: false, problems: locate(findings, sources) };
}

/** The line of a place, from 1. */
export type LineOf = (place: Finding["place"]) => number;
