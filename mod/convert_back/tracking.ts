/**
 * What routers and groups track, in the words of keepalived.
 *
 * @module
 */

import type { GroupTrackConfig, SiteConfig, TrackConfig, TrackedConfig } from "../../config/mod.ts";
import { wordText, type Writer } from "./writer.ts";

/** Kinds of tracked things that both know: keepalived's list, and the tables of the trackers. */
const TRACKED = {
  interfaces: { head: "track_interface", table: "track_interface" },
  scripts: { head: "track_script", table: "track_script" },
  processes: { head: "track_process", table: "track_process" },
  files: { head: "track_file", table: "track_file" },
  bfd: { head: "track_bfd", table: "bfd" },
} as const;

type Kind = keyof typeof TRACKED;
const KINDS = Object.keys(TRACKED) as Kind[];

type Track = TrackConfig | GroupTrackConfig;

/** What a tracker's own table says. */
interface Own {
  readonly name: string;
  readonly weight?: number;
  readonly reverse?: boolean;
}

function ownOf(site: SiteConfig, kind: Kind, name: string): Own | undefined {
  const tables: readonly Own[] = site[TRACKED[kind].table];
  return tables.find((one) => one.name === name);
}

/** `weight N [reverse|noreverse]` of one use; nothing where keepalived finds it by the name. */
function weightWords(site: SiteConfig, kind: Kind, used: TrackedConfig): (string | number)[] {
  const own = ownOf(site, kind, used.name);
  // An interface has no block of its own to say it in.
  const silent = used.weight === undefined && used.reverse === undefined;
  if (silent && kind !== "interfaces") return [];
  const weight = used.weight ?? own?.weight ?? 0;
  const reverse = used.reverse ?? own?.reverse ?? false;
  if (silent && weight === 0 && !reverse) return [];
  const sign = reverse ? ["reverse"] : kind !== "interfaces" && own?.reverse ? ["noreverse"] : [];
  return ["weight", weight, ...sign];
}

/** The lists of what `track` names. */
export function writeTrack(writer: Writer, site: SiteConfig, track: Track): void {
  for (const kind of KINDS) {
    writer.block(TRACKED[kind].head, () => {
      for (const used of track[kind]) {
        writer.line(wordText(used.name), ...weightWords(site, kind, used));
      }
    });
  }
}

/** Whether something of `track` changes a priority: keepalived's groups are to be told. */
export function isWeighted(site: SiteConfig, track: Track | undefined): boolean {
  return track !== undefined &&
    KINDS.some((kind) =>
      track[kind].some(({ name, weight }) => (weight ?? ownOf(site, kind, name)?.weight ?? 0) !== 0)
    );
}

/** The weight of a tracker's own block: with 0, `reverse` says what the fault is. */
export function writeWeight(writer: Writer, weight: number, reverse: boolean): void {
  if (weight !== 0 || reverse) writer.line("weight", weight, ...reverse ? ["reverse"] : []);
}
