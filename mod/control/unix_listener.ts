/**
 * A Unix socket that only its owner may use. It is made beside its place and moved there: clients
 * find the former one or the new one, never none.
 *
 * @module
 */

import { umask } from "../../ffi/mod.ts";

/** Listens at `path`. @throws {Error} for anything there that is no socket */
export function listenUnix(path: string): Deno.Listener<Deno.UnixConn> {
  refuseOther(path);
  const draft = `${path}~`;
  if (refuseOther(draft)) Deno.removeSync(draft);
  const before = umask(0o177);
  try {
    const listener = Deno.listen({ transport: "unix", path: draft });
    Deno.renameSync(draft, path);
    return listener;
  } finally {
    umask(before);
  }
}

/** The place of our socket: one that is there later may be a successor's. */
export class SocketPlace {
  readonly #path: string;
  readonly #inode: number | null;

  /** @param path where our socket is now */
  constructor(path: string) {
    this.#path = path;
    this.#inode = Deno.lstatSync(path).ino;
  }

  /** Whether clients of the path reach us. */
  get ours(): boolean {
    try {
      return Deno.lstatSync(this.#path).ino === this.#inode;
    } catch {
      return false;
    }
  }

  /** Removes the socket, unless it is a successor's. */
  leave(): void {
    try {
      if (this.ours) Deno.removeSync(this.#path);
    } catch {
      // Somebody else has removed it: that is what we wanted.
    }
  }
}

/** Whether a socket is at `path`. @throws {Error} for anything else that is there */
function refuseOther(path: string): boolean {
  try {
    if (!Deno.lstatSync(path).isSocket) throw new Error(`"${path}" is there and is no socket`);
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return false;
  }
}
