/**
 * Why something is in the state it is in, in sentences that a tired person understands: a function of
 * the status document and the recorded events. Pure.
 *
 * @module
 */

import type { FlightEvent } from "../events/mod.ts";
import { isAbout } from "../events/mod.ts";
import { explainGroup } from "./group.ts";
import { explainRouter } from "./router.ts";
import { explainRealServer, explainServer } from "./server.ts";
import { explainSession } from "./session.ts";
import { type Facts, Story } from "./story.ts";
import { explainCheck, explainTracker } from "./tracked.ts";

export type { ExplainedStatus } from "./status.ts";
export type { Facts } from "./story.ts";

/** What is said of one thing. */
export interface Explanation {
  readonly kind:
    | "vrrp"
    | "group"
    | "bfd"
    | "virtual_server"
    | "real_server"
    | "check"
    | "tracker";
  readonly name: string;
  readonly sentences: readonly string[];
}

/** Everything of that name; nothing where there is none. A real server's is `VS RS`. */
export function explain(name: string, facts: Facts): Explanation[] {
  const story = new Story(facts);
  const { vrrp, sync_groups, bfd, virtual_servers, checks } = facts.status;
  const named = (one: { readonly name: string | null }): boolean => one.name === name;
  const found: Explanation[] = [];
  const add = (kind: Explanation["kind"], sentences: readonly string[]): void => {
    found.push({ kind, name, sentences: [...new Set(sentences)] });
  };
  for (const one of vrrp.filter(named)) add("vrrp", explainRouter(one, story));
  for (const one of sync_groups.filter(named)) add("group", explainGroup(one, story));
  for (const one of bfd.filter(named)) add("bfd", explainSession(one, story));
  for (const server of virtual_servers) {
    if (server.name === name) add("virtual_server", explainServer(server, story));
    for (const real of server.real_servers) {
      if (`${server.name} ${real.address}` !== name) continue;
      add("real_server", explainRealServer(server, real, story));
    }
  }
  for (const one of checks.filter(named)) add("check", explainCheck(one, story));
  const trackers = vrrp.flatMap((one) => one.trackers).filter(named);
  const kinds = new Set(found.map(({ kind }) => kind as string));
  for (const kind of new Set(trackers.map((one) => one.kind))) {
    // Sessions, servers and checks have been explained as what they are.
    if (kinds.has(kind)) continue;
    add("tracker", explainTracker(trackers.find((one) => one.kind === kind)!, story));
  }
  return found;
}

/** All that may be asked for. */
export function explainable({ status }: Pick<Facts, "status">): string[] {
  const { vrrp, sync_groups, bfd, virtual_servers, checks } = status;
  const names = [...vrrp, ...sync_groups, ...bfd, ...virtual_servers, ...checks]
    .flatMap((one) => one.name ?? []);
  return [...new Set([...names, ...vrrp.flatMap((one) => one.trackers.map((use) => use.name))])];
}

/** What is left to say where no agent runs: what happened to it last. */
export function lastWords(
  name: string,
  { events, now, when }: Omit<Facts, "status">,
): string[] {
  const about = (event: FlightEvent): boolean => isAbout(event, name) || event.event === "ended";
  // The newest as they were recorded, whatever the clock said, and then as they happened.
  const last = events.filter(about).slice(-6)
    .toSorted((a, b) => Date.parse(a.time) - Date.parse(b.time));
  if (last.length === 0) return [];
  const ago = `${Math.round((now - Date.parse(last.at(-1)!.time)) / 1000)} s ago`;
  return [
    `No agent runs: nobody here is master of anything. What was recorded last, ${ago}:`,
    ...last.map(({ time, text, cause }) =>
      `${when(time)}: ${text}${cause === null ? "" : `: ${cause}`}`
    ),
  ];
}
