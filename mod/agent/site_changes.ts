/**
 * What a reload changes, in words: a line for each key of the site that differs. A plan tells the same
 * lines before it happens (`plan/`). Pure.
 *
 * @module
 */

import type { SiteConfig } from "../../config/mod.ts";
import { sameValue } from "../values/mod.ts";
import { keyChanges } from "./plan/key_changes.ts";
import type { SettledSite } from "./plan/settled.ts";
import { serverChanges } from "./server_changes.ts";

/** Lists of tables with names, and what one of them is called. */
export const NAMED = {
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

const NAMED_LISTS = Object.entries(NAMED) as [keyof typeof NAMED, string][];

/** Tables that are there once. */
const SINGLE = ["bfd_reflector", "bfd_unsolicited", "ipvs"] as const;

/** A key of the site that differs, or a table that comes or goes. */
export interface Change {
  /** The list or table, as in the file. */
  readonly kind: keyof typeof NAMED | typeof SINGLE[number] | Lonely;
  /** Of a table in a list. */
  readonly name?: string;
  readonly real_server?: string;
  /** `added`, `removed`, or what is different of which key. */
  readonly what: string;
}

type Lonely = "static" | "mail" | "agent" | "garp_group";

/** A line about the second session of a router of both families. */
const SESSION = /^(virtual router [^/ ]+)\/ipv[46]: /;

/** The changes in the order of the file; both sites have marks of the same key for secrets. */
export function siteDifference(before: SettledSite, after: SettledSite): Change[] {
  const { garp_group: former } = before;
  return [
    ...NAMED_LISTS.flatMap(([list]) =>
      list === "virtual_server"
        ? serverChanges(before.virtual_server, after.virtual_server)
        : namedChanges(list, before[list], after[list])
    ),
    ...tableChanges("static", before.static, after.static),
    ...SINGLE.flatMap((key) => tableChanges(key, before[key], after[key])),
    ...(sameValue(former, after.garp_group)
      ? []
      : [{ kind: "garp_group", what: "changed" } as const]),
    ...tableChanges("mail", before.notifications.mail, after.notifications.mail),
    ...tableChanges("agent", before.agent, after.agent),
  ];
}

/** A change as a line: `virtual router web: priority 100 -> 150`. */
export function changeText({ kind, name, real_server: real, what }: Change): string {
  const title = kind in NAMED ? `${NAMED[kind as keyof typeof NAMED]} ${name}` : kind;
  return real === undefined ? `${title}: ${what}` : `${title}: real server ${real}: ${what}`;
}

/**
 * The same as lines.
 *
 * @param done what the protocol plane has done, a line each: what only it knows comes last
 */
export function siteChanges(
  before: SettledSite,
  after: SettledSite,
  done: readonly string[] = [],
): string[] {
  const changes = siteDifference(before, after).map(changeText);
  // To whoever has written the file both sessions of a router are one.
  for (const line of new Set(done.map((line) => line.replace(SESSION, "$1: ")))) {
    const title = line.slice(0, line.indexOf(": ") + 2);
    // A router that an exception had stopped begins anew at a reload.
    if (!changes.some((known) => known.startsWith(title))) changes.push(line);
  }
  return changes;
}

type List = Exclude<keyof typeof NAMED, "virtual_server">;

function namedChanges(
  kind: List,
  before: readonly { readonly name: string }[],
  after: readonly { readonly name: string }[],
): Change[] {
  const former = new Map(before.map((one) => [one.name, one]));
  const changes: Change[] = [];
  for (const one of after) {
    const { name } = one;
    const known = former.get(name);
    former.delete(name);
    const keys = known === undefined ? ["added"] : keyChanges(known, one, [kind, 0]);
    changes.push(...keys.map((what) => ({ kind, name, what })));
  }
  return [...changes, ...[...former.keys()].map((name) => ({ kind, name, what: "removed" }))];
}

function tableChanges(
  kind: Change["kind"],
  before: object | undefined,
  after: object | undefined,
): Change[] {
  if (sameValue(before, after)) return [];
  if (before === undefined) return [{ kind, what: "added" }];
  if (after === undefined) return [{ kind, what: "removed" }];
  return keyChanges(before, after, [kind]).map((what) => ({ kind, what }));
}
