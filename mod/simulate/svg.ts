/**
 * A simulation as one picture (SVG) that needs nothing else: lanes by address and node, failures as
 * marks with their words, outages red, double holding purple. Light or dark as the reader's system
 * is. Whatever names are in it, it is well-formed XML without a script.
 *
 * @module
 */

import { showText } from "../text/mod.ts";
import type { AddressReport, FailureReport, Holding, SimulationReport, Span } from "./report.ts";
import {
  addressesAlike,
  type Alike,
  axisMarks,
  lengthText,
  momentText,
  nameOf,
  shortNames,
} from "./spans.ts";
import { STYLE } from "./svg_style.ts";

const WIDTH = 1000;
/** Where the strips begin, and end. */
const LEFT = 150;
const RIGHT = 970;
/** Characters of a name before its strip. */
const LABEL = 14;
const LANE = 22;
const BAR = 14;
/** Rows for the words of failures; what finds no room is told by its mark alone. */
const ROWS = 8;
const ROW = 16;
/** What went wrong is seen, however short. */
const LEAST = 2;

/** Draws it. */
export function simulationSvg(report: SimulationReport): string {
  const drawing = new Drawing(report);
  drawing.draw();
  return drawing.text();
}

/** Text as XML has it; characters that XML cannot have are shown as escapes. */
function xml(text: string, limit = 200): string {
  return showText(text, limit)
    .replace(
      /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|[\ufffe\uffff]/g,
      "\ufffd",
    )
    .replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);
}

