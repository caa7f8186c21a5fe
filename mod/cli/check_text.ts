/**
 * Health checks in `halb status`: a table of those that have a name, and everything about one.
 *
 * @module
 */

import type { CheckStatus } from "../control/check_status.ts";
import { escapeText } from "../text/mod.ts";
import { formatAge, formatTable, type painter } from "./table.ts";

type Paint = ReturnType<typeof painter>;

const STATE_COLUMN = 3;

/** `up`, `down` or `unknown`. */
function stateText({ healthy }: CheckStatus): string {
  return healthy === null ? "unknown" : healthy ? "up" : "down";
}

function paintState(paint: Paint) {
  return (cell: string, row: number, column: number): string => {
    if (row === 0) return paint(cell, "dim");
    if (column !== STATE_COLUMN) return cell;
    return paint(cell, cell === "up" ? "green" : cell === "down" ? "red" : "yellow");
  };
}

/** A line for each check. */
export function formatChecks(checks: readonly CheckStatus[], now: number, paint: Paint): string {
  const header = ["CHECK", "TYPE", "TARGET", "STATE", "FOR", "LATENCY", "WHY"];
  const rows = checks.map((check) => [
    escapeText(check.name ?? check.id),
    check.type,
    escapeText(check.target ?? "-"),
    stateText(check),
    check.since === null ? "-" : formatAge(now - Date.parse(check.since)),
    check.latency_ms === null ? "-" : `${check.latency_ms} ms`,
    escapeText(whyText(check)),
  ]);
  return formatTable([header, ...rows], paintState(paint));
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
    ["state", `${stateText(check)}${check.reason === "" ? "" : `: ${whyText(check)}`}`],
    ["since", check.since === null ? "-" : age(check.since)],
    ["transitions", String(check.transitions)],
    ["last probe", age(check.last_probe)],
    ["latency", check.latency_ms === null ? "-" : `${check.latency_ms} ms`],
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
  return formatTable(rows.map((row) => row.map((cell) => escapeText(cell))), (cell, _, column) => {
    return column === 0 ? paint(cell, "dim") : cell;
  });
}
