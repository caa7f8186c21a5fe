/**
 * Files, environment and host name of this machine, for `loadSite`. Everything is synchronous and
 * refuses what is not configuration: directories, devices without an end, bytes that are no UTF-8.
 *
 * @module
 */

import type { LoadOptions } from "./load.ts";
import { HOST_USERS } from "./user_directory.ts";
import type { FileFacts, FileSecurity } from "./security.ts";

/** Longest file that is read, bytes. */
const LONGEST_FILE = 64 * 1024 * 1024;

/** The line of a byte, from 1. */
function lineOf(bytes: Uint8Array, offset: number): number {
  let line = 1;
  for (let i = 0; i < offset; i++) if (bytes[i] === 0x0a) line++;
  return line;
}

/** Offset of the first byte that is no UTF-8. */
function invalidOffset(bytes: Uint8Array): number {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let valid = 0;
  let step = bytes.length;
  // Halving: a prefix is good when it decodes as the start of a longer text.
  while (step >= 1) {
    try {
      decoder.decode(bytes.subarray(valid, valid + step), { stream: true });
      decoder.decode();
      valid += step;
    } catch {
      // Somewhere in this piece; a half of it tells more.
    }
    step = Math.floor(step / 2);
  }
  return valid;
}

/**
 * Text of a file in UTF-8, its byte order mark included. Pipes work too.
 *
 * @throws What Deno throws for a file that cannot be read, and an `Error` in words for a file
 * that is too long or not UTF-8.
 */
export function readText(path: string): string {
  using file = Deno.openSync(path);
  if (file.statSync().isDirectory) throw new Deno.errors.IsADirectory(path);
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const piece = new Uint8Array(65_536);
    const count = file.readSync(piece);
    if (count === null) break;
    pieces.push(piece.subarray(0, count));
    length += count;
    if (length > LONGEST_FILE) throw new Error(`it is longer than ${LONGEST_FILE} bytes`);
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.length;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    const bad = invalidOffset(bytes);
    const byte = (bytes[bad] ?? 0).toString(16).padStart(2, "0");
    throw new Error(`it is not UTF-8 text: byte 0x${byte} in line ${lineOf(bytes, bad)}`);
  }
}

/** What `lstat` says; undefined where nothing is, or where nobody may look. */
function lstat(path: string): FileFacts | undefined {
  try {
    const info = Deno.lstatSync(path);
    const facts = { uid: info.uid ?? 0, gid: info.gid ?? 0, mode: (info.mode ?? 0) & 0o7777 };
    return info.isSymlink ? { ...facts, target: Deno.readLinkSync(path) } : facts;
  } catch {
    return undefined;
  }
}

/** Whom this process trusts: root, itself, and who called `sudo`, who could be root anyhow. */
function trustedUsers(): number[] {
  const self = Deno.uid() ?? 0;
  const caller = self === 0 ? Deno.env.get("SUDO_UID") : undefined;
  const users = [0, self];
  if (caller !== undefined && /^[0-9]{1,10}$/.test(caller)) users.push(Number(caller));
  return users;
}

/** The user that the package makes for the agent. */
const PACKAGED_USER = "halb";

/**
 * Groups that may read secrets: root's, this process's own, and where root looks at what the agent
 * is to read (`halb check`), that of the package's user.
 */
function trustedGroups(): number[] {
  const own = [0, Deno.gid() ?? 0];
  const packaged = Deno.uid() === 0 ? HOST_USERS.user(PACKAGED_USER) : undefined;
  return packaged === undefined ? own : [...own, packaged.gid];
}

/** Load options of this machine. */
export function systemOptions(options: { name?: string; instance?: string } = {}): LoadOptions {
  const security: FileSecurity = {
    lstat,
    workingDirectory: Deno.cwd(),
    users: trustedUsers(),
    groups: trustedGroups,
  };
  return {
    hostname: Deno.hostname(),
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.instance === undefined ? {} : { instance: options.instance }),
    environment: (key) => Deno.env.get(key),
    readText,
    listDirectory: (path) => [...Deno.readDirSync(path)].map((entry) => entry.name),
    security,
    users: HOST_USERS,
  };
}
