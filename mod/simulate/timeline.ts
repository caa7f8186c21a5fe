/**
 * A simulation for the terminal: who had which address when, as a strip and in words, and what
 * that cost. Eighty columns, whatever the names.
 *
 * @module
 */

import { showText } from "../text/mod.ts";
import type { AddressReport, Holding, SimulationReport } from "./report.ts";
import {
  addressesAlike,
  type Alike,
  axisMarks,
  isDouble,
  isSilent,
  lengthText,
  momentText,
  nameOf,
  shortNames,
  type Stretch,
} from "./spans.ts";

/** Colours one piece of text, or does not. */
export type TimelinePaint = (
  text: string,
  colour: "green" | "red" | "yellow" | "bold" | "dim",
) => string;

export interface TimelineOptions {
  readonly paint?: TimelinePaint;
  /** Columns, 60 at least; 80 unless given. */
  readonly width?: number;
  /** Lines of a list before it is cut, 12 unless given. */
  readonly lines?: number;
}

interface Drawing {
  readonly paint: TimelinePaint;
  readonly width: number;
  readonly lines: number;
  /** Columns before a strip. */
  readonly margin: number;
  /** What stands there, by node. */
  readonly labels: ReadonlyMap<string, string>;
}

/** Columns before a strip that are no name. */
const GAPS = 3;
/** A name takes so many columns at least, and at most. */
const [LEAST_NAME, MOST_NAME] = [11, 24];
const HELD = "█";
const LEASE = "▒";
const UNREACHABLE = "░";
const NOTHING = "·";
/** What stands for a failure above the strips, in order. */
const LETTERS = "123456789abcdefghijklmnopqrstuvwxyz";

/** The whole of it, without a newline at the end. */
export function timelineText(
  report: SimulationReport,
  { paint = (text) => text, width = 80, lines = 12 }: TimelineOptions = {},
): string {
  const names = report.nodes.map(({ name }) => name);
  const labels = shortNames(names, MOST_NAME);
  const longest = Math.max(LEAST_NAME, ...[...labels.values()].map(({ length }) => length));
  const drawing = { paint, width: Math.max(60, width), lines, margin: longest + GAPS, labels };
  const alike = addressesAlike(report);
  return [
    failuresText(report, drawing),
    ...alike.map((one) => addressText(report, one, drawing)),
    legendText(report, drawing),
    outagesText(report, alike, drawing),
  ].filter((part) => part !== "").join("\n\n");
}

/** What the script did, each with the mark that stands for it above the strips. */
function failuresText(report: SimulationReport, { paint, width, lines }: Drawing): string {
  const { failures, duration } = report;
  if (failures.length === 0) return "";
  const most = shownOf(failures.length, lines);
  const first = failures.slice(0, most);
  const moments = first.map(({ at }) => momentText(at, duration));
  const wide = Math.max(...moments.map((moment) => moment.length));
  const shown = first.map(({ text }, i) => {
    const words = showText(text, width - wide - 6);
    return `  ${paint(markOf(i), "bold")} ${moments[i]!.padStart(wide)}  ${words}`;
  });
  return [...shown, ...moreText(failures.length - most, "more")].join("\n");
}

function markOf(index: number): string {
  return LETTERS[index] ?? "*";
}

/** How many of so many are shown: a line that says "1 more" could as well be that one. */
function shownOf(count: number, lines: number): number {
  return count === lines + 1 ? count : lines;
}

function moreText(left: number, what: string): string[] {
  return left > 0 ? [`    … ${left} ${what}`] : [];
}

function addressText(report: SimulationReport, alike: Alike, drawing: Drawing): string {
  const { width } = drawing;
  const { one, stretches } = alike;
  const router = report.routers[one.router];
  const where = router === undefined
    ? ""
    : ` ${router.name}, id ${router.virtual_router_id} on ${router.network}`;
  const name = nameOf(alike);
  const title = drawing.paint(name, "bold") + showText(where, width - name.length);
  return [
    title,
    ...axisLines(report, drawing),
    ...stripLines(report, one.address, stretches, drawing),
    ...changeLines(report, one, stretches, drawing),
  ].join("\n");
}

