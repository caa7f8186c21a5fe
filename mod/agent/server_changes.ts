/**
 * What a reload changes about virtual servers: for each real server, and for each other key that is
 * different. Pure.
 *
 * @module
 */

import type { SiteConfig, VirtualServerConfig } from "../../config/mod.ts";
import { endpointText } from "../ip/mod.ts";
import { keyChanges } from "./plan/key_changes.ts";
import type { Change } from "./site_changes.ts";

/** Where the tables stand in the schema. */
const SERVER = ["virtual_server", 0] as const;
const REAL_SERVER = [...SERVER, "real_server", 0] as const;

type RealServerConfig = VirtualServerConfig["real_server"][number];

/** Such as `virtual server web: real server 198.51.100.11:8080: weight 10 -> 20`. */
export function serverChanges(
  before: SiteConfig["virtual_server"],
  after: SiteConfig["virtual_server"],
): Change[] {
  const former = new Map(before.map((one) => [one.name, one]));
  const about = (name: string) => ({ kind: "virtual_server", name } as const);
  const changes: Change[] = [];
  for (const one of after) {
    const known = former.get(one.name);
    former.delete(one.name);
    if (known === undefined) changes.push({ ...about(one.name), what: "added" });
    else changes.push(...changesOf(known, one).map((one_) => ({ ...about(one.name), ...one_ })));
  }
  const removed = [...former.keys()].map((name) => ({ ...about(name), what: "removed" }));
  return [...changes, ...removed];
}

type ServerChange = Pick<Change, "what" | "real_server">;

function changesOf(before: VirtualServerConfig, after: VirtualServerConfig): ServerChange[] {
  // What servers of a list have says nothing new.
  const { real_server: former, listed: _, ...own } = before;
  const { real_server: present, listed: __, ...others } = after;
  const keys = keyChanges(own, others, SERVER).map((what) => ({ what }));
  return [...keys, ...realChanges(former, present)];
}

function realChanges(
  before: readonly RealServerConfig[],
  after: readonly RealServerConfig[],
): ServerChange[] {
  const former = new Map(before.map((one) => [endpointText(one.address), one]));
  const changes: ServerChange[] = [];
  for (const one of after) {
    const real_server = endpointText(one.address);
    const known = former.get(real_server);
    former.delete(real_server);
    const keys = known === undefined ? ["added"] : keyChanges(known, one, REAL_SERVER);
    changes.push(...keys.map((what) => ({ real_server, what })));
  }
  return [
    ...changes,
    ...[...former.keys()].map((name) => ({ real_server: name, what: "removed" })),
  ];
}
