/**
 * Reads the recording of a state directory, piece by piece: the agent goes on meanwhile, and without
 * an agent anybody may read who may read the directory.
 *
 * @module
 */

import { join } from "node:path";
import { type FlightEvent, readEvent } from "../../events/mod.ts";
import { NEWER, OLDER } from "./file.ts";

/** Longest line that is looked at, characters. */
const LONGEST_LINE = 65_536;

/**
 * The newest events that `wanted` takes, oldest first. Half a line, which a killed agent leaves, is
 * passed over.
 *
 * @param most so many at most
 * @throws {Deno.errors.NotFound} where there is no recording
 * @throws {Error} where it cannot be read
 */
export async function readRecording(
  directory: string,
  wanted: (event: FlightEvent) => boolean,
  most: number,
): Promise<FlightEvent[]> {
  // The newer one first: it becomes the older one at any moment, and none is missed then.
  const newer = await openOrNull(join(directory, NEWER));
  const older = await openOrNull(join(directory, OLDER));
  if (newer === null && older === null) {
    throw new Deno.errors.NotFound(`There is no recording in "${directory}"`);
  }
  let found: FlightEvent[] = [];
  const take = (line: string): void => {
    const event = readEvent(line);
    if (event === undefined || !wanted(event)) return;
    found.push(event);
    if (found.length >= 2 * most + 1_000) found = found.slice(-most);
  };
  try {
    const same = newer !== null && older !== null &&
      (await newer.stat()).ino === (await older.stat()).ino;
    if (older !== null && !same) await eachLine(older, take);
    if (newer !== null) await eachLine(newer, take);
  } finally {
    newer?.close();
    older?.close();
  }
  return most === 0 ? [] : found.slice(-most);
}

async function openOrNull(path: string): Promise<Deno.FsFile | null> {
  try {
    // To open a FIFO would wait for a writer.
    if (!(await Deno.lstat(path)).isFile) throw new Error(`"${path}" is no regular file`);
    return await Deno.open(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

async function eachLine(file: Deno.FsFile, take: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(65_536);
  let rest = "";
  for (;;) {
    const count = await file.read(chunk);
    if (count === null) break;
    const lines = (rest + decoder.decode(chunk.subarray(0, count), { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) take(line);
    // No line of ours: it is passed over up to its end.
    if (rest.length > LONGEST_LINE) rest = rest.slice(0, LONGEST_LINE);
  }
  take(rest);
}
