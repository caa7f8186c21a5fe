/**
 * Looks at a file as a check.
 *
 * @module
 */

import { textOf } from "../../text/mod.ts";
import { failed, type Outcome } from "../outcome.ts";
import { FILE_LIMIT, type FileSettings, judgeFile } from "../types/file.ts";

/** One look. Anything but a plain file is refused: reading a pipe might never end. */
export async function probeFile(path: string, settings: FileSettings): Promise<Outcome> {
  try {
    if (!(await Deno.stat(path)).isFile) return failed("not a plain file");
    using file = await Deno.open(path);
    const buffer = new Uint8Array(FILE_LIMIT);
    const length = await file.read(buffer) ?? 0;
    return judgeFile(new TextDecoder().decode(buffer.subarray(0, length)), settings);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return judgeFile(null, settings);
    return failed(`cannot be read: ${textOf(error)}`);
  }
}
