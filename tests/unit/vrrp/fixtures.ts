/**
 * Routers in every state, for the tests of the machine, and a table that compares whole lists of
 * effects. Numbers used throughout: interval 1 s and priority 100, hence skew 609,375 µs and
 * master-down interval 3,609,375 µs.
 */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import {
  type Advertisement,
  createRouter,
  type Micros,
  type Router,
  type RouterEffect,
  type RouterEvent,
  type RouterSettings,
  type RouterStateName,
  step,
  USUAL_ELECTION,
} from "../../../mod/vrrp/mod.ts";

export const SECOND: Micros = 1_000_000;
export const SKEW: Micros = 609_375;
export const MASTER_DOWN: Micros = 3_609_375;
export const OURS = "198.51.100.10";
export const LOWER = "198.51.100.9";
export const HIGHER = "198.51.100.11";

export function settings(changed: Partial<RouterSettings> = {}): RouterSettings {
  return {
    name: "web",
    version: 3,
    family: "ipv4",
    version2: false,
    virtualRouterId: 51,
    priority: 100,
    advertisementInterval: SECOND,
    addresses: ["192.0.2.10"],
    preempt: true,
    ...USUAL_ELECTION,
    checksum: "auto",
    ...changed,
  };
}

export function advert(changed: Partial<Advertisement> = {}): RouterEvent {
  return {
    type: "advertisement",
    advertisement: {
      version: 3,
      source: HIGHER,
      virtualRouterId: 51,
      priority: 100,
      interval: SECOND,
      addresses: ["192.0.2.10"],
      checksum: "rfc5798",
      ...changed,
    },
  };
}

export function health(contribution = 0, source: string | null = OURS): RouterEvent {
  return { type: "health", waitingFor: [], contribution, source };
}

export function unhealthy(...reasons: string[]): RouterEvent {
  const waitingFor = reasons.length > 0 ? reasons : ["eth0 is down"];
  return { type: "health", waitingFor, contribution: 0, source: OURS };
}

export function timer(generation: number): RouterEvent {
  return { type: "timer", generation };
}

/** Not started. */
export function initial(changed: Partial<RouterSettings> = {}): Router {
  return createRouter(settings(changed), 0);
}

/** Healthy since 0 and waiting (timer 1), or, where it owns the addresses, master. */
export function started(changed: Partial<RouterSettings> = {}): Router {
  const router = initial(changed);
  step(router, health(), 0);
  return router;
}

/** Master since its master-down timer ran out; timer 2 is the next advert. */
export function master(changed: Partial<RouterSettings> = {}): Router {
  const router = started(changed);
  if (router.state === "backup") step(router, timer(1), router.timer!.at);
  strictEqual(router.state, "master");
  return router;
}

/** In fault since 0: it never was healthy. */
export function faulty(changed: Partial<RouterSettings> = {}): Router {
  const router = initial(changed);
  step(router, unhealthy(), 0);
  return router;
}

/** Resigned at 4 s, still answering; timer 3 ends that. */
export function releasing(changed: Partial<RouterSettings> = {}): Router {
  const router = master(changed);
  step(router, { type: "stop", now: false }, 4 * SECOND);
  return router;
}

/** Does the steps before the one that counts. */
export function after(
  router: Router,
  ...steps: readonly (readonly [Micros, RouterEvent])[]
): Router {
  for (const [at, event] of steps) step(router, event, at);
  return router;
}

export function setTimer(
  name: "advertisement" | "master_down" | "release",
  generation: number,
  at: Micros,
): RouterEffect {
  return { type: "set_timer", name, generation, at };
}

export function transition(
  from: RouterStateName,
  to: RouterStateName,
  reason: string,
): RouterEffect {
  return { type: "transition", from, to, reason };
}

export const CANCEL: RouterEffect = { type: "cancel_timer" };
export const DROP: RouterEffect = { type: "drop" };
export const ANNOUNCE: RouterEffect = { type: "announce" };
export const STOPPED: RouterEffect = { type: "stopped" };

export function hold(epoch: number): RouterEffect {
  return { type: "hold", epoch };
}

export function send(priority: number): RouterEffect {
  return { type: "send", priority };
}

/** One rule: from here, this happens, exactly that comes of it. */
export interface Row {
  /** `[id] what the rule says`. */
  readonly rule: string;
  readonly given: () => Router;
  readonly event: RouterEvent;
  readonly at: Micros;
  readonly effects: readonly RouterEffect[];
  readonly state: RouterStateName;
  /** What else the router must remember afterwards. */
  readonly memory?: Partial<Router>;
}

/** One test for each row. */
export function testRows(rows: readonly Row[]): void {
  for (const row of rows) {
    Deno.test(row.rule, () => {
      const router = row.given();
      deepStrictEqual(step(router, row.event, row.at), row.effects);
      strictEqual(router.state, row.state);
      for (const [key, value] of Object.entries(row.memory ?? {})) {
        deepStrictEqual(router[key as keyof Router], value, key);
      }
    });
  }
}
