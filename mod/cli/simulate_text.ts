/**
 * What `halb simulate` prints for people.
 *
 * @module
 */

import type { SimulationReport } from "../simulate/report.ts";
import { timelineText } from "../simulate/timeline.ts";
import { escapeText } from "../text/mod.ts";
import { type Paint, painter } from "./table.ts";
import { secondsText } from "../simulate/words.ts";

export function simulationText(report: SimulationReport, color: boolean): string {
  const paint = painter(color);
  const parts = [
    timelineText(report, { paint }),
    expectations(report, paint),
    report.not_simulated.map((one) => `not simulated: ${escapeText(one)}`).join("\n"),
    workText(report),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

function expectations({ expectations: all }: SimulationReport, paint: Paint): string {
  if (all.length === 0) return "";
  const lines = all.map(({ line, file, text, held, found }) => {
    const word = held ? paint("held  ", "green") : paint("FAILED", "red");
    const where = file === undefined ? `line ${line}` : `${escapeText(file)}:${line}`;
    return `${word} ${where}: ${escapeText(text)}: ${escapeText(found)}`;
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
