/**
 * What the timeline and the picture have in common: who holds an address from when to when, and
 * times as people read them.
 *
 * @module
 */

import { escapeText, showText } from "../text/mod.ts";
import type { AddressReport, Holding, SimulationReport, Span } from "./report.ts";

const SECOND = 1_000_000;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;

/** A time in which nothing changed about an address. */
export interface Stretch extends Span {
  /** Who has it, in the order of the nodes. */
  readonly holders: readonly Holding[];
  /** Several may. */
  readonly shared: boolean;
}

/** Whether several hosts have it: what `doubles` tells. */
export function isDouble({ holders, shared }: Stretch): boolean {
  return !shared && new Set(holders.map(({ node }) => node)).size > 1;
}

/** Whether nobody answers. */
export function isSilent({ holders }: Stretch): boolean {
  return !holders.some(({ answers }) => answers);
}

/** One address from the beginning to the end: stretches without gaps between them. */
export function stretchesOf(report: SimulationReport, address: string): Stretch[] {
  const own = report.holdings.filter((one) => one.address === address && one.to > one.from);
  const shared = report.addresses.find((one) => one.address === address)?.shared === true;
  const order = new Map(report.nodes.map(({ name }, i) => [name, i] as const));
  const byNode = (a: Holding, b: Holding) => (order.get(a.node) ?? 0) - (order.get(b.node) ?? 0);
  const changes = new Map<number, { begun: Holding[]; ended: Holding[] }>();
  const changeAt = (at: number) => {
    const known = changes.get(at) ?? { begun: [], ended: [] };
    changes.set(at, known);
    return known;
  };
  changeAt(0);
  for (const one of own) {
    changeAt(one.from).begun.push(one);
    changeAt(one.to).ended.push(one);
  }
  const times = [...changes.keys()].filter((at) => at < report.duration).sort((a, b) => a - b);
  const holders = new Set<Holding>();
  const stretches: Stretch[] = [];
  for (const [i, from] of times.entries()) {
    const { begun, ended } = changes.get(from)!;
    for (const one of ended) holders.delete(one);
    for (const one of begun) holders.add(one);
    const to = times[i + 1] ?? report.duration;
    stretches.push({ from, to, holders: [...holders].sort(byNode), shared });
  }
  return stretches;
}

/** Addresses of one router that fared alike, as its addresses mostly do. */
export interface Alike {
  /** The first of them. */
  readonly one: AddressReport;
  /** How many others. */
  readonly others: number;
  readonly stretches: readonly Stretch[];
}

/** All addresses, those that fared alike together. */
export function addressesAlike(report: SimulationReport): Alike[] {
  const found = new Map<string, Alike>();
  for (const one of report.addresses) {
    const stretches = stretchesOf(report, one.address);
    const key = JSON.stringify([
      one.router,
      one.first_held,
      stretches.map(({ from, holders }) => [
        from,
        holders.map(({ node, by, answers }) => [node, by, answers]),
      ]),
    ]);
    const known = found.get(key);
    found.set(
      key,
      known === undefined ? { one, others: 0, stretches } : { ...known, others: known.others + 1 },
    );
  }
  return [...found.values()];
}

/** Such as `192.0.2.10 and 3 more`. */
export function nameOf({ one, others }: Alike): string {
  return others === 0 ? one.address : `${one.address} and ${others} more`;
}

/**
 * Names for little room, by the whole name: cut at their end, or in the middle where otherwise two
 * would be alike.
 *
 * @param room characters, 3 at least
 */
export function shortNames(names: readonly string[], room: number): Map<string, string> {
  const whole = [...new Set(names)];
  const short = whole.map((name) => showText(name, room));
  return new Map(whole.map((name, i) => {
    const own = short[i]!;
    const alike = short.some((other, j) => j !== i && other === own);
    return [name, alike ? cutWithin(escapeText(name), room) : own];
  }));
}

/** Leaves out what is in the middle. */
function cutWithin(text: string, room: number): string {
  if (text.length <= room) return text;
  const head = Math.floor((room - 1) / 2);
  const tail = room - 1 - head;
  // No half of a surrogate pair at either side.
  const begin = text.slice(0, head).replace(/[\ud800-\udbff]$/, "");
  const end = text.slice(-tail).replace(/^[\udc00-\udfff]/, "");
  return `${begin}…${end}`;
}

/** A length of time: `350 us`, `3.5 ms`, `3.711 s`, `2h 03m`, `12d 4h`. */
export function lengthText(micros: number): string {
  if (micros === 0) return "0 s";
  if (micros < 1000) return `${micros} us`;
  if (micros < 1_000_000) return `${trimmed(micros / 1000, micros < 100_000 ? 1 : 0)} ms`;
  if (micros < HOUR) return `${trimmed(micros / SECOND, 3)} s`;
  const minutes = Math.floor(micros / SECOND / 60);
  if (micros < DAY) return `${Math.floor(minutes / 60)}h ${pad(minutes % 60)}m`;
  const hours = Math.floor(minutes / 60) % 24;
  return `${Math.floor(micros / DAY)}d${hours === 0 ? "" : ` ${hours}h`}`;
}

/** A point in time, to the millisecond: `13.711 s`, `2:03:04.500`, `12d 02:03:04.500`. */
export function momentText(micros: number, duration: number): string {
  const millis = Math.round(micros / 1000);
  const seconds = millis / 1000;
  if (duration < HOUR) return `${seconds.toFixed(3)} s`;
  const rest = `${pad(Math.floor(seconds / 60) % 60)}:${
    (seconds % 60).toFixed(3).padStart(6, "0")
  }`;
  const hours = Math.floor(seconds / 3600);
  if (duration < DAY) return `${hours}:${rest}`;
  return `${Math.floor(hours / 24)}d ${pad(hours % 24)}:${rest}`;
}

/** Marks of an axis: at most `most` round times from 0 to the end, with their words. */
export function axisMarks(duration: number, most: number): { at: number; text: string }[] {
  const step = STEPS.find((one) => duration / one <= most) ??
    Math.ceil(duration / most / DAY) * DAY;
  const marks: { at: number; text: string }[] = [];
  for (let at = 0; at <= duration; at += step) marks.push({ at, text: markText(at, step) });
  return marks;
}

const STEPS: readonly number[] = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500].map((one) => one * 1000),
  ...[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800].map((one) => one * SECOND),
  ...[1, 2, 3, 6, 12, 24, 48, 24 * 7, 24 * 14, 24 * 30, 24 * 60].map((one) => one * HOUR),
];

function markText(at: number, step: number): string {
  if (at === 0) return "0";
  if (step < SECOND) return at < SECOND ? `${at / 1000}ms` : `${trimmed(at / SECOND, 3)}s`;
  if (step < 60 * SECOND) return `${at / SECOND}s`;
  if (step < HOUR) return `${at / 60 / SECOND}m`;
  return step < DAY ? `${at / HOUR}h` : `${at / DAY}d`;
}

function trimmed(value: number, digits: number): string {
  return value.toFixed(digits).replace(/\.?0+$/, (zeros) => zeros.startsWith(".") ? "" : zeros)
    .replace(/(\.\d*?)0+$/, "$1");
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
