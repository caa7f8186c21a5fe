/**
 * Whether what was expected came to be.
 *
 * @module
 */

import { type Claim, type Expectation, FOREVER, type Limit, type When } from "./expectation.ts";
import type { AddressReport, ExpectationReport, SimulationReport, Span } from "./report.ts";
import { secondsText } from "./words.ts";

/** All of a report that does not depend on expectations. */
export type Outcome = Omit<SimulationReport, "expectations">;

export function judge(expectation: Expectation, outcome: Outcome): ExpectationReport {
  const { line, file, text } = expectation;
  const found = "claim" in expectation
    ? judgeClaim(expectation.claim, expectation.when, outcome)
    : judgeLimit(expectation.limit, expectation.within, outcome);
  return { line, ...(file === undefined ? {} : { file }), text, ...found };
}

type Judgement = Pick<ExpectationReport, "held" | "found">;

/** Of what lies after the end nobody knows: an expectation of it has not come to be. */
const ENDS_BEFORE: Judgement = { held: false, found: "the simulation ends before" };

function isBeyond({ from, to }: Span, duration: number): boolean {
  return from >= duration || (to !== FOREVER && to > duration);
}

/** What was the case for a while, in words, and whether that is what is claimed. */
interface Fact extends Span {
  readonly words: string;
  readonly so: boolean;
}

function judgeClaim(claim: Claim, when: When, outcome: Outcome): Judgement {
  const facts = factsOf(claim, outcome);
  const { duration } = outcome;
  if (when.type === "during") {
    const to = Math.min(when.to, duration);
    if (isBeyond(when, duration)) return ENDS_BEFORE;
    const wrong = facts.find((one) => !one.so && one.from < to && one.to > when.from);
    if (wrong === undefined) return { held: true, found: "all the time" };
    const since = Math.max(wrong.from, when.from);
    return { held: false, found: `${wrong.words} at ${secondsText(since)}` };
  }
  if (when.at > duration) return ENDS_BEFORE;
  const now = facts.find(({ from, to }) =>
    from <= when.at && (when.at < to || (to === duration && when.at === duration))
  )!;
  if (when.type === "at" || !now.so) return { held: now.so, found: now.words };
  // It has become so: since when?
  const first = facts.slice(0, facts.indexOf(now) + 1).toReversed();
  const before = first.find(({ so }) => !so);
  const since = before === undefined ? 0 : before.to;
  return { held: true, found: `since ${secondsText(since)}` };
}

/** How it was from the beginning to the end, without a gap. */
function factsOf(claim: Claim, outcome: Outcome): Fact[] {
  switch (claim.type) {
    case "held_by": {
      const spans = outcome.holdings.filter(({ address }) => address === claim.address);
      return slices(spans, outcome.duration).map(({ from, to, those }) => {
        const holders = [...new Set(those.map(({ node }) => node))];
        const silent = those.some(({ answers }) => !answers) && holders.length === 1;
        const words = holders.length === 0
          ? "held by nobody"
          : `held by ${holders.join(" and ")}${silent ? ", which clients do not reach" : ""}`;
        const so = claim.node === null
          ? holders.length === 0
          : holders.length === 1 && holders[0] === claim.node && !silent;
        return { from, to, words, so };
      });
    }
    case "router_state":
    case "session_state": {
      const { node, name } = claim;
      const spans: readonly (Span & { readonly state: string })[] = claim.type === "router_state"
        ? outcome.states.filter((one) => one.node === node && one.router === name)
        : outcome.sessions.filter((one) => one.node === node && one.session === name);
      return slices(spans, outcome.duration).map(({ from, to, those }) => {
        const state = those[0]?.state;
        return { from, to, words: state ?? `${node} does not run`, so: state === claim.state };
      });
    }
    case "in_service": {
      const spans = outcome.servers.filter((one) =>
        one.server === claim.server && (claim.node === null || one.node === claim.node) &&
        (claim.virtualServer === null || one.virtual_server === claim.virtualServer)
      );
      return slices(spans, outcome.duration).map(({ from, to, those }) => {
        const wrong = those.find((one) => one.in_service !== claim.inService);
        const so = those.length > 0 && wrong === undefined;
        const of = wrong ?? those[0];
        const words = of === undefined
          ? "nobody balances"
          : `${of.in_service ? "in service" : "not in service"} on ${of.node}: ${of.reason}`;
        return { from, to, words, so };
      });
    }
  }
}

/** The time from 0 to the end, cut wherever any of the spans begins or ends. */
export function slices<T extends Span>(
  spans: readonly T[],
  end: number,
): (Span & { readonly those: readonly T[] })[] {
  const cuts = [...new Set([0, end, ...spans.flatMap(({ from, to }) => [from, to])])]
    .filter((one) => one >= 0 && one <= end).sort((a, b) => a - b);
  // Spans of one holder do not overlap, so there are few that are open at a time.
  const sorted = spans.toSorted((a, b) => a.from - b.from);
  const open: T[] = [];
  let next = 0;
  return cuts.slice(0, -1).map((from, i) => {
    while (next < sorted.length && sorted[next]!.from <= from) open.push(sorted[next++]!);
    for (let j = open.length - 1; j >= 0; j--) if (open[j]!.to <= from) open.splice(j, 1);
    return { from, to: cuts[i + 1]!, those: [...open] };
  });
}

/** Spans that touch, as one. @param spans in order of time */
export function touching(spans: readonly Span[]): Span[] {
  const result: { from: number; to: number }[] = [];
  for (const { from, to } of spans) {
    const last = result.at(-1);
    if (last?.to === from) last.to = to;
    else result.push({ from, to });
  }
  return result;
}

/** @param stretch null: from when the address was first held to the end */
function judgeLimit(
  { type, address, most }: Limit,
  stretch: Span | null,
  outcome: Outcome,
): Judgement {
  if (stretch !== null && isBeyond(stretch, outcome.duration)) return ENDS_BEFORE;
  const within = stretch ?? { from: 0, to: FOREVER };
  const addresses = outcome.addresses.filter((one) => address === null || one.address === address);
  let worst = { length: -1, of: "", from: 0 };
  let total = 0;
  for (const one of addresses) {
    for (const span of spansOf(type, one, stretch !== null, outcome.duration)) {
      const from = Math.max(span.from, within.from);
      const length = Math.min(span.to, within.to) - from;
      if (length <= 0) continue;
      total += length;
      if (length > worst.length) worst = { length, of: one.address, from };
    }
  }
  const kind = type === "double" ? "double holding" : "outage";
  if (worst.length < 0) return { held: true, found: `no ${kind}` };
  if (type === "outage_total") {
    return { held: total <= most, found: `${secondsText(total)} in all` };
  }
  const of = address === null ? `${worst.of}: ` : "";
  const since = secondsText(worst.from);
  return {
    held: worst.length <= most,
    found: `${of}${secondsText(worst.length)} from ${since} on`,
  };
}

/**
 * An address that nobody ever held was out all the time.
 *
 * @param early the time before an address was first held counts, too: somebody said of which time
 */
function spansOf(
  type: Limit["type"],
  { doubles, outages, first_held }: AddressReport,
  early: boolean,
  duration: number,
): readonly Span[] {
  // One pair of nodes may follow another without a moment in between.
  if (type === "double") return touching(doubles);
  if (first_held === null) return [{ from: 0, to: duration }];
  return early && first_held > 0 ? [{ from: 0, to: first_held }, ...outages] : outages;
}
