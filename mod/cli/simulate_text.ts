/**
 * What `halb simulate` prints for people.
 *
 * @module
 */

import type { SimulationReport } from "../simulate/report.ts";
import { escapeText } from "../text/mod.ts";
import { formatTable, type Paint, paintColumn, painter } from "./table.ts";
import { secondsText } from "../simulate/words.ts";

export function simulationText(report: SimulationReport, color: boolean): string {
  const paint = painter(color);
  const parts = [
    story(report),
    addressTable(report, paint),
    expectations(report, paint),
    report.not_simulated.map((one) => `not simulated: ${escapeText(one)}`).join("\n"),
    workText(report),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

/** What happened, and who was in what state, by time. */
function story({ failures, states, duration }: SimulationReport): string {
  const lines = [
    ...failures.map(({ at, text }) => ({ at, text: `* ${text}` })),
    ...states.filter(({ state }) => state !== "init").map((
      { from, node, router, state, reason },
    ) => ({
      at: from,
      text: `  ${router} on ${node}: ${state} (${reason})`,
    })),
  ].toSorted((a, b) => a.at - b.at);
  const width = timeText(duration).length;
  const shown = lines.slice(0, MOST_LINES).map(({ at, text }) =>
    `${timeText(at).padStart(width)} ${escapeText(text)}`
  );
  if (lines.length > MOST_LINES) shown.push(`… and ${lines.length - MOST_LINES} more (--json)`);
  return shown.join("\n");
}

const MOST_LINES = 200;

/** Seconds with three decimals. */
function timeText(micros: number): string {
  return `${(micros / 1e6).toFixed(3)}s`;
}

function addressTable({ addresses }: SimulationReport, paint: Paint): string {
  if (addresses.length === 0) return "";
  const rows = addresses.map((one) => [
    one.address,
    one.first_held === null ? "never" : timeText(one.first_held),
    String(one.outages.length),
    lengthText(one.outage_total),
    lengthText(one.outage_longest),
    lengthText(one.double_total),
  ]);
  const header = ["ADDRESS", "HELD SINCE", "OUTAGES", "TOTAL", "LONGEST", "TWO HOLDERS"];
  return formatTable([header, ...rows], paintColumn(paint, 4, { "-": "green" }, "red"));
}

function lengthText(micros: number): string {
  return micros === 0 ? "-" : secondsText(micros);
}

function expectations({ expectations: all }: SimulationReport, paint: Paint): string {
  if (all.length === 0) return "";
  const lines = all.map(({ line, text, held, found }) => {
    const word = held ? paint("held  ", "green") : paint("FAILED", "red");
    return `${word} line ${line}: ${escapeText(text)}: ${escapeText(found)}`;
  });
  const failed = all.filter(({ held }) => !held).length;
  const summary = failed === 0
    ? `all ${all.length} expectations held`
    : `${failed} of ${all.length} expectations failed`;
  return [...lines, summary].join("\n");
}

function workText({ duration, seed, work }: SimulationReport): string {
  const { steps, packets, lost } = work;
  return `${secondsText(duration)} simulated with seed ${seed}: ${packets} packets, ` +
    `${lost} lost; ${steps} steps`;
}
