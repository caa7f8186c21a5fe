/**
 * Files that are for their owner only.
 *
 * @module
 */

/** Written beside and renamed: no reader sees half a file, and no link leads elsewhere. */
export function writePrivately(path: string, text: string): void {
  const draft = `${path}.${Deno.pid}`;
  removeIfThere(draft);
  try {
    Deno.writeTextFileSync(draft, text, { createNew: true, mode: 0o600 });
    Deno.renameSync(draft, path);
  } catch (error) {
    removeIfThere(draft);
    throw error;
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
