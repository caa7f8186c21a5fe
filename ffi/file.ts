/**
 * Files that libc must open: those whose descriptor is the point, such as a namespace, and those of
 * /proc that Deno gives only to a program with every permission.
 *
 * @module
 */

import { closeDescriptor, opened } from "./descriptor.ts";
import { check } from "./errors.ts";
import { cString, libc } from "./symbols.ts";

const O_RDONLY = 0;
const O_WRONLY = 1;
const O_CLOEXEC = 0x80000;
const CHUNK = 65_536;

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

/** The whole text of a file whose size nobody knows before. Throws SystemError. */
export function readText(path: string): string {
  const fd = openReadOnly(path);
  try {
    const decoder = new TextDecoder();
    const chunk = new Uint8Array(CHUNK);
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
