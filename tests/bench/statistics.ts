/**
 * Numbers for people: medians, worst cases, tables.
 *
 * @module
 */

/** The value below which `share` (0 to 1) of them lie; NaN where there are none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

/** Microseconds as milliseconds with two digits. */
export function ms(micros: number): string {
  return Number.isNaN(micros) ? "–" : (micros / 1000).toFixed(2);
}

/** A Markdown table, padded so that it reads as plain text too. */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]) {
  const widths = header.map((cell, i) =>
    Math.max(cell.length, ...rows.map((row) => row[i]!.length))
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(header), rule, ...rows.map(line)].join("\n");
}

/** What the numbers were taken on. */
export async function machine(): Promise<string> {
  const release = (await Deno.readTextFile("/proc/sys/kernel/osrelease")).trim();
  const model = /model name\s*: (.*)/.exec(await Deno.readTextFile("/proc/cpuinfo"))?.[1] ?? "?";
  const cpus = navigator.hardwareConcurrency;
  return `${new Date().toISOString().slice(0, 10)}, ${cpus} cores (${model}), Linux ${release}`;
}
