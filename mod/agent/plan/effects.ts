/**
 * What follows from each change of a plan as things stand now, in words, and whether somebody who
 * uses the service may notice it. Pure.
 *
 * @module
 */

import { formatDuration } from "../../../config/mod.ts";
import type { Status } from "../../control/status.ts";
import { endpointText } from "../../ip/mod.ts";
import type { Change } from "../site_changes.ts";
import type { PlannedChange } from "./plan.ts";
import { routerEffects } from "./router_effects.ts";
import type { SettledSite } from "./settled.ts";

/** What a plan adds to a change; nothing: nobody notices it. */
export type Effect = Partial<Pick<PlannedChange, "effect" | "interrupts">>;

const NOTHING: Effect = {};
/** Keys that say between which ends a BFD session runs: with others it is another one. */
const ENDS = /^(peer|source|interface|vrf|namespace|multihop|unaffiliated|type)[ .]/;
/** Keys that say what a virtual server is in the kernel's table: with others it is another one. */
const SERVICE = /^(listen|mark|fwmark|family|protocol|namespace)[ .]/;

/** @param status null: nobody knows how things stand @param changes all of them */
export function effectOf(
  before: SettledSite,
  after: SettledSite,
  status: Status | null,
  changes: readonly Change[],
): (change: Change) => Effect {
  const routers = routerEffects(before, after, status, changes);
  return (change) => {
    switch (change.kind) {
      case "vrrp":
        return routers(change);
      case "bfd":
        return sessionEffect(change, status);
      case "virtual_server":
        return serverEffect(change, after, status);
      case "static":
        return staticEffect(change);
      case "agent":
        return agentEffect(change);
      default:
        return NOTHING;
    }
  };
}

function sessionEffect({ name, what }: Change, status: Status | null): Effect {
  const session = status?.bfd.find((one) => one.name === name);
  if (what === "added") return { effect: "begins Down, comes up when the peer answers" };
  if (what === "removed") {
    return { effect: "the peer is told AdminDown, and takes nothing down for it" };
  }
  if (session?.state !== "up" || !ENDS.test(what)) return NOTHING;
  return { effect: "another session: this one ends, and comes up anew", interrupts: true };
}

function serverEffect(change: Change, after: SettledSite, status: Status | null): Effect {
  const { name, real_server: real, what } = change;
  const state = status?.virtual_servers.find((one) => one.name === name);
  const configured = after.virtual_server.find((one) => one.name === name);
  if (real !== undefined) return realServerEffect(change, configured, state);
  if (what === "added") {
    const { follow } = configured!;
    const when = follow === undefined
      ? "in the kernel's table at once"
      : `in the kernel's table while ${String(follow)} is master here`;
    return { effect: when };
  }
  if (state === undefined || !state.active) return NOTHING;
  const active = state.real_servers.reduce((sum, one) => sum + connectionsOf(one), 0);
  if (what === "removed") {
    return { effect: `leaves the kernel's table: ${cutText(active)}`, interrupts: true };
  }
  if (SERVICE.test(what)) {
    return { effect: "what is no longer there ends with its connections", interrupts: true };
  }
  return NOTHING;
}

type ServerStatus = Status["virtual_servers"][number];
type RealServerStatus = ServerStatus["real_servers"][number];

function realServerEffect(
  { name, real_server: real, what }: Change,
  configured: SettledSite["virtual_server"][number] | undefined,
  state: ServerStatus | undefined,
): Effect {
  if (what === "added") {
    const server = configured?.real_server.find((one) => endpointText(one.address) === real);
    const slow = server === undefined || server.slow_start === 0
      ? ""
      : `, its share grows for ${formatDuration(server.slow_start)}`;
    const checked = (server?.check.length ?? 0) > 0 ? "serves when its checks pass" : "serves";
    return { effect: `${checked}${slow}` };
  }
  const known = state?.real_servers.find((one) => one.address === real);
  const active = known === undefined ? 0 : connectionsOf(known);
  if (what === "removed") {
    if (active === 0) return { effect: "leaves at once: it has no connections" };
    const effect = `leaves at once: ${cutText(active)}; halb drain ${name} ${real} before it ` +
      "lets them end";
    return { effect, interrupts: true };
  }
  if (/^weight \d+ -> 0$/.test(what)) {
    return { effect: "gets no new connections; those it has go on" };
  }
  if (/^(forward|tunnel)[ .]/.test(what) && active > 0) {
    return { effect: `${active} connections may break`, interrupts: true };
  }
  return NOTHING;
}

function connectionsOf({ counters }: RealServerStatus): number {
  return counters?.active_connections ?? 0;
}

function cutText(active: number): string {
  return active === 1 ? "1 connection is cut" : `${active} connections are cut`;
}

function staticEffect({ what }: Change): Effect {
  const removes = what === "removed" || / -/.test(what);
  return removes ? { effect: "goes from here at once", interrupts: true } : NOTHING;
}

function agentEffect({ what }: Change): Effect {
  if (/^on_stop /.test(what)) return { effect: "counts at the next stop" };
  if (/^(startup_delay|delay_after_boot|startup_script)[ .]/.test(what)) {
    return { effect: "counts at the next start" };
  }
  return NOTHING;
}
