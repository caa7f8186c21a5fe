/**
 * What befalls a simulated world: each thing as data, in words, and done.
 *
 * @module
 */

import type { Micros, TrackerKind } from "../vrrp/mod.ts";
import { type LanSettings, lanSettings } from "./lan.ts";
import type { World } from "./world.ts";
import { secondsText } from "./words.ts";

/** An interface of a node. */
interface Place {
  readonly node: string;
  readonly interface: string;
}

export type Action =
  | { readonly type: "kill" | "power_off" | "stop" | "start"; readonly node: string }
  | { readonly type: "stall"; readonly node: string; readonly length: Micros }
  | ({ readonly type: "link_down" | "link_up" } & Place)
  | { readonly type: "cut" | "heal"; readonly members: readonly Place[] }
  | { readonly type: "deaf" | "hearing"; readonly node: string; readonly to: string }
  | {
    readonly type: "fail" | "recover";
    readonly node: string;
    readonly kind: TrackerKind;
    readonly name: string;
  }
  | {
    readonly type: "number";
    readonly node: string;
    readonly name: string;
    readonly value: number;
  }
  | { readonly type: "bfd_cut" | "bfd_heal"; readonly node: string; readonly name: string }
  | { readonly type: "server_down" | "server_up"; readonly server: string }
  | { readonly type: "clock_step"; readonly node: string; readonly by: Micros }
  | {
    readonly type: "release";
    readonly node: string;
    readonly name: string;
    readonly length: Micros | null;
  }
  | { readonly type: "claim"; readonly node: string; readonly name: string }
  | {
    readonly type: "network";
    readonly name: string;
    readonly settings: Partial<LanSettings>;
  };

/** An action at its time. */
export interface ScriptEvent {
  readonly at: Micros;
  readonly action: Action;
}

/** The action for people. */
export function actionText(action: Action): string {
  const places = (members: readonly Place[]): string =>
    members.map((one) => `${one.node}:${one.interface}`).join(", ");
  switch (action.type) {
    case "kill":
    case "stop":
    case "start":
      return `${action.type} ${action.node}`;
    case "power_off":
      return `power off ${action.node}`;
    case "stall":
      return `stall ${action.node} for ${secondsText(action.length)}`;
    case "link_down":
    case "link_up":
      return `link ${action.type.slice(5)} ${action.node}:${action.interface}`;
    case "cut":
      return `cut off ${places(action.members)}`;
    case "heal":
      return `heal ${places(action.members)}`;
    case "deaf":
      return `${action.node} is deaf to ${action.to}`;
    case "hearing":
      return `${action.node} hears ${action.to} again`;
    case "fail":
      return `${action.kind} ${action.node}:${action.name} fails`;
    case "recover":
      return `${action.kind} ${action.node}:${action.name} recovers`;
    case "number":
      return `file ${action.node}:${action.name} says ${action.value}`;
    case "bfd_cut":
      return `path of BFD session ${action.node}:${action.name} is cut`;
    case "bfd_heal":
      return `path of BFD session ${action.node}:${action.name} is healed`;
    case "server_down":
      return `server ${action.server} goes down`;
    case "server_up":
      return `server ${action.server} comes up`;
    case "clock_step":
      return `wall clock of ${action.node} jumps by ${secondsText(action.by)}`;
    case "release":
      return `release ${action.node}:${action.name}` +
        (action.length === null ? "" : ` for ${secondsText(action.length)}`);
    case "claim":
      return `claim ${action.node}:${action.name}`;
    case "network":
      return `network ${action.name}: ${
        Object.entries(action.settings).map(([key, value]) =>
          `${key} ${key === "delay" || key === "jitter" ? secondsText(value) : value}`
        ).join(", ")
      }`;
  }
}

/** Does it, and writes it down. */
export function perform(world: World, action: Action, now: Micros): void {
  const refused = act(world, action, now);
  const text = actionText(action) + (refused === null ? "" : `: refused, ${refused}`);
  const node = "node" in action ? action.node : null;
  world.journal.failures.push({ at: now, text, action: action.type, node });
}

/** Why there is nothing to be done; null: there is. */
function idle(world: World, action: Action): string | null {
  if (!("node" in action)) return null;
  const { agent, host } = world.nodes.get(action.node)!;
  switch (action.type) {
    case "start":
      return agent === null ? null : `${action.node} runs`;
    case "kill":
    case "stop":
    case "stall":
      return agent === null ? `${action.node} does not run` : null;
    case "power_off":
      return host.powered ? null : `${action.node} is off`;
    default:
      return null;
  }
}

/** Returns why it could not be done; null: it was. */
function act(world: World, action: Action, now: Micros): string | null {
  const why = idle(world, action);
  if (why !== null) return why;
  switch (action.type) {
    case "kill":
      world.kill(action.node, now);
      break;
    case "power_off":
      world.powerOff(action.node, now);
      break;
    case "stop":
      world.stop(action.node, now);
      break;
    case "start":
      world.start(action.node, now);
      break;
    case "stall":
      world.stall(action.node, action.length, now);
      break;
    case "link_down":
    case "link_up":
      world.link(action.node, action.interface, action.type === "link_up", now);
      break;
    case "cut":
      world.part(action.members, world.nextPart());
      break;
    case "heal":
      world.part(action.members, 0);
      break;
    case "deaf":
    case "hearing":
      world.deaf(action.node, action.to, action.type === "deaf");
      break;
    case "release":
    case "claim": {
      const { agent } = world.nodes.get(action.node)!;
      if (agent === null || agent.stalled) return `${action.node} does not answer`;
      const length = action.type === "release" ? action.length : null;
      const until = length === null ? null : now + length;
      return agent.overrule(action.name, action.type, until, now);
    }
    case "network": {
      const lan = world.lans.get(action.name);
      if (lan !== undefined) lan.settings = lanSettings(action.settings, lan.settings);
      break;
    }
    case "fail":
    case "recover": {
      const works = action.type === "recover";
      if (action.kind === "check") world.pools.check(action.node, action.name, works);
      else world.things.set(action, works, now);
      break;
    }
    case "number":
      world.things.number(action, action.value, now);
      break;
    case "bfd_cut":
    case "bfd_heal":
      world.bfd.cut(action.node, action.name, action.type === "bfd_cut");
      break;
    case "server_down":
    case "server_up":
      world.pools.server(action.server, action.type === "server_up");
      break;
    case "clock_step":
      // Nothing here looks at a wall clock.
      break;
  }
  return null;
}
