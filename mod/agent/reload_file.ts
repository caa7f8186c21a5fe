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
  systemOptions,
} from "../../config/mod.ts";
import { monotonicMicros } from "../../ffi/mod.ts";
import { type Moment, type ReloadMemory, resume } from "../reload/mod.ts";
import { textOf } from "../text/mod.ts";
import { log } from "./logging.ts";
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
  /** What waits. */
  readonly memory?: ReloadMemory<KeptSite>;
}

function recorded<T extends v.GenericSchema>(found: T) {
  return v.array(v.tuple([v.string(), v.nullable(found)]));
}

const recordingSchema = v.object({
  path: v.string(),
  hostname: v.string(),
  name: v.exactOptional(v.string()),
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
 * What a process begins with: as a rule its file. Never throws: what cannot be understood does not
 * count, and the log says so.
 *
 * @param loaded what is in the file now @param takesOver from a process that lives
 */
export function beginWith(loaded: ReadSite, takesOver: boolean): Beginning {
  const own = kept(loaded);
  const file = loaded.recording;
  const known = readReload(own.site.agent.state_directory);
  if (known === undefined) return { kept: own, file };
  const { running, memory } = resume(known, own.fingerprint, takesOver, moment());
  return { kept: running ?? own, file, ...(memory === undefined ? {} : { memory }) };
}

/** What was written down; undefined: nothing that counts. Never throws. */
export function readReload(directory: string): ReloadMemory<KeptSite> | undefined {
  const path = join(directory, NAME);
  try {
    return read(path);
  } catch (error) {
    log("warning", ["control"], `Takes no notice of ${path}: ${textOf(error)}`);
    return undefined;
  }
}

/** @throws {Error} in words where it cannot be believed */
function read(path: string): ReloadMemory<KeptSite> | undefined {
  let info: Deno.FileInfo;
  try {
    info = Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  if (!info.isFile) throw new Error("it is no file");
  // Somebody may have put it there before the directory was closed to others.
  if (info.uid !== Deno.uid()) throw new Error(`it belongs to user ${info.uid}`);
  if (((info.mode ?? 0) & 0o077) !== 0) throw new Error("others than its owner may use it");
  if (info.size > LONGEST) throw new Error("it is too long");
  const result = v.safeParse(memorySchema, parsed(Deno.readTextFileSync(path)));
  if (!result.success) throw new Error("it is no memory of reloads");
  const { format: _, running, previous, ...more } = result.output;
  return {
    running: replayed(running),
    previous: previous === null ? null : replayed(previous),
    ...more,
  };
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
