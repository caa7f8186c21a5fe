/**
 * A lock between processes: flock(2) on a file. It belongs to the open file, so that it ends with
 * the process whatever ends that, and nobody has to clean up after a crash. The file itself stays:
 * who removed it would let two processes each lock a file of their own.
 *
 * @module
 */

import { ARCHITECTURE } from "./architecture.ts";
import { closeDescriptor, opened } from "./descriptor.ts";
import { check, EAGAIN, SystemError } from "./errors.ts";
import { O_NOFOLLOW } from "./file.ts";
import { cString, lastErrno, libc } from "./symbols.ts";

const O_RDWR = 2;
const O_CREAT = 0x40;
const { O_DIRECTORY } = ARCHITECTURE;
const O_CLOEXEC = 0x80000;
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;

/** One process's hand on a lock file. */
export class FileLock {
  readonly path: string;
  readonly #fd: number;

  /**
   * Opens the file, and makes it for its owner alone where there is none.
   *
   * @param directory a directory that is there is locked, and nothing is made
   * @throws {SystemError}
   */
  constructor(path: string, directory = false) {
    this.path = path;
    const flags = directory ? O_DIRECTORY | O_CLOEXEC : O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
    this.#fd = opened("open", libc.open(cString(path), flags, 0o600), path);
  }

  /** Takes the lock unless somebody else has it; never waits. Returns whether it is ours now. */
  tryAcquire(): boolean {
    if (libc.flock(this.#fd, LOCK_EX | LOCK_NB) === 0) return true;
    const errno = lastErrno();
    if (errno === EAGAIN) return false;
    throw new SystemError("flock", errno, this.path);
  }

  /** Lets others have it. */
  release(): void {
    check("flock", libc.flock(this.#fd, LOCK_UN), this.path);
  }

  /** Lets go of lock and file. */
  close(): void {
    closeDescriptor(this.#fd);
  }
}