/** The marks of failures, and the times below which the strips stand. */
function axisLines(
  report: SimulationReport,
  { paint, width, margin }: Drawing,
): string[] {
  const columns = width - margin;
  const column = columnOf(report, columns);
  const marks = new Array<string>(columns).fill(" ");
  for (const [i, { at }] of report.failures.entries()) {
    if (at >= report.duration) continue;
    const place = column(at);
    marks[place] = marks[place] === " " ? markOf(i) : "*";
  }
  const times = new Array<string>(columns).fill(" ");
  let free = 0;
  for (const { at, text } of axisMarks(report.duration, 8)) {
    const place = at >= report.duration ? columns - text.length : column(at);
    if (place < free || place + text.length > columns) continue;
    for (const [i, letter] of [...text].entries()) times[place + i] = letter;
    free = place + text.length + 1;
  }
  const line = (cells: readonly string[]) => (" ".repeat(margin) + cells.join("")).trimEnd();
  const above = report.failures.length === 0 ? [] : [paint(line(marks), "bold")];
  return [paint(line(times), "dim"), ...above];
}

function columnOf({ duration }: SimulationReport, columns: number): (at: number) => number {
  return (at) => Math.min(columns - 1, Math.floor((at / Math.max(1, duration)) * columns));
}

/** A strip for each node that ever had the address, and one that tells what was wrong. */
function stripLines(
  report: SimulationReport,
  address: string,
  stretches: readonly Stretch[],
  { paint, width, margin, labels }: Drawing,
): string[] {
  const columns = width - margin;
  const column = columnOf(report, columns);
  const nodes = report.nodes.filter(({ name }) =>
    report.routers.some((router) =>
      router.addresses.includes(address) && router.nodes.some(({ node }) => node === name)
    ) || report.holdings.some((one) => one.address === address && one.node === name)
  );
  const strips = nodes.map(({ name }) => {
    const cells = new Array<string>(columns).fill(NOTHING);
    for (const one of report.holdings) {
      if (one.address !== address || one.node !== name || one.to <= one.from) continue;
      for (let i = column(one.from); i <= column(one.to - 1); i++) {
        // Where several meet in one column the most of it is shown.
        if (rank(letterOf(one)) > rank(cells[i]!)) cells[i] = letterOf(one);
      }
    }
    return `  ${labels.get(name)!}`.padEnd(margin) + runs(cells, (cell) => paintCell(cell, paint));
  });
  const wrong = new Array<string>(columns).fill(" ");
  const first = report.addresses.find((one) => one.address === address)?.first_held ?? null;
  for (const stretch of stretches) {
    const silent = isSilent(stretch) && first !== null && stretch.from >= first;
    if (!silent && !isDouble(stretch)) continue;
    for (let i = column(stretch.from); i <= column(stretch.to - 1); i++) {
      if (silent || wrong[i] !== "!") wrong[i] = silent ? "!" : "2";
    }
  }
  if (wrong.every((cell) => cell === " ")) return strips;
  const painted = runs(wrong, (cell) => (text) => {
    return cell === " " ? text : paint(text, cell === "!" ? "red" : "yellow");
  });
  return [...strips, (" ".repeat(margin) + painted).trimEnd()];
}

function letterOf({ by, answers }: Holding): string {
  if (!answers) return UNREACHABLE;
  return by === "lease" ? LEASE : HELD;
}

function rank(letter: string): number {
  return [NOTHING, UNREACHABLE, LEASE, HELD].indexOf(letter);
}

function paintCell(cell: string, paint: TimelinePaint): (text: string) => string {
  const colour = cell === HELD ? "green" : cell === NOTHING ? "dim" : "yellow";
  return (text) => paint(text, colour);
}

/** Cells that are alike are painted together. */
function runs(
  cells: readonly string[],
  painterOf: (cell: string) => (text: string) => string,
): string {
  let text = "";
  for (let from = 0; from < cells.length;) {
    let to = from;
    while (to < cells.length && cells[to] === cells[from]) to++;
    text += painterOf(cells[from]!)(cells[from]!.repeat(to - from));
    from = to;
  }
  return text;
}

