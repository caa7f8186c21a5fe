/**
 * Whose adverts a channel is to let in: what the filters in the kernel are made of.
 *
 * @module
 */

import type { DecodeOptions } from "../vrrp/mod.ts";
import type { Reach, TtlRange } from "./reach.ts";

/** Virtual router ids that have a router, by the versions that it takes. */
export interface ServedIds {
  readonly version3: ReadonlySet<number>;
  readonly version2: ReadonlySet<number>;
}

/** The routers of one channel, by how their adverts come. */
export interface Served {
  /** By group, canonical text. */
  readonly groups: ReadonlyMap<string, ServedIds>;
  readonly unicast: ServedIds;
  /** Senders of unicast adverts; null: anybody. */
  readonly sources: ReadonlyMap<string, TtlRange> | null;
}

export const NOBODY: Served = {
  groups: new Map(),
  unicast: { version3: new Set(), version2: new Set() },
  sources: new Map(),
};

/** One router of a channel. */
export interface ServedRouter {
  readonly understands: DecodeOptions;
  readonly reach: Pick<Reach, "admission">;
}

interface MutableIds extends ServedIds {
  readonly version3: Set<number>;
  readonly version2: Set<number>;
}

/** @param routers with their virtual router ids */
export function servedBy(routers: Iterable<readonly [id: number, router: ServedRouter]>): Served {
  const groups = new Map<string, MutableIds>();
  const unicast: MutableIds = { version3: new Set(), version2: new Set() };
  let sources: Map<string, TtlRange> | null = new Map();
  for (const [id, { understands, reach }] of routers) {
    const { admission } = reach;
    let ids = unicast;
    if ("group" in admission) {
      ids = groups.get(admission.group) ?? { version3: new Set(), version2: new Set() };
      groups.set(admission.group, ids);
    } else if (admission.sources === null) sources = null;
    else if (sources !== null) widen(sources, admission.sources);
    (understands.version === 3 ? ids.version3 : ids.version2).add(id);
    if (understands.version2) ids.version2.add(id);
  }
  return { groups, unicast, sources };
}

/** Two routers may see one sender differently: the kernel lets in what one of them wants. */
function widen(sources: Map<string, TtlRange>, more: ReadonlyMap<string, TtlRange>): void {
  for (const [address, { least, most }] of more) {
    const known = sources.get(address) ?? { least, most };
    const range = { least: Math.min(known.least, least), most: Math.max(known.most, most) };
    sources.set(address, range);
  }
}

/** What both let in. */
export function commonTo(a: Served, b: Served): Served {
  const groups = new Map<string, ServedIds>();
  for (const [group, ids] of a.groups) {
    const others = b.groups.get(group);
    if (others !== undefined) groups.set(group, commonIds(ids, others));
  }
  return { groups, unicast: commonIds(a.unicast, b.unicast), sources: commonSources(a, b) };
}

function commonIds(a: ServedIds, b: ServedIds): ServedIds {
  return {
    version3: a.version3.intersection(b.version3),
    version2: a.version2.intersection(b.version2),
  };
}

function commonSources({ sources: a }: Served, { sources: b }: Served): Served["sources"] {
  if (a === null || b === null) return a ?? b;
  const sources = new Map<string, TtlRange>();
  for (const [address, { least, most }] of a) {
    const other = b.get(address);
    if (other === undefined) continue;
    sources.set(address, {
      least: Math.max(least, other.least),
      most: Math.min(most, other.most),
    });
  }
  return sources;
}

/** Text that is the same for the same content. */
export function fingerprint({ groups, unicast, sources }: Served): string {
  const ids = ({ version3, version2 }: ServedIds) => `${[...version3]};${[...version2]}`;
  const from = sources === null
    ? "*"
    : [...sources].map(([address, { least, most }]) => `${address} ${least}-${most}`);
  return `${[...groups].map(([group, of]) => `${group} ${ids(of)}`)}/${ids(unicast)}/${from}`;
}
