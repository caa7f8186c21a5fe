/**
 * A site with all that was read for it: the texts of its files and of those that `file` names, the
 * directories of its globs, variables of the environment. So it can be had again when the files are
 * other ones, by another process and another version; and who watches files learns which.
 *
 * A recording holds secrets.
 *
 * @module
 */

import { type LoadedSite, type LoadOptions, loadSite } from "./load.ts";
import { sha256 } from "./sha256.ts";

/** What was read for a site; null: it could not be. */
export interface SiteRecording {
  /** Of the configuration file. */
  readonly path: string;
  readonly hostname: string;
  /** `--name`. */
  readonly name?: string;
  /** `--instance`. */
  readonly instance?: string;
  readonly files: readonly Recorded<string>[];
  readonly directories: readonly Recorded<readonly string[]>[];
  readonly environment: readonly Recorded<string>[];
}

/** A path or name, and what was there. */
export type Recorded<T> = readonly [key: string, found: T | null];

/** What {@link loadSite} gives, and what was read for it. */
export type RecordedSite = LoadedSite & { readonly recording: SiteRecording };

/** Loads the site at `path` as {@link loadSite} does, and keeps what was read. */
export function loadRecorded(path: string, options: LoadOptions): RecordedSite {
  const files = new Map<string, string | null>();
  const directories = new Map<string, readonly string[] | null>();
  const environment = new Map<string, string | null>();
  const loaded = loadSite(path, {
    ...options,
    readText: noting(files, options.readText),
    listDirectory: noting(directories, options.listDirectory),
    environment: (key) => {
      const value = options.environment(key);
      environment.set(key, value ?? null);
      return value;
    },
  });
  const { hostname, name, instance } = options;
  const recording: SiteRecording = {
    path,
    hostname,
    ...(name === undefined ? {} : { name }),
    ...(instance === undefined ? {} : { instance }),
    files: [...files],
    directories: [...directories],
    environment: [...environment],
  };
  return { ...loaded, recording };
}

function noting<T>(
  found: Map<string, T | null>,
  read: (path: string) => T,
): (path: string) => T {
  return (path) => {
    found.set(path, null);
    const value = read(path);
    found.set(path, value);
    return value;
  };
}

/**
 * The site of a recording. Who may write the files is not asked again: that was judged when they
 * were read.
 */
export function replayRecording(
  recording: SiteRecording,
  { users }: Pick<LoadOptions, "users">,
): RecordedSite {
  const { path, hostname, name, instance, files, directories, environment } = recording;
  const variables = new Map(environment);
  const loaded = loadSite(path, {
    hostname,
    ...(name === undefined ? {} : { name }),
    ...(instance === undefined ? {} : { instance }),
    users,
    readText: finding(files),
    listDirectory: finding(directories),
    environment: (key) => variables.get(key) ?? undefined,
  });
  return { ...loaded, recording };
}

function finding<T>(recorded: readonly Recorded<T>[]): (path: string) => T {
  const known = new Map(recorded);
  return (path) => {
    const found = known.get(path);
    if (found !== null && found !== undefined) return found;
    throw Object.assign(new Error("It was not there"), { name: "NotFound" });
  };
}

/** The same for two recordings of the same texts: which names directories hold is no part of it. */
export function fingerprintOf(recording: SiteRecording): string {
  const { files, environment, name, hostname, instance } = recording;
  const sorted = (all: readonly Recorded<string>[]) => all.toSorted(([a], [b]) => a < b ? -1 : 1);
  const told = [sorted(files), sorted(environment), name, hostname];
  // As it was before there were instances, so that what was written down still counts.
  return sha256(JSON.stringify(instance === undefined ? told : [...told, instance]));
}
