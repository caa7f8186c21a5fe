/**
 * Steps of a recording in words.
 *
 * @module
 */

import type { SessionEffect, SessionEvent } from "../bfd/mod.ts";
import type { Replayed } from "../record/mod.ts";
import type { GroupEffect, GroupEvent, RouterEffect, RouterEvent } from "../vrrp/mod.ts";
import { poolEffectText, poolEventText, verdictEffectText, verdictEventText } from "./pool_text.ts";

/** What happened, and what the machine did about it. */
export function stepText(step: Replayed): string {
  const done = step.decision.flatMap((one) => effectText(one) ?? []);
  return `${inputText(step)}${done.length === 0 ? "" : `: ${done.join("; ")}`}`;
}

function inputText(step: Replayed): string {
  switch (step.kind) {
    case "router":
    case "group":
      return eventText(step.input);
    case "bfd":
      return sessionEventText(step.input);
    case "check":
    case "script":
    case "trackers":
      return verdictEventText(step.input);
    case "virtual_server":
      return poolEventText(step.input);
  }
}

function eventText(event: RouterEvent | GroupEvent): string {
  switch (event.type) {
    case "member":
      return `${event.name}, ${eventText(event.event)}`;
    case "advertisement": {
      const { source, priority } = event.advertisement;
      return priority === 0
        ? `${source} resigns`
        : `advertisement from ${source}, priority ${priority}`;
    }
    case "health": {
      const { waitingFor, contribution } = event;
      if (waitingFor.length > 0) return `unfit: waits for ${waitingFor.join(", ")}`;
      return contribution === 0 ? "fit" : `fit, trackers add ${contribution}`;
    }
    case "release":
      return "released by an operator";
    case "claim":
      return "claimed by an operator";
    default:
      return commonText(event);
  }
}

/** What routers and sessions are told alike. */
function commonText(
  event:
    | { readonly type: "timer" | "configure" }
    | { readonly type: "stall"; readonly length: number }
    | { readonly type: "stop"; readonly now: boolean }
    | { readonly type: "resume"; readonly age: number },
): string {
  switch (event.type) {
    case "timer":
      return "timer";
    case "configure":
      return "configured";
    case "stall":
      return `stood still for ${event.length / 1000} ms`;
    case "stop":
      return event.now ? "stopped at once" : "stopped";
    case "resume":
      return `back after ${event.age / 1000} ms`;
  }
}

function sessionEventText(event: SessionEvent): string {
  switch (event.type) {
    case "packet": {
      const { state, poll, final } = event.packet;
      const bits = `${poll ? ", polls" : ""}${final ? ", answers a poll" : ""}`;
      return `packet, the other side is ${state.replace("_", " ")}${bits}`;
    }
    case "admin":
      return event.down ? "taken down by an operator" : "allowed up by an operator";
    case "echo":
      return event.active ? "echoes look after the path" : "echoes no longer look after the path";
    case "echo_failed":
      return "echoes do not come back";
    case "forwarding_reset":
      return "the forwarding plane was reset";
    case "concatenated":
      return event.diagnostic === 0 ? "the path behind is whole" : "the path behind is down";
    default:
      return commonText(event);
  }
}

/** undefined: it happens all the time. */
function effectText(effect: Replayed["decision"][number]): string | undefined {
  switch (effect.type) {
    case "state":
    case "flapping":
    case "warning":
    case "turned":
    case "judged":
      return verdictEffectText(effect);
    case "announce":
      return "server" in effect ? poolEffectText(effect) : routerEffectText(effect);
    case "program":
    case "quorum":
    case "step":
    case "ordered":
    case "count":
      return poolEffectText(effect);
    default:
      return routerEffectText(effect);
  }
}

function routerEffectText(
  effect: RouterEffect | GroupEffect | SessionEffect,
): string | undefined {
  switch (effect.type) {
    case "member": {
      const text = routerEffectText(effect.effect);
      return text === undefined ? undefined : `${effect.name} ${text}`;
    }
    case "send":
      if ("final" in effect) return effect.final ? "answers the poll" : "sends a packet";
      return effect.priority === 0 ? "resigns" : `advertises priority ${effect.priority}`;
    case "hold":
      return "takes the addresses";
    case "drop":
      return "lets the addresses go";
    case "announce":
      return "announces the addresses again";
    case "transition":
    case "group_transition":
      return `${effect.from} → ${effect.to}, ${effect.reason}`;
    case "neighbour_admin_down":
      return effect.reason;
    case "notice":
      return effect.text;
    case "discard":
      return `discarded, ${effect.reason}`;
    case "group_refused":
      return `refused, ${effect.reason}`;
    case "stopped":
      return "has ended";
    case "set_timer":
    case "cancel_timer":
    case "group_timer":
      return undefined;
  }
}
