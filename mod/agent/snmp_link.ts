/**
 * A connection to the SNMP agent of this host, and why there is none.
 *
 * @module
 */

/** A connection to the master, until it is gone. */
export interface Link {
  connection: Deno.Conn | null;
  /** Writes, one after the other. */
  writes: Promise<void>;
}

/** Writes as long as there is a connection. */
export async function writeAll(link: Link, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    if (link.connection === null) return;
    at += await link.connection.write(bytes.subarray(at));
  }
}

export function closeQuietly(link: Link): void {
  const { connection } = link;
  link.connection = null;
  try {
    connection?.close();
  } catch {
    // It is closed.
  }
}

/** Why there is no connection, in words behind "the master agent". */
export function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "is not there";
  if (error instanceof Deno.errors.ConnectionRefused) return "does not listen";
  if (error instanceof Deno.errors.PermissionDenied) return "refuses us its socket";
  return error instanceof Error ? `cannot be reached: ${error.message}` : String(error);
}
