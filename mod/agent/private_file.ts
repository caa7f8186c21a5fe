/**
 * Files that halb writes: never through a link that leads elsewhere, never half.
 *
 * @module
 */

import { dirname } from "node:path";

/** For their owner only. Written beside and renamed: no reader sees half a file. */
export function writePrivately(path: string, text: string): void {
  replaceFile(path, text, 0o600);
}

/** As {@link writePrivately}; a power cut after it does not bring back what was there before. */
export function writeDurably(path: string, text: string): void {
  replaceFile(path, text, 0o600, onDisk);
  directoryOnDisk(path);
}

/** As {@link removeIfThere}; a power cut after it does not bring the file back. */
export function removeDurably(path: string): void {
  if (removeIfThere(path)) directoryOnDisk(path);
}

/**
 * Puts a file in place of whatever is there.
 *
 * @param mode permission bits, less the umask's @param written before it takes the place
 */
export function replaceFile(
  path: string,
  text: string,
  mode: number,
  written: (draft: string) => void = () => {},
): void {
  const draft = `${path}.${Deno.pid}`;
  removeIfThere(draft);
  try {
    Deno.writeTextFileSync(draft, text, { createNew: true, mode });
    written(draft);
    Deno.renameSync(draft, path);
  } catch (error) {
    removeIfThere(draft);
    throw error;
  }
}

/** Makes a file where there is nothing yet. @param mode permission bits, less the umask's */
export function createFile(path: string, text: string, mode: number): void {
  try {
    Deno.writeTextFileSync(path, text, { createNew: true, mode });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

/** Removes a file; one that is not there is gone already. Returns whether it was. */
export function removeIfThere(path: string): boolean {
  try {
    Deno.removeSync(path);
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return false;
  }
}

function onDisk(path: string): void {
  using file = Deno.openSync(path);
  file.syncSync();
}

/** Its names: not every file system can do that, and then nothing more can be done. */
function directoryOnDisk(path: string): void {
  try {
    onDisk(dirname(path));
  } catch {
    return;
  }
}
