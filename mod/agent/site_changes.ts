/**
 * What a reload changes, in words: the tables of the site that differ, a line each. What the
 * protocol plane has done about its routers and groups is known better by itself. Pure.
 *
 * @module
 */

import type { SiteConfig } from "../../config/mod.ts";
import { looksSame } from "../values/mod.ts";
import { serverChanges } from "./server_changes.ts";

/** Lists of tables with names, and what one of them is called. */
const NAMED = {
  vrrp: "virtual router",
  sync_group: "sync group",
  track_interface: "track_interface",
  track_script: "track_script",
  track_process: "track_process",
  track_file: "track_file",
  track_route: "track_route",
  track_address: "track_address",
  bfd: "BFD session",
  check: "check",
  virtual_server: "virtual server",
} as const satisfies Partial<Record<keyof SiteConfig, string>>;

/** A line about the second session of a router of both families. */
const SESSION = /^(virtual router [^/ ]+)\/ipv[46]: /;

/** @param done what the protocol plane has done, a line each; it comes first */
export function siteChanges(
  before: SiteConfig,
  after: SiteConfig,
  done: readonly string[],
): string[] {
  // To whoever has written the file both sessions of a router are one.
  const changes = [...new Set(done.map((line) => line.replace(SESSION, "$1: ")))];
  const add = (title: string, what: string): void => {
    if (!changes.some((line) => line.startsWith(`${title}: `))) changes.push(`${title}: ${what}`);
  };
  changes.push(...serverChanges(before.virtual_server, after.virtual_server));
  for (const [list, title] of Object.entries(NAMED) as [keyof typeof NAMED, string][]) {
    const former = new Map<string, unknown>(before[list].map((one) => [one.name, one]));
    for (const one of after[list]) {
      const known = former.get(one.name);
      former.delete(one.name);
      if (known === undefined) add(`${title} ${one.name}`, "added");
      else if (!looksSame(known, one)) add(`${title} ${one.name}`, "changed");
    }
    for (const name of former.keys()) add(`${title} ${name}`, "removed");
  }
  if (!looksSame(before.static, after.static)) add("static", "changed");
  for (const key of ["bfd_reflector", "bfd_unsolicited", "ipvs"] as const) {
    if (!looksSame(before[key], after[key])) add(key, "changed");
  }
  if (!looksSame(before.garp_group, after.garp_group)) add("garp_group", "changed");
  if (!looksSame(before.notifications.mail, after.notifications.mail)) add("mail", "changed");
  if (!looksSame({ ...before.agent, log: null }, { ...after.agent, log: null })) {
    add("agent", "changed");
  }
  return changes;
}