/** At most so many pixels wide, whichever of the usual fonts a reader has, at 11 pixels. */
function widthOf(text: string): number {
  let width = 0;
  for (const letter of text) {
    if (/[mwMW@%\u0100-\u{10ffff}]/u.test(letter)) width += 11.2;
    else if (/[A-Z&#+=<>_]/.test(letter)) width += 9.3;
    else if (/[ijl.,:;'|()! -]/.test(letter)) width += 4.6;
    else width += 7.1;
  }
  return width;
}

function number(value: number): string {
  return String(Math.round(value * 100) / 100);
}

class Drawing {
  readonly #report: SimulationReport;
  /** What is drawn first, then, and over all of it. */
  readonly #behind: string[] = [];
  readonly #parts: string[] = [];
  readonly #front: string[] = [];
  readonly #labels: ReadonlyMap<string, string>;
  #y = 0;

  constructor(report: SimulationReport) {
    this.#report = report;
    this.#labels = shortNames(report.nodes.map(({ name }) => name), LABEL);
  }

  draw(): void {
    const report = this.#report;
    this.#y = 30;
    this.#words(20, this.#y, titleOf(report), "title");
    this.#y += 12;
    const marks = this.#failures();
    const top = this.#y;
    for (const one of addressesAlike(report)) this.#address(one);
    if (report.addresses.length === 0) {
      this.#y += 30;
      this.#words(20, this.#y, "No virtual address was simulated.", "note");
    }
    this.#y += 10;
    this.#axis(top);
    // A line through all lanes from each failure's words, below other words alone.
    for (const { at, from } of marks) {
      const x = number(this.#x(at));
      this.#parts.push(
        `<line class="mark" x1="${x}" x2="${x}" y1="${from}" y2="${number(this.#y)}"/>`,
      );
    }
    this.#y += 36;
    this.#legend();
    this.#y += 18;
  }

  text(): string {
    const height = number(this.#y);
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" ` +
      `width="${WIDTH}" height="${height}" role="img" aria-labelledby="title desc">\n` +
      `<title id="title">${xml(titleOf(this.#report))}</title>\n` +
      `<desc id="desc">${xml(descriptionOf(this.#report), 4000)}</desc>\n` +
      `<style>${STYLE}</style>\n` +
      `<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" ` +
      `patternTransform="rotate(45)"><rect class="lease-ground" width="6" height="6"/>` +
      `<rect class="lease-line" width="3" height="6"/></pattern></defs>\n` +
      `<rect class="ground" width="${WIDTH}" height="${height}"/>\n` +
      `${[...this.#behind, ...this.#parts, ...this.#front].join("\n")}\n</svg>\n`;
  }

  #x(at: number): number {
    return LEFT + (at / Math.max(1, this.#report.duration)) * (RIGHT - LEFT);
  }

  #words(x: number, y: number, text: string, kind: string, limit = 200): void {
    this.#front.push(
      `<text class="${kind}" x="${number(x)}" y="${number(y)}">${xml(text, limit)}</text>`,
    );
  }

  /** The words of what failed, above the lanes, where none covers another. */
  #failures(): { at: number; from: string }[] {
    const { failures, duration } = this.#report;
    const free = new Array<number>(ROWS).fill(0);
    const marks: { at: number; from: string }[] = [];
    let rows = 0;
    for (const failure of failures) {
      if (failure.at > duration) continue;
      const x = this.#x(failure.at);
      const text = showText(failure.text, 40);
      const long = widthOf(text) + 10;
      // At the right edge words stand left of their mark.
      const start = Math.min(x, WIDTH - long);
      const row = free.findIndex((end) => end <= start);
      const y = this.#y + (row < 0 ? ROWS : row + 1) * ROW;
      if (row >= 0) {
        free[row] = Math.max(x, start + long) + 6;
        rows = Math.max(rows, row + 1);
        this.#failure(failure, x, start, y, text);
      }
      marks.push({ at: failure.at, from: number(row < 0 ? this.#y + ROWS * ROW : y - 2) });
    }
    this.#y += rows * ROW + 6;
    return marks;
  }

  #failure({ at, text }: FailureReport, x: number, start: number, y: number, short: string): void {
    const told = `${momentText(at, this.#report.duration)}: ${text}`;
    this.#parts.push(
      `<g><title>${xml(told)}</title><circle class="dot" cx="${number(x)}" cy="${
        number(y - 4)
      }" r="3"/>` +
        `<text class="failure" x="${number(start + 6)}" y="${number(y)}">${xml(short)}</text></g>`,
    );
  }

  #address(alike: Alike): void {
    const report = this.#report;
    const { one } = alike;
    const router = report.routers[one.router];
    const where = router === undefined
      ? ""
      : ` · ${router.name}, id ${router.virtual_router_id} on ${router.network}`;
    this.#y += 26;
    this.#words(20, this.#y, `${nameOf(alike)}${where} · ${fateOf(one)}`, "address", 122);
    this.#y += 8;
    const members = router?.nodes.map(({ node }) => node) ?? [];
    const held = report.holdings.filter(({ address }) => address === one.address);
    for (const { name } of report.nodes) {
      const own = held.filter(({ node }) => node === name);
      if (own.length === 0 && !members.includes(name)) continue;
      this.#lane(name, own);
    }
    this.#clients(one);
  }

  #lane(name: string, holdings: readonly Holding[]): void {
    const y = this.#y + (LANE - BAR) / 2;
    this.#words(36, y + BAR - 3, this.#labels.get(name)!, "node");
    this.#bar("lane", 0, this.#report.duration, y, BAR);
    const node = this.#report.nodes.find((one) => one.name === name);
    for (const off of node?.off ?? []) {
      this.#bar("off", off.from, off.to, y, BAR, `${name} is off`);
    }
    for (const stall of node?.stalled ?? []) {
      this.#bar("stall", stall.from, stall.to, y + BAR, 3, `the agent of ${name} stands still`);
    }
    for (const one of joined(holdings, (RIGHT - LEFT) / Math.max(1, this.#report.duration))) {
      const kind = !one.answers ? "away" : one.by === "lease" ? "lease" : "held";
      const what = {
        away: "has the address, cut off from clients,",
        lease: "keeps the address by its lease alone",
        held: "holds the address",
      }[kind];
      this.#bar(kind, one.from, one.to, y, BAR, `${name} ${what} ${this.#times(one)}`);
    }
    this.#y += LANE;
  }

  /** What clients notice: nobody answers, or two do. */
  #clients({ outages, doubles }: AddressReport): void {
    if (outages.length === 0 && doubles.length === 0) return;
    const y = this.#y + (LANE - BAR) / 2;
    this.#words(36, y + BAR - 3, "clients", "note");
    let free = 0;
    const scale = (RIGHT - LEFT) / Math.max(1, this.#report.duration);
    const all = [
      ...gathered(doubles, scale).map((one) => ({ one, kind: "double", what: "held twice" })),
      ...gathered(outages, scale).map((one) => ({ one, kind: "outage", what: "nobody answers" })),
    ].sort((a, b) => a.one.from - b.one.from);
    for (const { one, kind, what } of all) {
      const often = one.count === 1
        ? what
        : `${what} ${one.count} times, ${lengthText(one.total)} in all,`;
      this.#bar(kind, one.from, one.to, y, BAR, `${often} ${this.#times(one)}`);
    }
    for (const { one, kind } of all) {
      const text = lengthText(one.total);
      const x = this.#x(one.from);
      if (x < free || x + widthOf(text) > WIDTH) continue;
      this.#words(x, y + BAR + 11, text, `${kind}-words`);
      free = x + widthOf(text) + 8;
    }
    this.#y += LANE + 10;
  }

  #times({ from, to }: { readonly from: number; readonly to: number }): string {
    const moment = (at: number) => momentText(at, this.#report.duration);
    return `from ${moment(from)} to ${moment(to)} (${lengthText(to - from)})`;
  }

  #bar(kind: string, from: number, to: number, y: number, height: number, told?: string): void {
    const x = this.#x(from);
    const wide = Math.max(this.#x(Math.min(to, this.#report.duration)) - x, LEAST);
    const shape = `<rect class="${kind}" x="${number(x)}" y="${number(y)}" width="${
      number(wide)
    }" height="${height}"`;
    this.#parts.push(
      told === undefined ? `${shape}/>` : `${shape}><title>${xml(told, 300)}</title></rect>`,
    );
  }

  #axis(top: number): void {
    const y = number(this.#y);
    this.#behind.push(`<line class="axis" x1="${LEFT}" x2="${RIGHT}" y1="${y}" y2="${y}"/>`);
    for (const { at, text } of axisMarks(this.#report.duration, 12)) {
      const x = number(this.#x(at));
      this.#behind.push(
        `<line class="tick" x1="${x}" x2="${x}" y1="${number(top)}" y2="${y}"/>`,
        `<text class="time" x="${x}" y="${number(this.#y + 16)}">${text}</text>`,
      );
    }
  }

  #legend(): void {
    const entries = [
      ["held", "held"],
      ["lease", "kept by its lease alone"],
      ["away", "cut off from clients"],
      ["off", "host off"],
      ["outage", "outage"],
      ["double", "held twice"],
    ] as const;
    let x = LEFT;
    for (const [kind, text] of entries) {
      this.#parts.push(
        `<rect class="${kind}" x="${number(x)}" y="${
          number(this.#y - 10)
        }" width="14" height="10"/>`,
      );
      this.#words(x + 20, this.#y - 1, text, "note");
      x += 20 + widthOf(text) + 18;
    }
  }
}

/** Without what is too short to be told from what stands beside it. */
function joined(holdings: readonly Holding[], scale: number): Holding[] {
  const result: Holding[] = [];
  for (const one of holdings.toSorted((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    const alike = last !== undefined && last.by === one.by && last.answers === one.answers;
    if (alike && (one.from - last.to) * scale < 0.2) {
      result[result.length - 1] = { ...last, to: Math.max(last.to, one.to) };
    } else result.push(one);
  }
  return result;
}

/** Spans that are too near to each other to be told apart, as one; in order of time. */
function gathered(
  spans: readonly Span[],
  scale: number,
): (Span & { readonly count: number; readonly total: number })[] {
  const result: { from: number; to: number; count: number; total: number }[] = [];
  for (const { from, to } of spans) {
    const last = result.at(-1);
    if (last !== undefined && (from - last.to) * scale < 0.2) {
      last.to = to;
      last.count++;
      last.total += to - from;
    } else result.push({ from, to, count: 1, total: to - from });
  }
  return result;
}

function fateOf(
  { outages, outage_total, outage_longest, double_total, first_held }: AddressReport,
) {
  if (first_held === null) return "never held";
  const words = outages.length === 0
    ? ["no outage"]
    : outages.length === 1
    ? [`one outage of ${lengthText(outage_total)}`]
    : [
      `${outages.length} outages, ${lengthText(outage_total)} in all, ` +
      `the longest ${lengthText(outage_longest)}`,
    ];
  if (double_total > 0) words.push(`held twice for ${lengthText(double_total)}`);
  return words.join(", ");
}

function titleOf({ nodes, duration }: SimulationReport): string {
  const names = nodes.map(({ name }) => name).join(", ");
  return `halb simulate: ${showText(names, 80)}, ${lengthText(duration)}`;
}

/** The picture in words, for who cannot see it. */
function descriptionOf(report: SimulationReport): string {
  const failures = report.failures.map(({ at, text }) =>
    `${momentText(at, report.duration)}: ${text}`
  );
  return [
    ...addressesAlike(report).map((alike) => `${nameOf(alike)}: ${fateOf(alike.one)}.`),
    ...(failures.length === 0 ? [] : [`What happened: ${failures.join("; ")}.`]),
  ].join(" ");
}
