/**
 * What the kernel says when it refuses: errno, as a number on hot paths and as a typed error
 * everywhere else.
 *
 * Calls that set something up throw a SystemError with the call's name; calls on the path of a
 * packet return a count or minus errno, and neither throw nor allocate.
 *
 * The numbers are those of asm-generic, which x86-64 and aarch64 share.
 *
 * @module
 */

import { lastErrno, libc } from "./symbols.ts";

/** Operation not permitted. */
export const EPERM = 1;
/** No such file or directory. */
export const ENOENT = 2;
/** No such process. */
export const ESRCH = 3;
/** Interrupted system call. */
export const EINTR = 4;
/** Input/output error. */
export const EIO = 5;
/** No such device or address. */
export const ENXIO = 6;
/** Bad file descriptor. */
export const EBADF = 9;
/** Nothing there now, try again (also EWOULDBLOCK). */
export const EAGAIN = 11;
/** Out of memory, or a lock limit reached. */
export const ENOMEM = 12;
/** Permission denied. */
export const EACCES = 13;
/** Bad address: a wrong pointer or length in a structure. */
export const EFAULT = 14;
/** Device or resource busy. */
export const EBUSY = 16;
/** Exists already. */
export const EEXIST = 17;
/** No such device: the interface is gone. */
export const ENODEV = 19;
/** Invalid argument. */
export const EINVAL = 22;
/** Too many open files in this process. */
export const EMFILE = 24;
/** No space: a fixed-size table is full. */
export const ENOSPC = 28;
/** Nobody reads from the pipe. */
export const EPIPE = 32;
/** Message too long. */
export const EMSGSIZE = 90;
/** Protocol not available: an unknown socket option. */
export const ENOPROTOOPT = 92;
/** Protocol not supported. */
export const EPROTONOSUPPORT = 93;
/** Operation not supported. */
export const EOPNOTSUPP = 95;
/** Address family not supported by this kernel. */
export const EAFNOSUPPORT = 97;
/** Address already in use. */
export const EADDRINUSE = 98;
/** Cannot assign the requested address. */
export const EADDRNOTAVAIL = 99;
/** Network is down. */
export const ENETDOWN = 100;
/** Network is unreachable. */
export const ENETUNREACH = 101;
/** Connection reset by peer. */
export const ECONNRESET = 104;
/** No buffer space: the queue overflowed, something was lost. */
export const ENOBUFS = 105;
/** Not connected. */
export const ENOTCONN = 107;
/** Timed out. */
export const ETIMEDOUT = 110;
/** Connection refused. */
export const ECONNREFUSED = 111;
/** Host is unreachable. */
export const EHOSTUNREACH = 113;
/** Already in progress. */
export const EALREADY = 114;
/** Now in progress: a connect that does not block. */
export const EINPROGRESS = 115;

// Each run of names starts at the number before it; the holes 41 and 58 were never assigned.
const NAME_RUNS: readonly (readonly [first: number, names: string])[] = [
  [
    1,
    "EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT " +
    "ENOTBLK EBUSY EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG " +
    "ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE EDEADLK ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY " +
    "ELOOP",
  ],
  [
    42,
    "ENOMSG EIDRM ECHRNG EL2NSYNC EL3HLT EL3RST ELNRNG EUNATCH ENOCSI EL2HLT EBADE EBADR EXFULL " +
    "ENOANO EBADRQC EBADSLT",
  ],
  [
    59,
    "EBFONT ENOSTR ENODATA ETIME ENOSR ENONET ENOPKG EREMOTE ENOLINK EADV ESRMNT ECOMM EPROTO " +
    "EMULTIHOP EDOTDOT EBADMSG EOVERFLOW ENOTUNIQ EBADFD EREMCHG ELIBACC ELIBBAD ELIBSCN ELIBMAX " +
    "ELIBEXEC EILSEQ ERESTART ESTRPIPE EUSERS ENOTSOCK EDESTADDRREQ EMSGSIZE EPROTOTYPE " +
    "ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE " +
    "EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET ECONNABORTED ECONNRESET ENOBUFS EISCONN " +
    "ENOTCONN ESHUTDOWN ETOOMANYREFS ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY " +
    "EINPROGRESS ESTALE EUCLEAN ENOTNAM ENAVAIL EISNAM EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE " +
    "ECANCELED ENOKEY EKEYEXPIRED EKEYREVOKED EKEYREJECTED EOWNERDEAD ENOTRECOVERABLE ERFKILL " +
    "EHWPOISON",
  ],
];

let names: Map<number, string> | undefined;

/** The symbolic name of an errno: `"EADDRINUSE"`; `"E999"` for a number that has none. */
export function errnoName(errno: number): string {
  if (names === undefined) {
    names = new Map();
    for (const [first, run] of NAME_RUNS) {
      for (const [index, name] of run.split(" ").entries()) names.set(first + index, name);
    }
  }
  return names.get(errno) ?? `E${errno}`;
}

/** libc's sentence for an errno: `"Address already in use"`. */
export function errnoText(errno: number): string {
  const pointer = libc.strerror(errno);
  return pointer === null ? `Error ${errno}` : Deno.UnsafePointerView.getCString(pointer);
}

/** A system call that failed. Its message reads `bind: Address already in use (EADDRINUSE)`. */
export class SystemError extends Error {
  override readonly name = "SystemError";
  /** The function that failed, such as `"bind"`. */
  readonly call: string;
  /** Symbolic name, such as `"EADDRINUSE"`. */
  readonly code: string;
  /** The number, above 0. */
  readonly errno: number;

  /** `detail` tells what the call was about and stands behind its name in the message. */
  constructor(call: string, errno: number, detail = "") {
    const subject = detail === "" ? call : `${call} ${detail}`;
    super(`${subject}: ${errnoText(errno)} (${errnoName(errno)})`);
    this.call = call;
    this.code = errnoName(errno);
    this.errno = errno;
  }
}

/** Returns `result`, or throws the SystemError that errno names when it is negative. */
export function check(call: string, result: number, detail = ""): number {
  if (result < 0) throw new SystemError(call, lastErrno(), detail);
  return result;
}

/** Returns `result`, or minus errno when it is negative: for paths that must not throw. */
export function countOrErrno(result: number): number {
  return result < 0 ? -lastErrno() : result;
}
