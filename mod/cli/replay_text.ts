/**
 * Steps of a recording in words.
 *
 * @module
 */

import type { Replayed } from "../record/mod.ts";
import type { GroupEffect, GroupEvent, RouterEffect, RouterEvent } from "../vrrp/mod.ts";

/** What happened, and what the machine did about it. */
export function stepText({ input, decision }: Replayed): string {
  const done = decision.flatMap((one) => effectText(one) ?? []);
  return `${eventText(input)}${done.length === 0 ? "" : `: ${done.join("; ")}`}`;
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
    case "timer":
      return "timer";
    case "stall":
      return `stood still for ${event.length / 1000} ms`;
    case "configure":
      return "configured";
    case "stop":
      return event.now ? "stopped at once" : "stopped";
    case "resume":
      return `back after ${event.age / 1000} ms`;
    case "release":
      return "released by an operator";
    case "claim":
      return "claimed by an operator";
  }
}

/** undefined: it happens with every advert. */
function effectText(effect: RouterEffect | GroupEffect): string | undefined {
  switch (effect.type) {
    case "member": {
      const text = effectText(effect.effect);
      return text === undefined ? undefined : `${effect.name} ${text}`;
    }
    case "send":
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
