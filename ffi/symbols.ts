/**
 * The functions of libc that halb calls, looked up one by one at their first use.
 *
 * A symbol costs about 0.15 ms to bind (Deno compiles a trampoline for it), whether alone or in
 * company, so each is bound when somebody first calls it: an isolate pays only for what it uses,
 * and a start pays for nothing in advance. After the first call a symbol is an ordinary property.
 *
 * Signatures use four types only. `size_t` parameters are declared `u32` and `ssize_t` results
 * `i32`, because 64-bit types would leave V8's fast path (370 ns instead of 180 ns a call) and make
 * BigInts; that is sound on both supported machines as long as lengths stay below 2³¹, which every
 * caller here sees to: registers hold small non-negative numbers zero-extended, and the low half
 * of a result is the whole of a small one.
 *
 * errno belongs to the thread: each JavaScript thread (the main isolate, every Worker) evaluates
 * this module anew, asks `__errno_location()` once where its errno lives, and reads that word
 * straight after the call that failed. Symbols are therefore never `nonblocking`, which would run
 * them on a thread of the pool.
 *
 * @module
 */

/** What may be passed: numbers, memory, or an opaque pointer. */
type Parameter = "i32" | "u32" | "usize" | "buffer" | "pointer";
type Result = "i32" | "u32" | "pointer";

interface Definition {
  /** The symbol, where one function has several shapes. */
  readonly name?: string;
  readonly parameters: readonly Parameter[];
  readonly result: Result;
}

type Argument<P> = P extends "buffer" ? ArrayBufferView | null
  : P extends "pointer" ? Deno.PointerValue
  : P extends "usize" ? bigint
  : number;

type Answer<R> = R extends "pointer" ? Deno.PointerValue : number;

type Arguments<P extends readonly Parameter[]> = { -readonly [I in keyof P]: Argument<P[I]> };

type Functions<D extends Readonly<Record<string, Definition>>> = {
  readonly [K in keyof D]: (...values: Arguments<D[K]["parameters"]>) => Answer<D[K]["result"]>;
};

const LIBRARY = "libc.so.6";

/**
 * This thread's errno, laid over libc's own word. Until the first symbol is bound there has been no
 * call that could fail, and it is a word of our own.
 */
let errnoWord = new Int32Array(1);
let errnoFound = false;

function findErrno(): void {
  errnoFound = true;
  const { symbols } = Deno.dlopen(LIBRARY, {
    __errno_location: { parameters: [], result: "pointer" },
  });
  const pointer = symbols.__errno_location();
  if (pointer === null) throw new Error("libc gives no errno location for this thread");
  errnoWord = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(pointer, 4));
}

/** This thread's errno. Meaningful only straight after a call that failed. */
export function lastErrno(): number {
  return errnoWord[0] ?? 0;
}

function bindLazily<const D extends Readonly<Record<string, Definition>>>(
  definitions: D,
): Functions<D> {
  const functions: Record<string, unknown> = {};
  for (const [name, definition] of Object.entries(definitions)) {
    Object.defineProperty(functions, name, {
      configurable: true,
      enumerable: true,
      get() {
        // First of all, so that no lookup ever stands between a failing call and its errno.
        if (!errnoFound) findErrno();
        const symbols: Record<string, unknown> = Deno.dlopen(LIBRARY, { [name]: definition })
          .symbols;
        const value = symbols[name];
        Object.defineProperty(functions, name, { value, configurable: false, writable: false });
        return value;
      },
    });
  }
  return functions as Functions<D>;
}

/** libc, bound lazily. For the other modules of `ffi/` only. */
export const libc = bindLazily({
  strerror: { parameters: ["i32"], result: "pointer" },

  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  readlink: { parameters: ["buffer", "buffer", "u32"], result: "i32" },
  getdents64: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  flock: { parameters: ["i32", "i32"], result: "i32" },

  adjtimex: { parameters: ["buffer"], result: "i32" },
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  timerfd_create: { parameters: ["i32", "i32"], result: "i32" },
  timerfd_settime: { parameters: ["i32", "i32", "buffer", "buffer"], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },

  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  accept4: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  recvfrom: {
    parameters: ["i32", "buffer", "u32", "i32", "buffer", "buffer"],
    result: "i32",
  },
  sendto: { parameters: ["i32", "buffer", "u32", "i32", "buffer", "u32"], result: "i32" },
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  sendmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  recvmmsg: { parameters: ["i32", "buffer", "u32", "i32", "pointer"], result: "i32" },
  sendmmsg: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  if_indextoname: { parameters: ["u32", "buffer"], result: "pointer" },

  setpriority: { parameters: ["i32", "u32", "i32"], result: "i32" },
  sched_setscheduler: { parameters: ["i32", "i32", "buffer"], result: "i32" },
  sched_getscheduler: { parameters: ["i32"], result: "i32" },
  sched_getparam: { parameters: ["i32", "buffer"], result: "i32" },
  sched_setaffinity: { parameters: ["i32", "u32", "buffer"], result: "i32" },
  sched_getaffinity: { parameters: ["i32", "u32", "buffer"], result: "i32" },
  mlock2: { parameters: ["usize", "usize", "u32"], result: "i32" },
  munlock: { parameters: ["usize", "usize"], result: "i32" },
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  capget: { parameters: ["buffer", "buffer"], result: "i32" },
  capset: { parameters: ["buffer", "buffer"], result: "i32" },
  execv: { parameters: ["buffer", "buffer"], result: "i32" },
  setns: { parameters: ["i32", "i32"], result: "i32" },
  umask: { parameters: ["u32"], result: "u32" },
  gettid: { parameters: [], result: "i32" },
  kill: { parameters: ["i32", "i32"], result: "i32" },
  syscall_numbers: { name: "syscall", parameters: ["u32", "u32", "u32", "u32"], result: "i32" },
  syscall_list: { name: "syscall", parameters: ["u32", "u32", "buffer"], result: "i32" },
  prctl: { parameters: ["i32", "u32", "u32", "u32", "u32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  mkfifo: { parameters: ["buffer", "u32"], result: "i32" },
  lchown: { parameters: ["buffer", "u32", "u32"], result: "i32" },
});

/** A function of libc that halb knows. */
export type SymbolName = keyof typeof libc;

/**
 * Binds symbols now instead of at their first call: all of them (about 8 ms) or those named. A
 * plane binds what its loop calls before the loop begins, so that the first packet pays for
 * nothing; a test that counts open resources binds before it counts.
 */
export function bindSymbols(...names: readonly SymbolName[]): void {
  // Reading the property is what binds it.
  for (const name of names.length > 0 ? names : Object.keys(libc)) Reflect.get(libc, name);
}

/**
 * The address of a view's first byte, for a pointer inside a C struct. The caller must keep the
 * view alive for as long as the kernel may follow the pointer.
 */
export function addressOf(view: ArrayBufferView): bigint {
  // V8 keeps small arrays inside its moving heap until somebody asks for their buffer.
  if (view.buffer.byteLength === 0) return 0n;
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(view as Uint8Array<ArrayBuffer>));
}

/** A C string: UTF-8 and a terminating zero. Throws RangeError on an embedded zero. */
export function cString(text: string): Uint8Array {
  if (text.includes("\0")) {
    throw new RangeError(`Text contains a zero byte: ${JSON.stringify(text)}`);
  }
  return new TextEncoder().encode(`${text}\0`);
}
