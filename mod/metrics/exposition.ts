/**
 * The two text formats that Prometheus reads: its own (version 0.0.4) and OpenMetrics 1.0. Pure.
 *
 * A family has a name, a type, one line of help and the names of its labels; its samples are made
 * from whatever the caller knows. A family without samples is left out.
 *
 * @module
 */

/** Counts by upper bound. */
export interface HistogramSample {
  /** Ascending, in the unit of the family. */
  readonly bounds: readonly number[];
  /** Of each bound: how many values are no larger. As many as there are bounds. */
  readonly cumulative: readonly number[];
  readonly sum: number;
  readonly count: number;
}

/** One time series: the values of its labels in the order of the family's, and its own. */
export type Sample = readonly [
  labels: readonly (string | number)[],
  value: number | HistogramSample,
];

/** What is measured, in the same way for all that have it. */
export interface Family<F> {
  /** Of a counter with `_total` at its end. */
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** One sentence. */
  readonly help: string;
  readonly labels: readonly string[];
  samples(facts: F): Iterable<Sample>;
}

export type Format = "text" | "openmetrics";

/** What the header `Content-Type` says of each format. */
export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  text: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** A label's value between its quotes. */
export function escapeLabel(text: string): string {
  return text.replace(/[\\"\n]/g, (character) => character === "\n" ? "\\n" : `\\${character}`);
}

/** Only OpenMetrics takes a quote in help for more than itself. */
function escapeHelp(text: string, format: Format): string {
  if (format === "openmetrics") return escapeLabel(text);
  return text.replace(/[\\\n]/g, (character) => character === "\n" ? "\\n" : "\\\\");
}

function numberText(value: number): string {
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  return String(value);
}

/** Both formats have a decimal point in each bound, so that the series are the same in both. */
function boundText(bound: number): string {
  return Number.isInteger(bound) ? `${bound}.0` : numberText(bound);
}

function labelText(
  names: readonly string[],
  values: readonly (string | number)[],
  name: string,
): string {
  if (names.length !== values.length) {
    throw new RangeError(`${name} has ${names.length} labels, not ${values.length}`);
  }
  return names.map((label, i) => `${label}="${escapeLabel(String(values[i]))}"`).join(",");
}

function* histogramLines(
  name: string,
  labels: string,
  { bounds, cumulative, sum, count }: HistogramSample,
): Iterable<string> {
  const all = labels === "" ? "" : `${labels},`;
  for (let i = 0; i < bounds.length; i++) {
    yield `${name}_bucket{${all}le="${boundText(bounds[i]!)}"} ${cumulative[i]!}\n`;
  }
  const end = labels === "" ? "" : `{${labels}}`;
  yield `${name}_bucket{${all}le="+Inf"} ${count}\n`;
  yield `${name}_sum${end} ${numberText(sum)}\n`;
  yield `${name}_count${end} ${count}\n`;
}

function familyText<F>(family: Family<F>, facts: F, format: Format): string {
  const { name, type, help, labels } = family;
  const lines: string[] = [];
  for (const [values, value] of family.samples(facts)) {
    const text = labelText(labels, values, name);
    if (typeof value !== "number") lines.push(...histogramLines(name, text, value));
    else lines.push(`${name}${text === "" ? "" : `{${text}}`} ${numberText(value)}\n`);
  }
  if (lines.length === 0) return "";
  // OpenMetrics names a counter's family without the suffix of its only sample.
  const own = format === "openmetrics" && type === "counter" ? name.replace(/_total$/, "") : name;
  return `# HELP ${own} ${escapeHelp(help, format)}\n# TYPE ${own} ${type}\n${lines.join("")}`;
}

/** All families in one page. @throws {RangeError} where a sample has not the labels of its family */
export function renderFamilies<F>(
  families: readonly Family<F>[],
  facts: F,
  format: Format,
): string {
  const end = format === "openmetrics" ? "# EOF\n" : "";
  return families.map((family) => familyText(family, facts, format)).join("") + end;
}
