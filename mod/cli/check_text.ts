/**
 * Health checks in `halb status`: a table of those that have a name, and everything about one.
 *
 * @module
 */

import type { CheckStatus } from "../control/check_status.ts";
import { ageText, formatAge, formatTable, type Paint, paintColumn } from "./table.ts";

const STATE_COLUMN = 3;

/** `up`, `down` or `unknown`. */
export function checkState({ healthy }: CheckStatus): string {
  return healthy === null ? "unknown" : healthy ? "up" : "down";
}

/** Colours of a table of checks. @param column of the states */
export function paintChecks(paint: Paint, column: number) {
  return paintColumn(paint, column, { up: "green", down: "red" }, "yellow");
}

/** What the last probe took. */
export function latencyText({ latency_ms: latency }: CheckStatus): string {
  return latency === null ? "-" : `${latency} ms`;
}

/** A line for each check. */
export function formatChecks(checks: readonly CheckStatus[], now: number, paint: Paint): string {
  const header = ["CHECK", "TYPE", "TARGET", "STATE", "FOR", "LATENCY", "WHY"];
  const rows = checks.map((check) => [
    check.name ?? check.id,
    check.type,
    check.target ?? "-",
    checkState(check),
    ageText(check.since, now),
    latencyText(check),
    whyText(check),
  ]);
  return formatTable([header, ...rows], paintChecks(paint, STATE_COLUMN));
}

function whyText({ reason, held, flapping, last_error: error, healthy }: CheckStatus): string {
  if (flapping) return `${reason} (flapping)`;
  if (held !== null) return `${reason} (${held})`;
  // It has failed since, and not often enough.
  return healthy === true && error !== null ? `${reason}; last: ${error}` : reason;
}

/** What should be seen to. */
export function checkTroubles(checks: readonly CheckStatus[]): string[] {
  return checks.flatMap(({ name, id, warnings }) =>
    warnings.map((warning) => `${name ?? id}: ${warning}`)
  );
}

/** Everything about one check. */
export function formatCheck(check: CheckStatus, now: number, paint: Paint): string {
  const { passed, failed, voided } = check.counters;
  const age = (at: string | null) =>
    at === null ? "never" : `${formatAge(now - Date.parse(at))} ago`;
  const rows = [
    ["check", `${check.name ?? check.id} (${check.type})`],
    ["target", check.target ?? "this host"],
    ["state", `${checkState(check)}${check.reason === "" ? "" : `: ${whyText(check)}`}`],
    ["since", check.since === null ? "-" : age(check.since)],
    ["transitions", String(check.transitions)],
    ["last probe", age(check.last_probe)],
    ["latency", latencyText(check)],
    [
      "last failure",
      check.last_failure === null
        ? "none"
        : `${check.last_failure.reason}, ${age(check.last_failure.at)}`,
    ],
    ["output", check.output === "" ? "-" : check.output],
    ["probes", `${passed} passed, ${failed} failed, ${voided} said nothing`],
    ...check.warnings.map((warning) => ["warning", warning]),
  ];
  return formatTable(rows, (cell, _, column) => column === 0 ? paint(cell, "dim") : cell);
}
