/**
 * Shared libraries that come with the program instead of the host: a file in memory holds one
 * while the dynamic linker maps it, so that nothing is written to a disk where others could
 * exchange it.
 *
 * @module
 */

import { closeDescriptor, opened } from "./descriptor.ts";
import { countOrErrno, EINVAL, EIO, SystemError } from "./errors.ts";
import { cString, lastErrno, libc } from "./symbols.ts";

const MFD_CLOEXEC = 1;
/** Linux 6.3: it may be mapped as code, whatever `vm.memfd_noexec` 1 says. */
const MFD_EXEC = 0x10;

/**
 * Loads a library out of memory. The linker keeps its own mapping: nothing stays open.
 *
 * @param name shown in /proc/self/maps, such as `libnl-3.so.200`
 * @param library a number for each library, the same in all threads. The linker takes a library for
 *   loaded when one came from the same path, and descriptors are used again: so each has paths of
 *   its own.
 * @throws {SystemError} where there is no such file in memory
 * @throws where the linker refuses it: for another machine, or not allowed to be code
 */
export function loadFromMemory<S extends Deno.ForeignLibraryInterface>(
  name: string,
  library: number,
  bytes: Uint8Array,
  symbols: S,
): Deno.DynamicLibrary<S> {
  const fd = fileInMemory(name);
  try {
    for (let at = 0; at < bytes.length;) {
      const rest = bytes.subarray(at);
      const written = countOrErrno(libc.write(fd, rest, rest.length));
      if (written <= 0) throw new SystemError("write", written === 0 ? EIO : -written, name);
      at += written;
    }
    return Deno.dlopen(`/proc/self/fd/${"./".repeat(library)}${fd}`, symbols);
  } finally {
    closeDescriptor(fd);
  }
}

function fileInMemory(name: string): number {
  const path = cString(name);
  const fd = libc.memfd_create(path, MFD_CLOEXEC | MFD_EXEC);
  if (fd >= 0) return opened("memfd_create", fd, name);
  // Before Linux 6.3 the flag is unknown, and every file in memory may be code.
  const failure = new SystemError("memfd_create", lastErrno(), name);
  if (failure.errno !== EINVAL) throw failure;
  return opened("memfd_create", libc.memfd_create(path, MFD_CLOEXEC), name);
}
