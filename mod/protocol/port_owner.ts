/**
 * Who has a UDP port: for the one line of an error that says which daemon is in the way.
 *
 * @module
 */

/**
 * How often the table is read where the port is not in it. The kernel gives it by the page and goes
 * on by counting lines, so that a line is skipped when another socket is closed meanwhile.
 */
const READINGS = 5;

/**
 * Name and process id of a program with a socket on that port in this thread's network namespace,
 * such as `bfdd (pid 4711)`; `undefined`: it cannot be found out. Never throws.
 */
export function ownerOfUdpPort(family: "ipv4" | "ipv6", port: number): string | undefined {
  try {
    const table = family === "ipv4" ? "udp" : "udp6";
    for (let reading = 0; reading < READINGS; reading++) {
      const inode = findInode(Deno.readTextFileSync(`/proc/thread-self/net/${table}`), port);
      if (inode !== undefined) return findHolder(`socket:[${inode}]`);
    }
    return undefined;
  } catch {
    return undefined;
  }
}

/** The socket's inode: tenth word of its line; the second is address and port, hexadecimal. */
export function findInode(table: string, port: number): string | undefined {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  for (const line of table.split("\n").slice(1)) {
    const words = line.trim().split(/\s+/);
    if (words[1]?.endsWith(suffix)) return words[9];
  }
  return undefined;
}

function findHolder(link: string): string | undefined {
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    if (holds(name, link)) {
      return `${Deno.readTextFileSync(`/proc/${name}/comm`).trim()} (pid ${name})`;
    }
  }
  return undefined;
}

function holds(pid: string, link: string): boolean {
  const directory = `/proc/${pid}/fd`;
  try {
    for (const { name } of Deno.readDirSync(directory)) {
      if (readLink(`${directory}/${name}`) === link) return true;
    }
  } catch {
    // It ended while we looked, or it is not ours to look into.
  }
  return false;
}

/** Undefined: that descriptor was closed while we looked. The others are still to be looked at. */
function readLink(path: string): string | undefined {
  try {
    return Deno.readLinkSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
