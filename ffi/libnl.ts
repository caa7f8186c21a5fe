/**
 * libnl-3 and libnl-genl-3: sockets of generic netlink, and the numbers of its families.
 *
 * They are loaded when the first such socket is opened and not before, so that a site without
 * virtual servers needs libc alone. libnl opens and binds the socket, asks the kernel for the
 * family's number, and sends; one send may carry hundreds of requests, built by `mod/netlink`.
 * Answers are read from the descriptor with libc: libnl's own receiving stops at each message.
 *
 * The host's own libnl is taken where there is one, and the copies that the build has embedded where
 * there is none: libnl-3 first, since libnl-genl-3 then finds it by its soname.
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
import { loadFromMemory } from "./memory_file.ts";
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

  /** @param embedded why the embedded copy would not do; empty: there is none */
  constructor({ soname, packages }: LibnlLibrary, cause: unknown, embedded = "") {
    const also = embedded === "" ? "" : ` (the copy in this program: ${embedded})`;
    super(`Cannot load ${soname}, which virtual servers need: install ${packages}${also}`, {
      cause,
    });
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

/** Whose libnl is used: the host's, or the copy in this program. */
export type LibnlOrigin = "host" | "embedded";

interface Libnl {
  readonly origin: LibnlOrigin;
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

function loadFromHost(coreLibrary: LibnlLibrary, genericLibrary: LibnlLibrary): Libnl {
  const core = open(coreLibrary, CORE_SYMBOLS);
  try {
    const generic = open(genericLibrary, GENERIC_SYMBOLS);
    return { origin: "host", core: core.symbols, generic: generic.symbols };
  } catch (error) {
    core.close();
    throw error;
  }
}

/** Where a compiled program finds what scripts/build has put into it. */
function embeddedUrl(soname: string): URL {
  // Bundled, this module is part of a file in build/js/PLANE; otherwise it lies in ffi.
  const folder = import.meta.url.includes("/build/js/") ? "../../libnl" : "../build/libnl";
  return new URL(`${folder}/${soname}`, import.meta.url);
}

/** The embedded copy of a library; undefined: this program has none. */
function embedded(soname: string): Uint8Array | undefined {
  // From source these paths are files of somebody's disk.
  if (!Deno.build.standalone) return undefined;
  try {
    return Deno.readFileSync(embeddedUrl(soname));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Finds the bytes of an embedded library by its soname. */
export type FindEmbedded = (soname: string) => Uint8Array | undefined;

/** @returns undefined where this program has no copies */
function loadEmbedded(find: FindEmbedded): Libnl | undefined {
  const [coreBytes, genericBytes] = [find(CORE.soname), find(GENERIC.soname)];
  if (coreBytes === undefined || genericBytes === undefined) return undefined;
  const core = loadFromMemory(CORE.soname, 0, coreBytes, CORE_SYMBOLS);
  try {
    const generic = loadFromMemory(GENERIC.soname, 1, genericBytes, GENERIC_SYMBOLS);
    return { origin: "embedded", core: core.symbols, generic: generic.symbols };
  } catch (error) {
    core.close();
    throw error;
  }
}

function load(coreLibrary: LibnlLibrary, genericLibrary: LibnlLibrary, find: FindEmbedded): Libnl {
  try {
    return loadFromHost(coreLibrary, genericLibrary);
  } catch (error) {
    if (!(error instanceof MissingLibrary)) throw error;
    try {
      const own = loadEmbedded(find);
      if (own !== undefined) return own;
    } catch (refusal) {
      const library = error.library === coreLibrary.soname ? coreLibrary : genericLibrary;
      const words = refusal instanceof Error ? refusal.message : String(refusal);
      throw new MissingLibrary(library, error.cause, words);
    }
    throw error;
  }
}

/** For tests: other libraries than the ones that are meant. */
export interface OtherLibraries {
  readonly core?: LibnlLibrary;
  readonly generic?: LibnlLibrary;
  readonly embedded?: FindEmbedded;
}

/**
 * A connected socket of generic netlink that talks with the kernel alone, with extended
 * acknowledgements. Answers are received from its descriptor, with MSG_DONTWAIT.
 */
export class GenericSocket {
  readonly fd: number;
  /** Our address on netlink. */
  readonly portId: number;
  /** Whose libnl this is. */
  readonly origin: LibnlOrigin;
  readonly #libnl: Libnl;
  #socket: Deno.PointerObject | null;

  /**
   * Opens one, and loads libnl where it is the first of this thread.
   *
   * @throws {MissingLibrary} where neither the host nor this program has libnl
   */
  constructor(libraries?: OtherLibraries) {
    this.#libnl = libraries === undefined ? loaded ??= load(CORE, GENERIC, embedded) : load(
      libraries.core ?? CORE,
      libraries.generic ?? GENERIC,
      libraries.embedded ?? embedded,
    );
    this.origin = this.#libnl.origin;
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
