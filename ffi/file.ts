/**
 * Files that libc must open: those whose descriptor is the point, such as a namespace, and those of
 * /proc that Deno gives only to a program with every permission.
 *
 * @module
 */

import { ARCHITECTURE } from "./architecture.ts";
import { closeDescriptor, opened } from "./descriptor.ts";
import { check } from "./errors.ts";
import { cString, libc } from "./symbols.ts";

const O_RDONLY = 0;
const O_WRONLY = 1;
const O_CLOEXEC = 0x80000;
/** One of the few numbers that the two machines do not share. */
export const { O_NOFOLLOW } = ARCHITECTURE;
const CHUNK = 65_536;
/** Text is decoded out of it at once; hundreds of files of /proc are read in a row. */
const scratch = new Uint8Array(CHUNK);

/** Opens a path for reading. Throws SystemError ENOENT, EACCES, …, naming the path. */
export function openReadOnly(path: string): number {
  return opened("open", libc.open(cString(path), O_RDONLY | O_CLOEXEC, 0), path);
}

/**
 * Writes a text to a file that is there, in one call, as settings in /proc/sys want it. Throws
 * SystemError.
 */
export function writeText(path: string, text: string): void {
  const fd = opened("open", libc.open(cString(path), O_WRONLY | O_CLOEXEC, 0), path);
  try {
    const bytes = new TextEncoder().encode(text);
    check("write", libc.write(fd, bytes, bytes.length), path);
  } finally {
    closeDescriptor(fd);
  }
}

/** Where a name stands in a `struct linux_dirent64`, and the length of the whole. */
const DIRENT_LENGTH = 16;
const DIRENT_NAME = 19;

/** The names in a directory, `.` and `..` too, in no order. Throws SystemError. */
export function listNames(path: string): string[] {
  const fd = openReadOnly(path);
  try {
    const decoder = new TextDecoder();
    const chunk = new Uint8Array(CHUNK);
    const view = new DataView(chunk.buffer);
    const names: string[] = [];
    for (;;) {
      const count = check("getdents64", libc.getdents64(fd, chunk, chunk.length), path);
      if (count === 0) return names;
      for (let at = 0; at < count; at += view.getUint16(at + DIRENT_LENGTH, true)) {
        const start = at + DIRENT_NAME;
        names.push(decoder.decode(chunk.subarray(start, chunk.indexOf(0, start))));
      }
    }
  } finally {
    closeDescriptor(fd);
  }
}

/** The whole text of a file whose size nobody knows before. Throws SystemError. */
export function readText(path: string): string {
  const fd = openReadOnly(path);
  try {
    const decoder = new TextDecoder();
    const chunk = scratch;
    let text = "";
    for (;;) {
      const count = check("read", libc.read(fd, chunk, chunk.length), path);
      if (count === 0) return text + decoder.decode();
      text += decoder.decode(chunk.subarray(0, count), { stream: true });
    }
  } finally {
    closeDescriptor(fd);
  }
}

/** Longest target of a link. */
const PATH_MAX = 4096;

/** Where a symbolic link leads. Throws SystemError. */
export function readLink(path: string): string {
  const length = check("readlink", libc.readlink(cString(path), scratch, PATH_MAX), path);
  return new TextDecoder().decode(scratch.subarray(0, length));
}
