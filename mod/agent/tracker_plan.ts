/**
 * What the planes are told of trackers: how each router uses them, how long a change must last, and
 * what the kernel plane is to look for. Pure, as all planning.
 *
 * @module
 */

import type {
  SiteConfig,
  TrackConfig,
  TrackedConfig,
  TrackersConfig,
  TrackList,
  VrrpConfig,
} from "../../config/mod.ts";
import {
  trackedIn,
  type TrackerDelays,
  trackerKey,
  type TrackerUse,
  type WatchedPresence,
} from "../plane/trackers.ts";
import type { TrackerKind } from "../vrrp/mod.ts";

/** The lists of `track`, the kind of what they name, and where it is described. */
const LISTS = [
  ["interfaces", "interface", "track_interface"],
  ["scripts", "script", "track_script"],
  ["processes", "process", "track_process"],
  ["files", "file", "track_file"],
  ["routes", "route", "track_route"],
  ["addresses", "address", "track_address"],
  ["bfd", "bfd", "bfd"],
  ["checks", "check", "check"],
  ["virtual_servers", "virtual_server", "virtual_server"],
] as const satisfies readonly (readonly [TrackList, TrackerKind, keyof TrackersConfig])[];

/** A tracker's own table, as far as most kinds have it. */
interface Described {
  readonly name: string;
  readonly weight?: number;
  readonly reverse?: boolean;
}

/** The table of a check says nothing of routers: its weight is for a server. */
function describedIn(trackers: TrackersConfig, key: keyof TrackersConfig): readonly Described[] {
  return key === "check" ? [] : trackers[key];
}

/** How a router uses what `track` names: what it does not say, the tracker's own table does. */
export function trackerUses(
  track: Pick<TrackConfig, TrackList>,
  trackers: TrackersConfig,
): TrackerUse[] {
  return LISTS.flatMap(([list, kind, key]) => {
    const described = describedIn(trackers, key);
    return track[list].map(({ name, weight, reverse }: TrackedConfig): TrackerUse => {
      const own = described.find((one) => one.name === name);
      return {
        kind,
        name,
        weight: weight ?? own?.weight ?? 0,
        ...(reverse ?? own?.reverse ? { reverse: true } : {}),
      };
    });
  });
}

/** A router and the namespace it lives in. */
export interface PlacedRouter {
  readonly config: VrrpConfig;
  readonly namespace: string;
}

/** What is to be known of trackers beside their uses. */
export interface TrackerPlan {
  readonly delays: readonly TrackerDelays[];
  readonly presences: readonly WatchedPresence[];
}

/** Delays of all that is used, and what the kernel plane is to look for. */
export function planTrackers(site: SiteConfig, routers: readonly PlacedRouter[]): TrackerPlan {
  const delays = new Map<string, TrackerDelays>();
  const presences = new Map<string, WatchedPresence>();
  for (const { config, namespace } of routers) {
    for (const [list, kind, key] of LISTS) {
      const names = config.track[list].map(({ name }) => name);
      // A router's own interface has its delays, too.
      if (kind === "interface") names.push(config.interface);
      for (const name of names) {
        const own = site[key].find((one) => one.name === name);
        const thing = { kind, namespace: trackedIn(kind, namespace), name };
        if (own === undefined || !("up_delay" in own)) continue;
        const { up_delay: up, down_delay: down } = own;
        if (up > 0 || down > 0) delays.set(trackerKey(thing), { ...thing, up, down });
      }
    }
    for (const { name } of config.track.routes) {
      const own = site.track_route.find((one) => one.name === name);
      if (own === undefined) continue;
      const thing = { kind: "route", namespace, name } as const;
      const [to = "", length] = own.to.split("/");
      presences.set(trackerKey(thing), {
        ...thing,
        to,
        prefixLength: Number(length),
        table: own.table,
        ...(own.via === undefined ? {} : { via: own.via }),
        ...(own.interface === undefined ? {} : { interface: own.interface }),
      });
    }
    for (const { name } of config.track.addresses) {
      const own = site.track_address.find((one) => one.name === name);
      if (own === undefined) continue;
      const thing = { kind: "address", namespace, name } as const;
      presences.set(trackerKey(thing), {
        ...thing,
        address: own.address,
        ...(own.interface === undefined ? {} : { interface: own.interface }),
      });
    }
  }
  return { delays: [...delays.values()], presences: [...presences.values()] };
}

/** What is wanted, but as it was before where it was. */
export function keepMeaning(
  wanted: readonly WatchedPresence[],
  before: readonly WatchedPresence[],
): WatchedPresence[] {
  const former = new Map(before.map((one) => [trackerKey(one), one]));
  return wanted.map((one) => former.get(trackerKey(one)) ?? one);
}

/** What control looks after. */
export interface LocalTrackers {
  readonly scripts: TrackersConfig["track_script"];
  readonly processes: TrackersConfig["track_process"];
  readonly files: TrackersConfig["track_file"];
}

/** The scripts, processes and files that some router tracks; others are left alone. */
export function localTrackers(site: SiteConfig): LocalTrackers {
  function used(list: "scripts" | "processes" | "files"): (one: { name: string }) => boolean {
    const tracks = [...site.vrrp, ...site.sync_group].map(({ track }) => track[list]);
    const names = new Set(tracks.flat().map(({ name }) => name));
    return ({ name }) => names.has(name);
  }
  return {
    scripts: site.track_script.filter(used("scripts")),
    processes: site.track_process.filter(used("processes")),
    files: site.track_file.filter(used("files")),
  };
}
