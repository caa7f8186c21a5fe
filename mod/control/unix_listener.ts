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
