/**
 * What differs between the machines that halb runs on: everything else is asm-generic's, with
 * 64-bit pointers and the low byte first.
 *
 * @module
 */

/** Numbers of one machine, as its kernel's headers have them. */
export interface Architecture {
  /** `struct epoll_event`, in 32-bit words: from one to the next, and to the low half of the token. */
  readonly epollEvent: { readonly stride: number; readonly token: number };
  readonly O_DIRECTORY: number;
  readonly O_NOFOLLOW: number;
  readonly SYS_SETGROUPS: number;
  readonly SYS_SETRESUID: number;
  readonly SYS_SETRESGID: number;
}

/** By the names that Deno has for them. */
export const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  x86_64: {
    // Packed, so that 32-bit programs have the same one.
    epollEvent: { stride: 3, token: 1 },
    O_DIRECTORY: 0o200000,
    O_NOFOLLOW: 0o400000,
    SYS_SETGROUPS: 116,
    SYS_SETRESUID: 117,
    SYS_SETRESGID: 119,
  },
  aarch64: {
    epollEvent: { stride: 4, token: 2 },
    O_DIRECTORY: 0o40000,
    O_NOFOLLOW: 0o100000,
    SYS_SETGROUPS: 159,
    SYS_SETRESUID: 147,
    SYS_SETRESGID: 149,
  },
};

function architecture(name: string): Architecture {
  const found = ARCHITECTURES[name];
  if (found === undefined) {
    const known = Object.keys(ARCHITECTURES).join(", ");
    throw new Error(`No structure layouts for this machine: ${name} (known: ${known})`);
  }
  return found;
}

/** This machine's. */
export const ARCHITECTURE: Architecture = architecture(Deno.build.arch);
