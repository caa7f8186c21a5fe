/**
 * libnl-3 and libnl-genl-3: sockets of generic netlink, and the numbers of its families.
 *
 * They are loaded when the first such socket is opened and not before, so that a site without
 * virtual servers needs libc alone. libnl opens and binds the socket, asks the kernel for the
 * family's number, and sends; one send may carry hundreds of requests, built by `mod/netlink`.
 * Answers are read from the descriptor with libc: libnl's own receiving stops at each message.
 *
 * libnl has error numbers of its own (NLE_…), which are not errno; its sentence for one is what a
 * LibnlError says.
 *
 * @module
 */

import {
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOL_NETLINK,
  SOL_SOCKET,
} from "./constants.ts";
import { forgetDescriptor, opened } from "./descriptor.ts";
import { EPERM, SystemError } from "./errors.ts";
import { sockaddrNl } from "./sockaddr.ts";
import { connectSocket, setOption } from "./socket.ts";
import { cString } from "./symbols.ts";

/** A shared library and the packages that bring it. */
export interface LibnlLibrary {
  readonly soname: string;
  /** As a person would be told: `libnl-3-200 (Debian, Ubuntu) or libnl3 (Fedora, Alpine)`. */
  readonly packages: string;
}

const CORE: LibnlLibrary = {
  soname: "libnl-3.so.200",
  packages: "libnl-3-200 (Debian, Ubuntu) or libnl3 (Fedora, Alpine)",
};
const GENERIC: LibnlLibrary = {
  soname: "libnl-genl-3.so.200",
  packages: "libnl-genl-3-200 (Debian, Ubuntu) or libnl3 (Fedora, Alpine)",
};

/** A library that this host does not have. */
export class MissingLibrary extends Error {
  override readonly name = "MissingLibrary";
  /** Such as `"libnl-3.so.200"`. */
  readonly library: string;

  constructor({ soname, packages }: LibnlLibrary, cause: unknown) {
    super(`Cannot load ${soname}, which virtual servers need: install ${packages}`, { cause });
    this.library = soname;
  }
}

/** NLE_OBJ_NOTFOUND: what was asked for is not there. */
const NLE_OBJ_NOTFOUND = 12;

/** A call of libnl that failed. Its message reads `genl_ctrl_resolve IPVS: Object not found`. */
export class LibnlError extends Error {
  override readonly name = "LibnlError";
  readonly call: string;
  /** NLE_…, above 0. */
  readonly code: number;

  constructor(call: string, code: number, text: string, detail = "") {
    super(`${detail === "" ? call : `${call} ${detail}`}: ${text}`);
    this.call = call;
    this.code = code;
  }

  /** Whether it says that what was asked for is not there. */
  get notFound(): boolean {
    return this.code === NLE_OBJ_NOTFOUND;
  }
}

const CORE_SYMBOLS = {
  nl_socket_alloc: { parameters: [], result: "pointer" },
  nl_socket_free: { parameters: ["pointer"], result: "void" },
  nl_socket_get_fd: { parameters: ["pointer"], result: "i32" },
  nl_socket_get_local_port: { parameters: ["pointer"], result: "u32" },
  // Lengths stay below 2³¹: see symbols.ts.
  nl_sendto: { parameters: ["pointer", "buffer", "u32"], result: "i32" },
  nl_geterror: { parameters: ["i32"], result: "pointer" },
} as const;

const GENERIC_SYMBOLS = {
  genl_connect: { parameters: ["pointer"], result: "i32" },
  genl_ctrl_resolve: { parameters: ["pointer", "buffer"], result: "i32" },
} as const;

type Core = Deno.DynamicLibrary<typeof CORE_SYMBOLS>;
type Generic = Deno.DynamicLibrary<typeof GENERIC_SYMBOLS>;

interface Libnl {
  readonly core: Core["symbols"];
  readonly generic: Generic["symbols"];
}

let loaded: Libnl | undefined;

function open<S extends Deno.ForeignLibraryInterface>(
  library: LibnlLibrary,
  symbols: S,
): Deno.DynamicLibrary<S> {
  try {
    return Deno.dlopen(library.soname, symbols);
  } catch (error) {
    throw new MissingLibrary(library, error);
  }
}

