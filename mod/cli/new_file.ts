/**
 * What a command writes for its user: a new file, never in the place of another one.
 *
 * @module
 */

import { readFailure } from "../../config/include.ts";

/**
 * Writes a new file that only its owner reads: passwords may be in it.
 *
 * @throws {Error} in words where there is one already, or it cannot be made
 */
export function writeNew(path: string, text: string): void {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
  } catch (error) {
    const why = error instanceof Deno.errors.AlreadyExists
      ? "there is such a file already; remove it, or write another one"
      : readFailure(error);
    throw new Error(`${path} cannot be written: ${why}`);
  }
  try {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  } finally {
    file.close();
  }
}
