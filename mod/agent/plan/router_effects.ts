/**
 * What follows from a change of a virtual router: who will be master, and which addresses go. Pure.
 *
 * @module
 */

import { routerFamily } from "../../../config/mod.ts";
import type { RouterStatus, Status } from "../../control/status.ts";
import { type Change, changeText } from "../site_changes.ts";
import type { Effect } from "./effects.ts";
import type { SettledSite } from "./settled.ts";

type Vrrp = SettledSite["vrrp"][number];

/** The address owner's priority, which trackers do not change. */
const OWNER = 255;
/** What says which router it is to its peers: with another it is another router. */
const IDENTITY =
  /^(interface|virtual_router_id|version|namespace|vrf|multicast_group)[ .]|^unicast changed$/;

/** @param changes all of the plan */
export function routerEffects(
  before: SettledSite,
  after: SettledSite,
  status: Status | null,
  changes: readonly Change[],
): (change: Change) => Effect {
  const [former, wanted] = [before, after].map(({ vrrp }) =>
    new Map(vrrp.map((one) => [one.name, one]))
  ) as [Map<string, Vrrp>, Map<string, Vrrp>];
  const held = new Map(
    after.vrrp.flatMap(({ name, addresses, excluded_addresses: more }) =>
      [...addresses, ...more].map(({ address }) => [address, name] as const)
    ),
  );
  for (const { address } of after.static.addresses) held.set(address, "[static]");
  // Another router is told of once, at the first of its changes.
  const renewed = new Map<string, string>();
  for (const change of changes) {
    const [from, to] = [former.get(change.name ?? ""), wanted.get(change.name ?? "")];
    if (change.kind !== "vrrp" || from === undefined || to === undefined) continue;
    const another = IDENTITY.test(change.what) || routerFamily(from) !== routerFamily(to);
    if (another && !renewed.has(to.name)) renewed.set(to.name, changeText(change));
  }
  return (change) => {
    const name = change.name!;
    const [from, to] = [former.get(name), wanted.get(name)];
    const state = status?.vrrp.find((one) => one.name === name);
    if (from === undefined) return { effect: additionText(to!) };
    if (to === undefined) return removal(from, state, held);
    if (renewed.has(name)) {
      if (renewed.get(name) !== changeText(change)) return {};
      const effect = "another router to its peers: this one " +
        `${state?.state === "master" ? "hands over" : "ends"}, and begins anew as backup`;
      return { effect, interrupts: state?.state === "master" };
    }
    return keyEffect(change, from, to, state, held);
  };
}

function additionText({ priority, advertisement_interval: interval }: Vrrp): string {
  if (priority === OWNER) return "becomes master at once: it owns the addresses";
  const wait = aboutText(masterDown(interval, priority));
  return `begins as backup, master in about ${wait} where nobody better is heard`;
}

function removal(
  { addresses }: Vrrp,
  state: RouterStatus | undefined,
  held: ReadonlyMap<string, string>,
): Effect {
  if (state === undefined) return {};
  if (state.state !== "master") return { effect: "is not master here: nothing moves" };
  const texts = addresses.map(({ address }) => {
    const next = held.get(address);
    return next === undefined ? undefined : `${address} moves to ${next}`;
  });
  const moved = texts.filter((text) => text !== undefined);
  if (moved.length === texts.length) return { effect: moved.join(", "), interrupts: true };
  return { effect: "is master: hands over to a peer that has it, or to nobody", interrupts: true };
}

function keyEffect(
  { what }: Change,
  from: Vrrp,
  to: Vrrp,
  state: RouterStatus | undefined,
  held: ReadonlyMap<string, string>,
): Effect {
  if (what.startsWith("priority ")) return priorityEffect(from, to, state);
  if (/^(excluded_)?addresses/.test(what)) return addressEffect(from, to, state, held);
  if (what.startsWith("advertisement_interval ")) {
    const others = to.version === 2
      ? "peers discard adverts of another interval: change them as well"
      : "backups follow the master's";
    return { effect: others };
  }
  if (what.startsWith("auth")) {
    return { effect: "peers that do not have it yet refuse each other's adverts" };
  }
  if (what.startsWith("virtual_mac") && state?.state === "master") {
    return { effect: "its addresses move to another interface", interrupts: true };
  }
  return {};
}

function priorityEffect(from: Vrrp, to: Vrrp, state: RouterStatus | undefined): Effect {
  if (state === undefined) return {};
  const own = effectivePriority(from, to, state);
  if (state.state !== "master" && state.state !== "backup") {
    return { effect: `counts when it leaves ${state.state}` };
  }
  const peers = state.sessions.flatMap((session) => session.peers);
  if (state.state === "master") {
    const better = peers.filter(({ priority }) => priority > own)
      .toSorted((a, b) => b.priority - a.priority)[0];
    if (to.priority > from.priority) return { effect: "stays master" };
    const who = better === undefined
      ? `a peer of priority above ${own}`
      : `${better.address} (priority ${better.priority})`;
    return { effect: `hands over where ${who} preempts`, interrupts: better !== undefined };
  }
  const master = state.sessions.map((session) => session.master).find((one) => one !== null);
  if (master === undefined || master === null) return {};
  const rival = `${master.address} (priority ${master.priority})`;
  if (own < master.priority) return { effect: `stays backup of ${rival}` };
  if (own === master.priority) return { effect: `as high as ${rival}: stays backup` };
  if (!to.preempt) return { effect: `stays backup of ${rival}: preempt is off` };
  const intervals = state.sessions.map((session) => session.master_interval_ms * 1000);
  const wait = masterDown(Math.max(...intervals), own) + to.preempt_delay;
  return { effect: `takes over: becomes master in about ${aboutText(wait)}`, interrupts: true };
}

/** What trackers add stays what it is. */
function effectivePriority(from: Vrrp, to: Vrrp, state: RouterStatus): number {
  if (to.priority === OWNER) return OWNER;
  const added = from.priority === OWNER ? 0 : state.effective_priority - from.priority;
  return Math.min(254, Math.max(1, to.priority + added));
}

function addressEffect(
  from: Vrrp,
  to: Vrrp,
  state: RouterStatus | undefined,
  held: ReadonlyMap<string, string>,
): Effect {
  const others = "give its peers the same list";
  if (state?.state !== "master") return { effect: others };
  const own = new Set([...to.addresses, ...to.excluded_addresses].map(({ address }) => address));
  const gone = [...from.addresses, ...from.excluded_addresses]
    .filter(({ address }) => !own.has(address) && !held.has(address));
  if (gone.length === 0) return { effect: others };
  const what = gone.length === 1 ? `${gone[0]!.address} goes` : `${gone.length} addresses go`;
  return { effect: `${what} from here at once; ${others}`, interrupts: true };
}

/** RFC 9568 section 6.1: three intervals and the skew, microseconds. */
function masterDown(interval: number, priority: number): number {
  return 3 * interval + (256 - priority) / 256 * interval;
}

function aboutText(micros: number): string {
  return micros < 1_000_000 ? `${Math.round(micros / 1000)} ms` : `${(micros / 1e6).toFixed(1)} s`;
}