/** Who had it when, in words. */
function changeLines(
  report: SimulationReport,
  one: AddressReport,
  stretches: readonly Stretch[],
  { paint, width, lines }: Drawing,
): string[] {
  // Of a long simulation there are hundreds of thousands: only what is shown is looked at.
  const most = shownOf(stretches.length, lines);
  const rows = stretches.slice(0, most).map((stretch) => ({
    moment: momentText(stretch.from, report.duration),
    length: lengthText(stretch.to - stretch.from),
    stretch,
  }));
  const wide = Math.max(...rows.map(({ moment }) => moment.length));
  const long = Math.max(...rows.map(({ length }) => length.length));
  const shown = rows.map(({ moment, length, stretch }) => {
    const room = width - wide - long - 6;
    const words = showText(holdersText(stretch, one.first_held), room);
    const painted = isSilent(stretch)
      ? paint(words, "red")
      : isDouble(stretch)
      ? paint(words, "yellow")
      : words;
    return `  ${moment.padStart(wide)}  ${length.padStart(long)}  ${painted}`;
  });
  return [...shown, ...moreText(stretches.length - most, "more changes")];
}

function holdersText(stretch: Stretch, first: number | null): string {
  const { holders } = stretch;
  if (holders.length === 0) {
    return first === null || stretch.from < first ? "nobody yet" : "nobody: outage";
  }
  const names = holders.map(({ node, by, answers }) => {
    const notes = [
      ...(by === "lease" ? ["lease"] : []),
      ...(answers ? [] : ["cut off"]),
    ];
    return notes.length === 0 ? node : `${node} (${notes.join(", ")})`;
  });
  const who = names.join(" and ");
  if (isSilent(stretch)) return `${who}: outage`;
  return isDouble(stretch) ? `${who}: twice` : who;
}

function legendText(report: SimulationReport, { paint }: Drawing): string {
  if (report.addresses.length === 0) return "";
  const words = [`${HELD} held`, `${LEASE} by its lease alone`, `${UNREACHABLE} cut off`];
  return paint(`  ${words.join("  ")}  ! outage  2 twice`, "dim");
}

/** What it cost, address by address. */
function outagesText(
  report: SimulationReport,
  alike: readonly Alike[],
  { paint, width }: Drawing,
): string {
  if (report.addresses.length === 0) return "No virtual address was simulated.";
  const header = ["address", "first held", "outages", "longest", "total", "twice"];
  const cells = alike.map(({ one }) => [
    one.first_held === null ? "never" : momentText(one.first_held, report.duration),
    String(one.outages.length),
    lengthText(one.outage_longest),
    lengthText(one.outage_total),
    lengthText(one.double_total),
  ]);
  // Whatever the times need, addresses have what is left.
  const taken = header.slice(1).map((title, x) =>
    2 + cells.reduce((most, row) => Math.max(most, row[x]!.length), title.length)
  ).reduce((sum, wide) => sum + wide, 0);
  const names = shortNames(alike.map(nameOf), Math.max(8, width - taken));
  const rows = cells.map((row, i) => [names.get(nameOf(alike[i]!))!, ...row]);
  const all = [header, ...rows];
  const widths = header.map((_, x) => Math.max(...all.map((row) => row[x]!.length)));
  return all.map((row, y) => {
    const cells = row.map((cell, x) =>
      x === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[x]!)
    );
    const text = cells.map((cell, x) => {
      const bad = y > 0 && ((x === 0 || x === 5) ? false : rows[y - 1]![2] !== "0") && x >= 2;
      if (bad || (y > 0 && x === 1 && cell.trim() === "never")) return paint(cell, "red");
      return y > 0 && x === 5 && cell.trim() !== "0 s" ? paint(cell, "yellow") : cell;
    }).join("  ");
    return y === 0 ? paint(showText(text, width), "dim") : text;
  }).join("\n");
}
