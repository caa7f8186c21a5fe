/**
 * What happens where no script says so: all nodes start, then each dies in turn in the usual ways and
 * comes back, with enough time in between for everything to settle.
 *
 * @module
 */

import { leaseOf, refreshCost } from "../agent/lease_length.ts";
import { masterDownInterval } from "../vrrp/mod.ts";
import type { ScriptEvent } from "./action.ts";
import type { NodeSpec } from "./nodes.ts";
import { NO_SCRIPT, type Script } from "./script.ts";

const SECOND = 1_000_000;

/** For each node: stopped, killed, powered off, each time started again. */
export function defaultCourse(specs: readonly NodeSpec[]): Script {
  const calm = settlingTime(specs);
  const events: ScriptEvent[] = [];
  let at = calm;
  for (const { name: node } of specs) {
    for (const type of ["stop", "kill", "power_off"] as const) {
      events.push({ at, action: { type, node } });
      at += calm;
      events.push({ at, action: { type: "start", node } });
      at += calm;
    }
  }
  return { ...NO_SCRIPT, events, duration: at };
}

/** Whole seconds, in which all that an event causes should be over. */
function settlingTime(specs: readonly NodeSpec[]): number {
  const times = specs.flatMap(({ site }) => {
    const { startup_delay, delay_after_boot } = site.agent;
    const cost = refreshCost(site);
    return site.vrrp.map((vrrp) => {
      const { advertisement_interval, version, down_timer_adverts, preempt_delay } = vrrp;
      const down = masterDownInterval(1, advertisement_interval, version, down_timer_adverts);
      const lease = leaseOf(vrrp, cost) * SECOND;
      return Math.max(2 * down, lease) + preempt_delay + Math.max(startup_delay, delay_after_boot);
    });
  });
  return Math.ceil(Math.max(10 * SECOND, ...times.map((one) => 1.5 * one)) / SECOND) * SECOND;
}
