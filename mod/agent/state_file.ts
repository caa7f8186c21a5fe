/**
 * The memory of an agent that was stopped with `on_stop = "keep"`, for the one that is started next:
 * `state.json` in the state directory. It is read once, and gone then: old news must not be believed
 * a second time.
 *
 * @module
 */

import { join } from "node:path";
import { monotonicMicros } from "../../ffi/mod.ts";
import { log } from "./logging.ts";
import {
  type AgentDocument,
  bootId,
  LONGEST_DOCUMENT,
  parseJson,
  readDocument,
  RefusedDocument,
  stillValid,
} from "./memory.ts";
import { writePrivately } from "./private_file.ts";
import { textOf } from "../text/mod.ts";

const NAME = "state.json";

/** @throws {Error} where it cannot be written */
export function keepState(directory: string, document: AgentDocument): void {
  writePrivately(join(directory, NAME), `${JSON.stringify(document)}\n`);
}

/** What a former agent left, as far as it counts; undefined: nothing. Never throws. */
export function takeState(directory: string): AgentDocument | undefined {
  const path = join(directory, NAME);
  try {
    const info = lstat(path);
    if (info === undefined) return undefined;
    if (!info.isFile) throw new RefusedDocument("it is no file");
    // Somebody may have put it there before the directory was closed to others.
    if (info.uid !== Deno.uid()) throw new RefusedDocument(`it belongs to user ${info.uid}`);
    if (info.size > LONGEST_DOCUMENT) throw new RefusedDocument("it is too long");
    const text = Deno.readTextFileSync(path);
    Deno.removeSync(path);
    const document = readDocument(parseJson(text), bootId());
    const valid = stillValid(document, monotonicMicros());
    const { routers: { length }, bfd = [] } = valid.memory;
    const away = Math.round((monotonicMicros() - document.memory.silentSince) / 1000);
    const counts = { routers: length, of: document.memory.routers.length };
    const facts = { ...counts, bfd_sessions: bfd.length, milliseconds: away };
    log("info", ["control"], `Goes on from ${path}`, facts);
    return length === 0 && bfd.length === 0 ? undefined : valid;
  } catch (error) {
    const reason = textOf(error);
    log("warning", ["control"], `Takes no notice of ${path}: ${reason}`);
    return undefined;
  }
}

function lstat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
