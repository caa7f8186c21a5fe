/**
 * What must survive of reloads that wait (`mod/reload`): `reload.json` in the state directory, for
 * its owner alone, since the configurations in it have their secrets. It is there while something
 * waits, or the file holds what was taken back.
 *
 * @module
 */

import { join } from "node:path";
import * as v from "valibot";
import {
  fingerprintOf,
  type RecordedSite,
  replayRecording,
  type SiteConfig,
  type SiteRecording,
  stateDirectoryOf,
  systemOptions,
} from "../../config/mod.ts";
import { monotonicMicros } from "../../ffi/mod.ts";
import { type Moment, type ReloadMemory, resume } from "../reload/mod.ts";
import { textOf } from "../text/mod.ts";
import { removeDurably, writeDurably } from "./private_file.ts";

const NAME = "reload.json";
const FORMAT = 1;
/** Bytes at most: two sites with all that they include. */
const LONGEST = 256 * 1024 * 1024;

/** A valid configuration that was read. */
export type ReadSite = Extract<RecordedSite, { ok: true }>;

/** A configuration that runs, or did. */
export interface KeptSite {
  readonly fingerprint: string;
  readonly site: SiteConfig;
  readonly sha256: string;
  readonly recording: SiteRecording;
}

/** What a process begins with. */
export interface Beginning {
  readonly kept: KeptSite;
  /** What is in the file. */
  readonly file: SiteRecording;
  /** The same, where it is valid. */
  readonly own?: KeptSite;
  /** What waits. */
  readonly memory?: ReloadMemory<KeptSite>;
  /** Why nothing is known of what waited, for the log. */
  readonly trouble?: string;
}

function recorded<T extends v.GenericSchema>(found: T) {
  return v.array(v.tuple([v.string(), v.nullable(found)]));
}

const recordingSchema = v.object({
  path: v.string(),
  hostname: v.string(),
  name: v.exactOptional(v.string()),
  instance: v.exactOptional(v.string()),
  files: recorded(v.string()),
  directories: recorded(v.array(v.string())),
  environment: recorded(v.string()),
});
const time = v.pipe(v.number(), v.finite(), v.minValue(0));
const memorySchema = v.object({
  format: v.literal(FORMAT),
  running: recordingSchema,
  previous: v.nullable(recordingSchema),
  awaiting: v.nullable(v.object({ until: time, within: time })),
  scheduled: v.nullable(v.object({ at: time, within: v.nullable(time) })),
  refused: v.nullable(v.object({ fingerprint: v.string(), at: time, reason: v.string() })),
});

/** Both clocks now. */
export function moment(): Moment {
  return { monotonic: monotonicMicros(), wall: Date.now() };
}

/** A valid site with its fingerprint. */
export function kept({ site, sha256, recording }: ReadSite): KeptSite {
  return { site, sha256, recording, fingerprint: fingerprintOf(recording) };
}

/** Writes down what waits; null: nothing does. @throws {Error} where that cannot be written */
export function keepReload(directory: string, memory: ReloadMemory<KeptSite> | null): void {
  const path = join(directory, NAME);
  if (memory === null) return removeDurably(path);
  const { running, previous, ...more } = memory;
  const text = JSON.stringify({
    format: FORMAT,
    running: running.recording,
    previous: previous === null ? null : previous.recording,
    ...more,
  });
  writeDurably(path, `${text}\n`);
}

/**
 * What a process begins with: as a rule its file. At a start, what cannot be understood does not
 * count.
 *
 * @param own what is in the file now @param takesOver from a process that lives
 * @throws {Error} where that one knows what waits, and this one would not: then it had better go on
 */
export function beginWith(own: KeptSite, takesOver: boolean): Beginning {
  const withFile = { kept: own, own, file: own.recording };
  let known: ReloadMemory<KeptSite> | undefined;
  try {
    known = readReload(own.site.agent.state_directory);
  } catch (error) {
    if (takesOver) throw error;
    return { ...withFile, trouble: `Takes no notice of what waited: ${textOf(error)}` };
  }
  if (known === undefined) return withFile;
  const { running, memory } = resume(known, own.fingerprint, takesOver, moment());
  return { ...withFile, kept: running ?? own, ...(memory === undefined ? {} : { memory }) };
}

/** What may take the place of what a process begins with, without anybody's asking for it then. */
export function toCome({ own, memory }: Beginning): SiteConfig[] {
  const { previous = null, scheduled = null } = memory ?? {};
  return [
    ...(previous === null ? [] : [previous.site]),
    ...(scheduled === null || own === undefined ? [] : [own.site]),
  ];
}

/**
 * What a start begins with whose file is invalid: what ran, where the file would not be taken
 * anyway. Where that is written down nobody can read in the file, so it is looked for in one place.
 *
 * @param file what is in the file @param directory the usual state directory
 * @returns undefined: nothing
 */
export function beginWithout(
  file: SiteRecording,
  directory: string = stateDirectoryOf(file.instance),
): Beginning | undefined {
  let known: ReloadMemory<KeptSite> | undefined;
  try {
    known = readReload(directory);
  } catch {
    // What is wrong with the file is told in any case.
    return undefined;
  }
  if (known === undefined) return undefined;
  // Another agent may have begun there, with a file of its own.
  const { path, name, instance } = known.running.recording;
  if (path !== file.path || name !== file.name || instance !== file.instance) return undefined;
  const { running, memory } = resume(known, fingerprintOf(file), false, moment());
  if (running === null) return undefined;
  return { kept: running, file, ...(memory === undefined ? {} : { memory }) };
}

/**
 * What was written down; undefined: nothing.
 *
 * @throws {Error} in words where it cannot be believed
 */
export function readReload(directory: string): ReloadMemory<KeptSite> | undefined {
  try {
    return read(directory);
  } catch (error) {
    throw new Error(`${join(directory, NAME)}: ${textOf(error)}`);
  }
}

function read(directory: string): ReloadMemory<KeptSite> | undefined {
  const path = join(directory, NAME);
  let info: Deno.FileInfo;
  try {
    info = Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  if (!info.isFile) throw new Error("it is no file");
  // What is judged is what is read, whatever has taken its place meanwhile.
  using file = Deno.openSync(path);
  info = file.statSync();
  // Somebody may have put it there before the directory was closed to others.
  if (info.uid !== Deno.uid()) throw new Error(`it belongs to user ${info.uid}`);
  if (((info.mode ?? 0) & 0o077) !== 0) throw new Error("others than its owner may use it");
  if (info.size > LONGEST) throw new Error("it is too long");
  const result = v.safeParse(memorySchema, parsed(readWhole(file, info.size)));
  if (!result.success) throw new Error("it is no memory of reloads");
  const { format: _, running, previous, ...more } = result.output;
  const sites = [running, previous].map((one) => one === null ? null : replayed(one));
  // Whose that directory is gets judged before anything is done; that of another one would not be.
  if (sites.some((one) => one !== null && one.site.agent.state_directory !== directory)) {
    throw new Error("it is of another state directory");
  }
  return { running: sites[0]!, previous: sites[1]!, ...more };
}

function readWhole(file: Deno.FsFile, size: number): string {
  const bytes = new Uint8Array(size);
  let length = 0;
  for (let count; length < size && (count = file.readSync(bytes.subarray(length))) !== null;) {
    length += count;
  }
  return new TextDecoder().decode(bytes.subarray(0, length));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("it is not JSON");
  }
}

function replayed(recording: SiteRecording): KeptSite {
  const loaded = replayRecording(recording, systemOptions());
  if (loaded.ok) return kept(loaded);
  throw new Error("this version takes its configuration no more");
}