function load(coreLibrary: LibnlLibrary, genericLibrary: LibnlLibrary): Libnl {
  const core = open(coreLibrary, CORE_SYMBOLS);
  try {
    return { core: core.symbols, generic: open(genericLibrary, GENERIC_SYMBOLS).symbols };
  } catch (error) {
    core.close();
    throw error;
  }
}

/**
 * A connected socket of generic netlink that talks with the kernel alone, with extended
 * acknowledgements. Answers are received from its descriptor, with MSG_DONTWAIT.
 */
export class GenericSocket {
  readonly fd: number;
  /** Our address on netlink. */
  readonly portId: number;
  readonly #libnl: Libnl;
  #socket: Deno.PointerObject | null;

  /**
   * Opens one, and loads libnl where it is the first of this thread.
   *
   * @param libraries for tests: other libraries than the ones that are meant
   * @throws {MissingLibrary} where the host has no libnl
   */
  constructor(libraries?: { readonly core?: LibnlLibrary; readonly generic?: LibnlLibrary }) {
    this.#libnl = libraries === undefined
      ? loaded ??= load(CORE, GENERIC)
      : load(libraries.core ?? CORE, libraries.generic ?? GENERIC);
    const socket = this.#libnl.core.nl_socket_alloc();
    if (socket === null) throw new Error("nl_socket_alloc: out of memory");
    this.#socket = socket;
    let noted = -1;
    try {
      this.#check("genl_connect", this.#libnl.generic.genl_connect(socket));
      this.fd = noted = opened("nl_socket_get_fd", this.#libnl.core.nl_socket_get_fd(socket));
      this.portId = this.#libnl.core.nl_socket_get_local_port(socket);
      setOption(this.fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
      setOption(this.fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
      // From now on the kernel lets nobody but itself send to us.
      connectSocket(this.fd, sockaddrNl(0, 0));
    } catch (error) {
      forgetDescriptor(noted);
      this.#libnl.core.nl_socket_free(socket);
      throw error;
    }
  }

  /**
   * The number of a family. The kernel loads the family's module where it can.
   *
   * @throws {LibnlError} `notFound` where the kernel has none of that name
   */
  resolve(name: string): number {
    // Answers of other requests must not stand before this one: ask before anything else.
    const number = this.#libnl.generic.genl_ctrl_resolve(this.#open(), cString(name));
    return this.#check("genl_ctrl_resolve", number, name);
  }

  /** Sends one datagram, which may hold many requests, to the kernel. */
  send(bytes: Uint8Array): void {
    const sent = this.#libnl.core.nl_sendto(this.#open(), bytes, bytes.length);
    this.#check("nl_sendto", sent, `${bytes.length} bytes`);
  }

  /** Asks for buffers of so many bytes, beyond the system's limits where CAP_NET_ADMIN allows. */
  setBuffers(receiving: number, sending: number): void {
    force(this.fd, SO_RCVBUFFORCE, SO_RCVBUF, receiving);
    force(this.fd, SO_SNDBUFFORCE, SO_SNDBUF, sending);
  }

  close(): void {
    if (this.#socket === null) return;
    // libnl closes the descriptor.
    forgetDescriptor(this.fd);
    this.#libnl.core.nl_socket_free(this.#socket);
    this.#socket = null;
  }

  #open(): Deno.PointerObject {
    if (this.#socket === null) throw new Error("The netlink socket is closed");
    return this.#socket;
  }

  #check(call: string, result: number, detail = ""): number {
    if (result >= 0) return result;
    const text = this.#libnl.core.nl_geterror(result);
    const words = text === null ? `error ${-result}` : Deno.UnsafePointerView.getCString(text);
    throw new LibnlError(call, -result, words, detail);
  }
}

function force(fd: number, forced: number, plain: number, bytes: number): void {
  try {
    setOption(fd, SOL_SOCKET, forced, bytes);
  } catch (error) {
    if (!(error instanceof SystemError && error.errno === EPERM)) throw error;
    setOption(fd, SOL_SOCKET, plain, bytes);
  }
}
