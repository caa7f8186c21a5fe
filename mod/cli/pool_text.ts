/**
 * Steps of health checks, trackers and virtual servers in a recording, in words.
 *
 * @module
 */

import type { BalanceChange, PoolEffect, PoolEvent } from "../balance/mod.ts";
import type { VerdictEffect } from "../check/mod.ts";
import type {
  CheckEvent,
  ScriptEffect,
  ScriptEvent,
  TrackersEffect,
  TrackersEvent,
} from "../record/types.ts";

const RESULTS = {
  passed: "passed",
  failed: "failed",
  void: "says nothing",
  unasked: "could not ask",
} as const;

export function verdictEventText(event: CheckEvent | ScriptEvent | TrackersEvent): string {
  switch (event.type) {
    case "outcome":
      return `${RESULTS[event.result]}, ${event.reason}`;
    case "result":
      return `${event.healthy ? "succeeded" : "failed"}, ${event.reason}`;
    case "found":
      return event.members.flat().map(({ kind, name, healthy, value }) =>
        `${kind} ${name} ${value === undefined ? healthy ? "healthy" : "failed" : `is ${value}`}`
      ).join(", ");
  }
}

export function verdictEffectText(effect: VerdictEffect | ScriptEffect | TrackersEffect): string {
  switch (effect.type) {
    case "state":
      return `→ ${effect.state}, ${effect.reason}`;
    case "flapping":
      return effect.flapping ? "flapping, it stays down" : "no longer flapping";
    case "warning":
      return `warning, ${effect.text}`;
    case "turned":
      return `→ ${effect.healthy ? "healthy" : "failed"}, ${effect.reason}`;
    case "judged": {
      const faults = effect.faults.flat();
      const added = `add ${effect.contribution} to the priority`;
      return faults.length === 0 ? added : `${added}, fault: ${faults.join(", ")}`;
    }
  }
}

export function poolEventText(event: PoolEvent): string {
  switch (event.type) {
    case "check": {
      const { check, health, reason } = event.finding;
      return `check ${check} is ${health}, ${reason}`;
    }
    case "holding":
      return `${event.holding} is ${event.held ? "held" : "not held"}`;
    case "order": {
      const { what, realServer } = event;
      const weight = what.order === "weight" ? ` ${what.weight ?? "configured"}` : "";
      return `${what.order}${weight} of ${realServer} by an operator`;
    }
    case "connections":
      return `counted, ${
        event.counts.map(({ realServer, active, inactive }) =>
          `${realServer} has ${active} active and ${inactive} others`
        ).join(", ")
      }`;
    case "timer":
      return "timer";
  }
}

/** undefined: something else says so, or it happens all the time. */
export function poolEffectText(effect: PoolEffect): string | undefined {
  switch (effect.type) {
    case "announce":
      return effect.announced ? "announces its addresses" : "withdraws its addresses";
    case "program": {
      const weights = Object.entries(effect.weights).map(([name, weight]) =>
        `${name} ${weight === null ? "out" : `weight ${weight}`}`
      );
      return `in the table ${effect.sorry ? "the sorry server" : "the real servers"}${
        weights.length === 0 ? "" : `, ${weights.join(", ")}`
      }`;
    }
    case "step":
      return changeText(effect.what);
    case "ordered":
      return effect.refused === null ? undefined : `refused, ${effect.refused}`;
    case "quorum":
    case "count":
      return undefined;
  }
}

function changeText(what: BalanceChange): string {
  switch (what.kind) {
    case "real_server":
      return `${what.realServer} → ${what.state}, ${what.reason}`;
    case "quorum":
      return `quorum ${what.met ? "met" : "lost"}, ${what.reason}`;
    case "active":
      return what.reason;
    case "drained":
      return `${what.realServer} is drained, ${what.connections} connections left`;
  }
}
