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

/** Colours for a terminal; plain text where `enabled` is false. */
export function painter(enabled: boolean): (text: string, colour: Colour) => string {
  return (text, colour) => enabled ? `\x1b[${COLOURS[colour]}m${text}\x1b[0m` : text;
}

const COLOURS = { green: 32, red: 31, yellow: 33, bold: 1, dim: 2 } as const;
export type Colour = keyof typeof COLOURS;
