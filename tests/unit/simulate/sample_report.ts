/** A simulation as it could have been: what the timeline and the picture are tried on. */

import type {
  AddressReport,
  Holding,
  SimulationReport,
  Span,
} from "../../../mod/simulate/report.ts";

const SECOND = 1_000_000;
export const VIP = "192.0.2.10";

/** Sums up what the spans of an address say. */
export function addressReport(
  address: string,
  first_held: number | null,
  outages: readonly Span[],
  doubles: readonly Span[],
  nodes: readonly string[],
): AddressReport {
  const lengths = (spans: readonly Span[]) => spans.map(({ from, to }) => to - from);
  const sum = (spans: readonly Span[]) => lengths(spans).reduce((a, b) => a + b, 0);
  const longest = (spans: readonly Span[]) => lengths(spans).reduce((a, b) => Math.max(a, b), 0);
  return {
    address,
    router: 0,
    first_held,
    outages,
    outage_total: sum(outages),
    outage_longest: longest(outages),
    shared: false,
    doubles: doubles.map((one) => ({ ...one, nodes })),
    double_total: sum(doubles),
    double_longest: longest(doubles),
  };
}

/**
 * a holds from 3.609 s, is killed at 10 s, its lease lasts until 15 s, b holds from 13.109 s; at
 * 20 s the host of b loses its power; a, that has been started at 16 s, holds from 23.609 s.
 */
export function sampleReport(
  [a, b]: readonly [string, string] = ["a", "b"],
  more: Partial<SimulationReport> = {},
): SimulationReport {
  const held = (
    node: string,
    from: number,
    to: number,
    by: Holding["by"] = "router",
    answers = true,
  ): Holding => ({
    address: VIP,
    node,
    interface: "eth0",
    from: from * SECOND,
    to: to * SECOND,
    by,
    answers,
  });
  const node = (name: string, running: readonly Span[], off: readonly Span[] = []) => ({
    name,
    file: "site.toml",
    running,
    stalled: [],
    off,
  });
  const span = (from: number, to: number): Span => ({ from: from * SECOND, to: to * SECOND });
  return {
    format: 1,
    seed: 1,
    duration: 30 * SECOND,
    nodes: [
      node(a, [span(0, 10), span(16, 30)]),
      node(b, [span(0, 20)], [span(20, 30)]),
    ],
    networks: [{ name: "eth0", members: [`${a}:eth0`, `${b}:eth0`] }],
    routers: [{
      name: "web",
      network: "eth0",
      virtual_router_id: 51,
      family: "ipv4",
      group: null,
      addresses: [VIP],
      nodes: [
        { node: a, router: "web", priority: 150 },
        { node: b, router: "web", priority: 100 },
      ],
    }],
    holdings: [
      held(a, 3.609, 10),
      held(a, 10, 15, "lease"),
      held(a, 23.609, 30),
      held(b, 13.109, 20),
    ],
    states: [],
    sessions: [],
    trackers: [],
    servers: [],
    failures: [
      { at: 10 * SECOND, text: `kill ${a}`, action: "kill", node: a },
      { at: 16 * SECOND, text: `start ${a}`, action: "start", node: a },
      { at: 20 * SECOND, text: `power off ${b}`, action: "power_off", node: b },
    ],
    addresses: [
      addressReport(VIP, 3.609 * SECOND, [span(20, 23.609)], [span(13.109, 15)], [a, b]),
    ],
    expectations: [
      { line: 12, text: `${VIP} is held by ${b} at 14 s`, held: true, found: `held by ${b}` },
      { line: 17, text: `no outage of ${VIP} above 3 s`, held: false, found: "3.609 s" },
    ],
    not_simulated: [],
    work: { steps: 100, packets: 50, lost: 0, skipped: 0 },
    ...more,
  };
}

/** An address that a loses for a moment `times` times, evenly over the time. */
export function flappingReport(times: number): SimulationReport {
  const duration = times * SECOND;
  const holdings = Array.from({ length: times }, (_, i): Holding => ({
    address: VIP,
    node: "a",
    interface: "eth0",
    from: i * SECOND,
    to: (i + 0.9) * SECOND,
    by: "router",
    answers: true,
  }));
  const outages = holdings.map(({ from, to }) => ({ from: to, to: from + SECOND }));
  return sampleReport(["a", "b"], {
    duration,
    holdings,
    addresses: [addressReport(VIP, 0, outages, [], ["a", "b"])],
  });
}
