/**
 * What a reload changes about virtual servers, in words: a line for each real server, and one for
 * what else is different. Pure.
 *
 * @module
 */

import { formatDuration, type SiteConfig, type VirtualServerConfig } from "../../config/mod.ts";
import { endpointText } from "../ip/mod.ts";
import { looksSame } from "../values/mod.ts";

type RealServerConfig = VirtualServerConfig["real_server"][number];

/** Lines such as `virtual server web: real server 198.51.100.11:8080: weight 10 -> 20`. */
export function serverChanges(
  before: SiteConfig["virtual_server"],
  after: SiteConfig["virtual_server"],
): string[] {
  const former = new Map(before.map((one) => [one.name, one]));
  const lines: string[] = [];
  for (const one of after) {
    const title = `virtual server ${one.name}`;
    const known = former.get(one.name);
    former.delete(one.name);
    if (known === undefined) lines.push(`${title}: added`);
    else lines.push(...changesOf(known, one).map((change) => `${title}: ${change}`));
  }
  return [...lines, ...[...former.keys()].map((name) => `virtual server ${name}: removed`)];
}

function changesOf(before: VirtualServerConfig, after: VirtualServerConfig): string[] {
  // What servers of a list have says nothing new.
  const { real_server: former, listed: _, ...own } = before;
  const { real_server: present, listed: __, ...others } = after;
  return [...keyChanges(own, others), ...realChanges(former, present)];
}

function realChanges(
  before: readonly RealServerConfig[],
  after: readonly RealServerConfig[],
): string[] {
  const former = new Map(before.map((one) => [endpointText(one.address), one]));
  const lines: string[] = [];
  for (const one of after) {
    const name = endpointText(one.address);
    const known = former.get(name);
    former.delete(name);
    if (known === undefined) lines.push(`real server ${name}: added`);
    else lines.push(...keyChanges(known, one).map((change) => `real server ${name}: ${change}`));
  }
  return [...lines, ...[...former.keys()].map((name) => `real server ${name}: removed`)];
}

/** Numbers and words with their values; of what is larger, that it is different. */
function keyChanges(before: object, after: object): string[] {
  const [former, present] = [new Map(Object.entries(before)), new Map(Object.entries(after))];
  return [...new Set([...former.keys(), ...present.keys()])].flatMap((key) => {
    const values = [former.get(key), present.get(key)];
    const [from, to] = values;
    if (looksSame(from, to)) return [];
    if (!values.every(isPlain)) return [`${key} changed`];
    const [old, own] = values.map((value) => shown(key, value));
    return [`${key} ${old} -> ${own}`];
  });
}

type Plain = string | number | boolean | undefined;

function isPlain(value: unknown): value is Plain {
  return value === undefined || ["string", "number", "boolean"].includes(typeof value);
}

/** Durations are microseconds here, and not what anybody has written. */
function shown(key: string, value: Plain): string {
  if (value === undefined) return "(none)";
  const isTime = key === "slow_start" || key === "drain_timeout";
  return isTime ? formatDuration(Number(value)) : String(value);
}
