/**
 * The writing end of a FIFO that never waits: for a reader neither when it is opened nor when it is
 * written to.
 *
 * @module
 */

import { asIdentity } from "./credentials.ts";
import { closeDescriptor, opened } from "./descriptor.ts";
import { check, countOrErrno, EACCES, EEXIST, SystemError } from "./errors.ts";
import { O_NOFOLLOW } from "./file.ts";
import { cString, lastErrno, libc } from "./symbols.ts";

const O_WRONLY = 1;
const O_RDWR = 2;
const O_NONBLOCK = 0x800;
const O_CLOEXEC = 0x80000;

/**
 * Makes a FIFO of mode 0600.
 *
 * @param owner null: it stays the caller's
 * @returns whether there was none
 * @throws {SystemError} EPERM without CAP_CHOWN; then there still is none
 */
export function makeFifo(path: string, owner: { uid: number; gid: number } | null): boolean {
  const name = cString(path);
  if (libc.mkfifo(name, 0o600) < 0) {
    const errno = lastErrno();
    if (errno === EEXIST) return false;
    throw new SystemError("mkfifo", errno, path);
  }
  try {
    if (owner !== null) check("lchown", libc.lchown(name, owner.uid, owner.gid), path);
  } catch (error) {
    // Left behind it would be taken for one that somebody wanted so.
    Deno.removeSync(path);
    throw error;
  }
  return true;
}

function openWriter(path: string): number {
  const name = cString(path);
  const flags = O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC;
  // Without any reader the kernel refuses a writer (ENXIO): for a moment we are one.
  const both = opened("open", libc.open(name, O_RDWR | flags, 0), path);
  try {
    return opened("open", libc.open(name, O_WRONLY | flags, 0), path);
  } finally {
    closeDescriptor(both);
  }
}

export class FifoWriter {
  readonly #fd: number;

  /**
   * @param owner whom the FIFO belongs to: opens what the caller may not, such as root without
   *     CAP_DAC_OVERRIDE
   * @throws {SystemError} where it cannot be opened: ENOENT, EACCES, ELOOP for a symbolic link;
   *     EPERM where that takes the owner, without CAP_SETUID and CAP_SETGID
   */
  constructor(path: string, owner: { readonly uid: number; readonly gid: number }) {
    try {
      this.#fd = openWriter(path);
    } catch (error) {
      if (!(error instanceof SystemError) || error.errno !== EACCES || owner.uid === 0) throw error;
      this.#fd = asIdentity({ ...owner, groups: [] }, () => openWriter(path));
    }
  }

  /**
   * Up to 4096 bytes, all or none of them. Returns their number, or minus errno: EAGAIN where the
   * reader lags, EPIPE where there is none.
   */
  write(bytes: Uint8Array): number {
    return countOrErrno(libc.write(this.#fd, bytes, bytes.length));
  }

  close(): void {
    closeDescriptor(this.#fd);
  }
}
