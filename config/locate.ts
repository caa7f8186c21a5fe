/**
 * From findings to problems: from places in the data to lines, columns and the text around them.
 * A file is scanned for positions when the first finding in it asks, and a valid configuration
 * costs nothing here.
 *
 * @module
 */

import { maskLine, withoutSecretsOf } from "./secrets.ts";
import { type Finding, OTHER, type Spot } from "./finding.ts";
import { type Marks, type Positions, scanPositions } from "./positions.ts";
import type { Problem } from "./problem.ts";
import type { Path, Place, Source } from "./tree.ts";

/** Marks of the path, or of the nearest one above it that has any. */
function nearestMarks(positions: Positions, path: Path): Marks {
  for (let length = path.length; length > 0; length--) {
    const marks = positions.get(JSON.stringify(path.slice(0, length)));
    if (marks !== undefined) return marks;
  }
  return {};
}

/** What is known of one file. */
class SourceMap {
  readonly #source: Source;
  readonly #lineStarts: number[] = [0];
  #positions: Positions | undefined;

  constructor(source: Source) {
    this.#source = source;
    for (let at = source.text.indexOf("\n"); at >= 0; at = source.text.indexOf("\n", at + 1)) {
      this.#lineStarts.push(at + 1);
    }
  }

  /** Line `number` (from 1) without its end. */
  line(number: number): string {
    const start = this.#lineStarts[number - 1];
    if (start === undefined) return "";
    const end = (this.#lineStarts[number] ?? this.#source.text.length + 1) - 1;
    return this.#source.text.slice(start, end).replace(/\r$/, "");
  }

  spot(place: Place): Spot {
    this.#positions ??= scanPositions(this.#source.text);
    const marks = nearestMarks(this.#positions, place.path);
    const span = (place.at === "key" ? marks.key : undefined) ?? marks.value ?? marks.key;
    const { source } = place;
    if (span === undefined) return { source, line: 1, column: 1, length: 1 };
    let [low, high] = [0, this.#lineStarts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#lineStarts[middle] ?? 0) <= span.start) low = middle;
      else high = middle - 1;
    }
    const offset = span.start - (this.#lineStarts[low] ?? 0);
    // Of a value over several lines the first one is underlined.
    const length = Math.min(span.end - span.start, this.line(low + 1).length - offset);
    return { source, line: low + 1, column: offset + 1, length: Math.max(1, length) };
  }
}

/** Lines and columns for places. */
class Locator {
  readonly #maps = new Map<Source, SourceMap>();

  #map(source: Source): SourceMap {
    let map = this.#maps.get(source);
    if (map === undefined) {
      map = new SourceMap(source);
      this.#maps.set(source, map);
    }
    return map;
  }

  spot(place: Place | Spot): Spot {
    return "line" in place ? place : this.#map(place.source).spot(place);
  }

  /** The problem for a finding, its columns counted in characters. */
  problem(finding: Finding, place: Place | Spot, message: string): Problem {
    const spot = this.spot(place);
    const severity = finding.severity ?? "error";
    const suggestion = finding.advice === undefined ? {} : { suggestion: finding.advice };
    const file = spot.source.name;
    if (spot.line === 0) {
      return { file, line: 0, column: 0, message, source_line: "", ...suggestion, severity };
    }
    const text = this.#map(spot.source).line(spot.line);
    const start = spot.column - 1;
    const column = [...text.slice(0, start)].length + 1;
    const length = Math.max(1, [...text.slice(start, start + spot.length)].length);
    const { line } = spot;
    const clean = (words: string) => withoutSecretsOf(text, words);
    return {
      file,
      line,
      column,
      message: clean(message),
      source_line: maskLine(text),
      length,
      ...(finding.advice === undefined ? {} : { suggestion: clean(finding.advice) }),
      severity,
    };
  }
}

/** Order of two problems of one file. */
function byPosition(a: Problem, b: Problem): number {
  return a.line - b.line || a.column - b.column;
}

/**
 * The problems for `findings`: in the order of `sources`, then by position; what is found twice
 * (once for each router that takes a default, say) is reported once.
 */
export function locate(findings: readonly Finding[], sources: readonly Source[]): Problem[] {
  const locator = new Locator();
  const groups = new Map<string, Problem[]>(sources.map((source) => [source.name, []]));
  const seen = new Set<string>();
  for (const finding of findings) {
    let message = finding.message;
    if (finding.other !== undefined) {
      const { file, line, column } = locator.problem(finding, finding.other, "");
      message = message.replace(OTHER, () => `${file}:${line}:${column}`);
    }
    const problem = locator.problem(finding, finding.place, message);
    const name = JSON.stringify([problem.file, problem.line, problem.column, message]);
    if (seen.has(name)) continue;
    seen.add(name);
    const group = groups.get(problem.file);
    if (group === undefined) groups.set(problem.file, [problem]);
    else group.push(problem);
  }
  return [...groups.values()].flatMap((group) => group.sort(byPosition));
}
