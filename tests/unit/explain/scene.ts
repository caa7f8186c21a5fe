/**
 * A virtual router that lives through something, with the status and the events that the agent makes
 * of it: the real machine, the real facts, the real document.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Fact } from "../../../mod/agent/flight/facts.ts";
import { routerFacts } from "../../../mod/agent/flight/facts.ts";
import { logFact } from "../../../mod/agent/flight/log_facts.ts";
import { buildStatus, type Status } from "../../../mod/control/status.ts";
import { NOTHING_WAITS } from "../control/status_fixtures.ts";
import { type FlightEvent, trimmed } from "../../../mod/events/mod.ts";
import { explain } from "../../../mod/explain/mod.ts";
import { Counters } from "../../../mod/plane/counters.ts";
import { Histogram } from "../../../mod/plane/histogram.ts";
import type { AddressReport, LogRecord } from "../../../mod/plane/messages.ts";
import type { ProtocolState, TrackerReport } from "../../../mod/plane/state.ts";
import { type Router, type RouterEvent, step } from "../../../mod/vrrp/mod.ts";
import { SECOND, timer } from "../vrrp/fixtures.ts";

const BASE = Date.parse("2026-11-22T07:00:00.000Z");

export function wallTime(micros: number): string {
  return new Date(BASE + micros / 1000).toISOString();
}

export class Scene {
  readonly router: Router;
  readonly events: FlightEvent[] = [];
  trackers: TrackerReport[] = [];
  stalls: { at: number; length: number }[] = [];
  repairs = 0;
  now: number;

  constructor(router: Router) {
    this.router = router;
    this.router.settings = { ...router.settings, name: "web" };
    this.now = router.since;
  }

  /** Something happened. */
  record(...facts: readonly (Fact | undefined)[]): void {
    for (const fact of facts) {
      assert.ok(fact !== undefined, "it is no event");
      const { at = this.now, folded: _, ...draft } = fact;
      const head = { time: wallTime(at), run: "1-a", seq: this.events.length + 1 };
      this.events.push({ ...head, ...trimmed(draft) });
    }
  }

  /** A plane, or control, writes a line of the log. */
  log(record: Omit<LogRecord, "type">): void {
    this.record(logFact({ type: "log", ...record }));
  }

  /** The machine gets an event. */
  apply(event: RouterEvent, at: number): void {
    this.now = at;
    const effects = step(this.router, event, at).map((effect, i) => ({ id: `p:${i}`, effect }));
    const head = { type: "step", id: "p:1", cause: null, at, router: "web" } as const;
    this.record(...routerFacts({ ...head, event, effects }));
    for (const { effect } of effects) {
      if (effect.type !== "notice") continue;
      this.log({ level: "warning", category: ["vrrp", "web"], message: effect.text });
    }
  }

  /** Its timer runs out. */
  fire(): void {
    const { timer: armed } = this.router;
    assert.ok(armed !== null);
    this.apply(timer(armed.generation), armed.at);
  }

  status(more: Partial<Status> = {}): Status {
    const state: ProtocolState = {
      type: "state",
      id: "p:9",
      cause: "c:1",
      at: this.now,
      trackers: [],
      routers: [{
        router: this.router,
        interface: "eth0",
        settings: this.router.settings,
        name: "web",
        group: null,
        trackers: this.trackers,
      }],
      groups: [],
      lateness: new Histogram().data(),
      stalls: this.stalls,
      interfaces: [],
      scheduling: { policy: "fifo", priority: 50 },
    };
    const agent = {
      version: "0.1.0",
      pid: 7,
      name: "edge-a",
      instance: null,
      protocol_number: 112,
      started: wallTime(-1_000 * SECOND),
      generation: 1,
      config: {
        path: "site.toml",
        loaded: wallTime(0),
        sha256: "00",
        last_reload: null,
        ...NOTHING_WAITS,
      },
      notifications: { fifos: [], mail: null },
      http: null,
      log: { level: "info" as const, levels: {}, ordered: [], targets: [] },
      snmp: null,
    };
    const report = { ...REPORT, repairs: this.repairs };
    const facts = () => ({ holding: undefined, report, counters: new Counters().read(0) });
    return { ...buildStatus(agent, state, facts, wallTime), ...more };
  }

  /** What `halb why` says a second later. */
  why(name = "web", more: Partial<Status> = {}): string {
    const now = BASE + this.now / 1000 + 1_000;
    const facts = { status: this.status(more), events: this.events, now };
    const found = explain(name, { ...facts, when: (time) => time.slice(11, 23) });
    return found.flatMap(({ sentences }) => sentences).join("\n");
  }
}

/** What the kernel plane reports of the router. */
export const REPORT: AddressReport = {
  type: "addresses",
  id: "k:1",
  cause: "p:1",
  router: "web",
  wanted: true,
  present: ["198.51.100.20"],
  failed: [],
  repairs: 0,
  announcements: 5,
};
