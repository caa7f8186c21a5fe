/**
 * Files that halb writes: never through a link that leads elsewhere, never half.
 *
 * @module
 */

/** For their owner only. Written beside and renamed: no reader sees half a file. */
export function writePrivately(path: string, text: string): void {
  replaceFile(path, text, 0o600);
}

/** Puts a file in place of whatever is there. @param mode permission bits, less the umask's */
export function replaceFile(path: string, text: string, mode: number): void {
  const draft = `${path}.${Deno.pid}`;
  removeIfThere(draft);
  try {
    Deno.writeTextFileSync(draft, text, { createNew: true, mode });
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

/** Removes a file; one that is not there is gone already. */
export function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
