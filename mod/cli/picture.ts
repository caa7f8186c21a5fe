/**
 * Where a picture is written: a new file, or in place of an older picture, never of anything else.
 *
 * @module
 */

import { readFailure } from "../../config/include.ts";
import { replaceFile } from "../agent/private_file.ts";
import { escapeText } from "../text/mod.ts";

/** How each picture begins. */
const BEGINNING = "<svg";
/** Permission bits, less the umask's. */
const MODE = 0o644;

/** @throws {Error} in words where something else than a picture is in the place */
export function expectPicturePlace(path: string): void {
  if (hasPicture(path) === false) {
    throw refused(path, "there is a file already that is no picture; write another one");
  }
}

/** @throws {Error} in words where it cannot be written, or something else is in its place */
export function writePicture(path: string, text: string): void {
  expectPicturePlace(path);
  try {
    if (hasPicture(path) === null) {
      Deno.writeTextFileSync(path, text, { createNew: true, mode: MODE });
    } else replaceFile(path, text, MODE);
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound;
    throw refused(path, missing ? "there is no such directory" : readFailure(error));
  }
}

/** Whether a picture is there, in a file of its own: no link to one. null: nothing is there. */
function hasPicture(path: string): boolean | null {
  try {
    if (!Deno.lstatSync(path).isFile) return false;
    using file = Deno.openSync(path);
    const bytes = new Uint8Array(BEGINNING.length);
    const length = file.readSync(bytes) ?? 0;
    return new TextDecoder().decode(bytes.subarray(0, length)) === BEGINNING;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw refused(path, readFailure(error));
  }
}

function refused(path: string, why: string): Error {
  return new Error(`the picture ${escapeText(path)} cannot be written: ${why}`);
}
