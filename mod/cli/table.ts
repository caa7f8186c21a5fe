/**
 * Tables and durations for people.
 *
 * @module
 */

import { escapeText } from "../text/mod.ts";

/**
 * Columns padded to their widest cell, two spaces between; cells are escaped.
 *
 * @param paint colours one escaped cell; its codes do not count for the width
 */
export function formatTable(
  rows: readonly (readonly string[])[],
  paint: (cell: string, row: number, column: number) => string = (cell) => cell,
): string {
  const cells = rows.map((row) => row.map(escapeText));
  const widths: number[] = [];
  for (const row of cells) {
    row.forEach((cell, i) => widths[i] = Math.max(widths[i] ?? 0, cell.length));
  }
  return cells.map((row, y) =>
    row.map((cell, x) => {
      const padding = x === row.length - 1 ? "" : " ".repeat(widths[x]! - cell.length);
      return (cell === "" ? "" : paint(cell, y, x)) + padding;
    }).join("  ").trimEnd()
  ).join("\n");
}

/** `3d 4h`, `5m 12s`, `7s`: the two largest units. */
export function formatAge(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const units: [string, number][] = [
    ["d", Math.floor(seconds / 86_400)],
    ["h", Math.floor(seconds / 3600) % 24],
    ["m", Math.floor(seconds / 60) % 60],
    ["s", seconds % 60],
  ];
  const first = units.findIndex(([, count]) => count > 0);
  if (first === -1) return "0s";
  return units.slice(first, first + 2).filter(([, count]) => count > 0)
    .map(([unit, count]) => `${count}${unit}`).join(" ");
}

/** Counts by reason, such as `ttl 3, unknown_session 1`; empty: there is none above 0. */
export function reasonsText(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts).filter(([, count]) => count > 0)
    .map(([reason, count]) => `${reason} ${count}`).join(", ");
}

/** A row for each counter. */
export function counterRows(counters: Readonly<Record<string, number>>): string[][] {
  return Object.entries(counters).map(([name, count]) => [
    name.replaceAll("_", " "),
    String(count),
  ]);
}

/** How long something has been so; `-` where nobody knows since when. @param since wall time */
export function ageText(since: string | null, now: number): string {
  return since === null ? "-" : formatAge(now - Date.parse(since));
}

/** Colours one piece of text, or does not. */
export type Paint = (text: string, colour: Colour) => string;

/** Colours for a terminal; plain text where `enabled` is false. */
export function painter(enabled: boolean): Paint {
  return (text, colour) => enabled ? `\x1b[${COLOURS[colour]}m${text}\x1b[0m` : text;
}

/**
 * Colours of a table whose first row is its header: one column by what its cells say.
 *
 * @param otherwise for words that have no colour of their own
 */
export function paintColumn(
  paint: Paint,
  column: number,
  colours: Readonly<Record<string, Colour>>,
  otherwise: Colour = "bold",
): (cell: string, row: number, column: number) => string {
  return (cell, y, x) => {
    if (y === 0) return paint(cell, "dim");
    return x === column ? paint(cell, colours[cell] ?? otherwise) : cell;
  };
}

const COLOURS = { green: 32, red: 31, yellow: 33, bold: 1, dim: 2 } as const;
export type Colour = keyof typeof COLOURS;
