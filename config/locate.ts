/**
 * From places in the data to lines and columns. smol-toml reads every file and knows positions
 * only of syntax errors; where something else is wrong, toml-eslint-parser reads the file again,
 * and its syntax tree says where each key and value stands. It is imported only then.
 *
 * @module
 */

import type { AST } from "toml-eslint-parser";
import { type Finding, OTHER, type Spot } from "./finding.ts";
import type { Problem } from "./problem.ts";
import type { Path, Place, Source } from "./tree.ts";

/** Where the key, the value, or the header of one path stands. */
interface Marks {
  key?: AST.SourceLocation;
  value?: AST.SourceLocation;
}

/** Marks by path. */
type Index = Map<string, Marks>;

/** Notes a mark; the first one wins, as a table may be opened more than once. */
function mark(index: Index, path: Path, marks: Marks): void {
  const name = JSON.stringify(path);
  const known = index.get(name) ?? {};
  index.set(name, { ...marks, ...known });
}

function keyText(key: AST.TOMLBare | AST.TOMLQuoted): string {
  return key.type === "TOMLBare" ? key.name : key.value;
}

/** Notes a value and what is in it. */
function markValue(index: Index, path: Path, node: AST.TOMLContentNode): void {
  mark(index, path, { value: node.loc });
  if (node.type === "TOMLArray") {
    node.elements.forEach((element, position) => markValue(index, [...path, position], element));
  } else if (node.type === "TOMLInlineTable") {
    for (const entry of node.body) markEntry(index, path, entry);
  }
}

/** Notes `a.b = value` below `path`; the tables that a dotted key opens are placed at their part. */
function markEntry(index: Index, path: Path, entry: AST.TOMLKeyValue): void {
  const keys = entry.key.keys;
  keys.forEach((key, position) => {
    const below = [...path, ...keys.slice(0, position + 1).map(keyText)];
    const inner = position < keys.length - 1;
    mark(index, below, inner ? { key: key.loc, value: key.loc } : { key: key.loc });
  });
  markValue(index, [...path, ...keys.map(keyText)], entry.value);
}

/** Notes `[a.b]` or `[[a.b]]` with its entries. */
function markTable(index: Index, table: AST.TOMLTable): void {
  const path: Path = table.resolvedKey;
  const keys = table.key.keys;
  let names = 0;
  path.forEach((step, position) => {
    if (typeof step === "string") names++;
    const key = keys[names - 1];
    const whole = position === path.length - 1;
    const loc = whole ? header(table) : key?.loc;
    if (key !== undefined && loc !== undefined) {
      mark(index, path.slice(0, position + 1), { key: key.loc, value: loc });
    }
  });
  for (const entry of table.body) markEntry(index, path, entry);
}

/** A table's header with its brackets. */
function header(table: AST.TOMLTable): AST.SourceLocation {
  const end = table.key.loc.end;
  const brackets = table.kind === "array" ? 2 : 1;
  return { start: table.loc.start, end: { line: end.line, column: end.column + brackets } };
}

/** All marks of a file; empty where the second parser cannot read what the first one could. */
async function indexOf(source: Source): Promise<Index> {
  const index: Index = new Map();
  const { parseTOML } = await import("toml-eslint-parser");
  try {
    for (const node of parseTOML(source.text).body[0].body) {
      if (node.type === "TOMLTable") markTable(index, node);
      else markEntry(index, [], node);
    }
  } catch {
    // The problem then points at the file's first line: better than to hide it.
  }
  return index;
}

/** Marks of the path, or of the nearest one above it that has any. */
function nearestMarks(index: Index, path: Path): Marks {
  for (let length = path.length; length > 0; length--) {
    const marks = index.get(JSON.stringify(path.slice(0, length)));
    if (marks !== undefined) return marks;
  }
  return {};
}

/** Lines and columns for places; reads each file at most once. */
class Locator {
  readonly #indexes = new Map<Source, Promise<Index>>();
  readonly #lines = new Map<Source, string[]>();

  /** Line `number` (from 1) without its end. */
  line(source: Source, number: number): string {
    let lines = this.#lines.get(source);
    if (lines === undefined) {
      lines = source.text.split("\n").map((text) => text.replace(/\r$/, ""));
      this.#lines.set(source, lines);
    }
    return lines[number - 1] ?? "";
  }

  async spot(place: Place | Spot): Promise<Spot> {
    if ("line" in place) return place;
    let index = this.#indexes.get(place.source);
    if (index === undefined) {
      index = indexOf(place.source);
      this.#indexes.set(place.source, index);
    }
    const marks = nearestMarks(await index, place.path);
    const loc = (place.at === "key" ? marks.key : undefined) ?? marks.value ?? marks.key;
    const { source } = place;
    if (loc === undefined) return { source, line: 1, column: 1, length: 1 };
    const line = this.line(source, loc.start.line);
    const end = loc.end.line === loc.start.line ? loc.end.column : line.length;
    const column = loc.start.column + 1;
    return { source, line: loc.start.line, column, length: Math.max(1, end - loc.start.column) };
  }

  /** The problem for a spot, its columns counted in characters. */
  problem(finding: Finding, spot: Spot, message: string): Problem {
    const severity = finding.severity ?? "error";
    const suggestion = finding.advice === undefined ? {} : { suggestion: finding.advice };
    const file = spot.source.name;
    if (spot.line === 0) {
      return { file, line: 0, column: 0, message, source_line: "", ...suggestion, severity };
    }
    const text = this.line(spot.source, spot.line);
    const before = [...text.slice(0, spot.column - 1)].length;
    const length = Math.max(
      1,
      [...text.slice(spot.column - 1, spot.column - 1 + spot.length)].length,
    );
    const place = { file, line: spot.line, column: before + 1 };
    return { ...place, message, source_line: text, length, ...suggestion, severity };
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
export async function locate(
  findings: readonly Finding[],
  sources: readonly Source[],
): Promise<Problem[]> {
  const locator = new Locator();
  const groups = new Map<string, Problem[]>(sources.map((source) => [source.name, []]));
  const seen = new Set<string>();
  for (const finding of findings) {
    const spot = await locator.spot(finding.place);
    let message = finding.message;
    if (finding.other !== undefined) {
      const other = await locator.spot(finding.other);
      const { file, line, column } = locator.problem(finding, other, "");
      message = message.replace(OTHER, () => `${file}:${line}:${column}`);
    }
    const problem = locator.problem(finding, spot, message);
    const name = JSON.stringify([problem.file, problem.line, problem.column, message]);
    if (seen.has(name)) continue;
    seen.add(name);
    const group = groups.get(problem.file);
    if (group === undefined) groups.set(problem.file, [problem]);
    else group.push(problem);
  }
  return [...groups.values()].flatMap((group) => group.sort(byPosition));
}
