/**
 * The forms that VRRP takes, and simulated LANs of each: what holds for elections must hold for all
 * of them. In the mixed form version 3 routers that also talk to version 2 routers (RFC 9568
 * section 8.4) live beside such routers.
 */

import { masterDownInterval, type Micros, type RouterSettings } from "../../../mod/vrrp/mod.ts";
import type { Random } from "../../lib/random.ts";
import { longestMasterDown, Network, type Node } from "../../lib/virtual_time.ts";
import { settings } from "./fixtures.ts";

export interface Form {
  readonly name: string;
  /** Intervals to choose from; in the mixed form those of the version 3 routers. */
  readonly intervals: readonly Micros[];
  /** What node `i` speaks. */
  readonly speaks: (i: number) => Partial<RouterSettings>;
  /** Address of host `n`, 1 to 255; higher for higher numbers. */
  readonly source: (n: number) => string;
}

const ipv4 = (n: number) => `198.51.100.${n}`;
const V2 = { version: 2 } as const;
const BOTH = { version: 3, version2: true } as const;
const IPV6 = { family: "ipv6", addresses: ["fe80::100", "2001:db8::100"] } as const;

export const MIXED: Form = {
  name: "v3 beside v2",
  intervals: [100_000, 500_000, 1_000_000, 1_500_000],
  speaks: (i) => i % 2 === 0 ? V2 : BOTH,
  source: ipv4,
};

export const FORMS: readonly Form[] = [
  {
    name: "v3 IPv4",
    intervals: [10_000, 100_000, 1_000_000],
    speaks: () => ({}),
    source: ipv4,
  },
  {
    name: "v3 IPv6",
    intervals: [10_000, 100_000, 1_000_000],
    speaks: () => IPV6,
    source: (n) => `fe80::${n.toString(16)}`,
  },
  {
    name: "v2 IPv4",
    intervals: [1_000_000, 2_000_000, 3_000_000],
    speaks: () => V2,
    source: ipv4,
  },
  MIXED,
];

/** Settings of node `i`: priority 100 and 1 s, or as changed. */
export function nodeSettings(
  form: Form,
  i: number,
  changed: Partial<RouterSettings> = {},
): RouterSettings {
  return settings({ ...form.speaks(i), ...changed });
}

/** One test for each form. */
export function forForms(name: string, body: (form: Form) => void): void {
  for (const form of FORMS) Deno.test(`${name} (${form.name})`, () => body(form));
}

export interface Lan {
  readonly network: Network;
  readonly nodes: readonly Node[];
  /** I: the longest advertisement interval. */
  readonly interval: Micros;
  /** D: the longest time under way. */
  readonly longest: Micros;
}

export interface LanOptions {
  readonly count?: number;
  readonly priority?: (random: Random, i: number) => number;
  readonly preempt?: boolean;
  /**
   * Higher priorities take over first. Not so in the mixed form above one second, where version 3
   * has longer skews than version 2.
   */
  readonly ranked?: boolean;
  /** Longest delay and jitter each, as a part of the shortest interval. */
  readonly delay?: number;
}

export function lan(random: Random, form: Form, options: LanOptions = {}): Lan {
  const network = new Network(random);
  const mixed = form.name === MIXED.name;
  const ranked = mixed && options.ranked === true;
  const own = random.pick(form.intervals.filter((one) => !ranked || one <= 1_000_000));
  const count = options.count ?? random.int(2, 5);
  const priorities = Array.from(
    { length: count },
    (_, i) => options.priority?.(random, i) ?? random.int(1, 254),
  );
  const lowest = priorities.indexOf(Math.min(...priorities));
  let interval = own;
  priorities.forEach((priority, i) => {
    // "Should not be given a higher priority" (RFC 9568 section 8.4.3): beside sub-second intervals
    // only the last in line speaks version 2.
    const fast = mixed && own < 1_000_000;
    const speaks = fast ? (i === lowest ? V2 : BOTH) : form.speaks(i);
    const seconds = Math.ceil(own / 1_000_000) * 1_000_000;
    const advertisementInterval = speaks.version === 2 ? seconds : own;
    interval = Math.max(interval, advertisementInterval);
    const preempt = options.preempt ?? random.chance(0.7);
    network.add(
      nodeSettings(form, i, { ...speaks, priority, preempt, advertisementInterval }),
      form.source(i + 1),
    );
  });
  const most = Math.floor(own * (options.delay ?? 0.02));
  network.wire.delay = random.int(1, most);
  network.wire.jitter = random.int(0, most);
  const longest = network.wire.delay + network.wire.jitter;
  return { network, nodes: network.nodes, interval, longest };
}

/** After so long without new disturbance there is one master and it stays. */
export function settling({ nodes, interval, longest }: Lan): Micros {
  return longestMasterDown(nodes) + 2 * interval + 4 * longest;
}

export function settle(one: Lan): void {
  one.network.run(one.network.now + settling(one));
}

export function transitions(nodes: readonly Node[]): number[] {
  return nodes.map((node) => node.router.transitions);
}

/** How long this backup waits for the master it knows. */
export function masterDownOf({ router }: Node): Micros {
  const { priority, version, downAdverts } = router.settings;
  return masterDownInterval(priority, router.masterInterval, version, downAdverts);
}
