/**
 * Agents beside each other in one network namespace, as one sees the others: by their claims
 * (`claims.ts`), which the kernel lists, and by what it says of the process that has one.
 *
 * @module
 */

import {
  AF_UNIX,
  closeDescriptor,
  connectSocket,
  EAGAIN,
  inNamespace,
  openSocket,
  peerCredentials,
  readLink,
  readText,
  SOCK_STREAM,
  sockaddrUn,
  SystemError,
} from "../../ffi/mod.ts";

/** Bit of the capability without which nobody is an agent. */
const CAP_NET_ADMIN = 12n;

/** An agent that runs, as its claim shows it. */
export interface Claimant {
  readonly protocol: number;
  /** As this process sees it; 0: it is in another process namespace, or too busy to be asked. */
  readonly pid: number;
  /** Its control socket, in its own view of the file system; undefined: it is not known. */
  readonly control?: string;
}

/** The name of the claim of a number. */
export function nameOfClaim(protocol: number): string {
  return `@halb/${protocol}`;
}

/** `Another agent (process 4711, at /run/halb/control.sock)`. */
export function nameOfAgent({ pid, control }: Claimant): string {
  const known = [
    ...pid === 0 ? [] : [`process ${pid}`],
    ...control === undefined ? [] : [`control socket ${control}`],
  ];
  return known.length === 0 ? "Another agent" : `Another agent (${known.join(", ")})`;
}

/**
 * A network namespace as `/proc/PID/ns/net` shows it, `net:[4026531840]`; empty: this process's.
 * null: there is no such namespace.
 */
export function networkOf(namespace: string): string | null {
  try {
    if (namespace === "") return readLink("/proc/self/ns/net");
    return `net:[${Deno.statSync(`/run/netns/${namespace}`).ino}]`;
  } catch {
    return null;
  }
}

/** All agents that work in a namespace, this process among them; empty: in our own. Never throws. */
export function claimantsIn(namespace: string): Claimant[] {
  try {
    return inNamespace(namespace, () => {
      const claims = readClaims(readText("/proc/thread-self/net/unix"));
      return claims.flatMap(({ protocol, controls }): Claimant[] => {
        const pid = holderOf(protocol);
        // Whose control socket it is nobody can say then.
        if (pid === "busy") return [{ protocol, pid: 0 }];
        if (pid === "stranger" || pid === "nobody") return [];
        // In a container the process knows itself by another number.
        const control = controls.get(pid) ?? (controls.size === 1 ? [...controls.values()][0] : "");
        return [{ protocol, pid, ...(control ? { control } : {}) }];
      });
    });
  } catch {
    return [];
  }
}

/** Numbers that are claimed in a table of Unix sockets, with the control sockets by process. */
export function readClaims(
  table: string,
): { readonly protocol: number; readonly controls: ReadonlyMap<number, string> }[] {
  const claims = new Map<number, Map<number, string>>();
  for (const line of table.split("\n")) {
    const match = / @halb\/([0-9]{1,3})(?:\/([0-9]{1,10})(\/.*)?)?$/.exec(line);
    if (match === null) continue;
    const [, protocol, pid, control] = match;
    const controls = claims.get(Number(protocol)) ?? new Map<number, string>();
    claims.set(Number(protocol), controls);
    if (pid !== undefined) controls.set(Number(pid), control ?? "");
  }
  return [...claims].map(([protocol, controls]) => ({ protocol, controls }));
}

/**
 * Who has a claim, in the network namespace of this thread: the number of a process that may be an
 * agent; somebody else; somebody who has so many callers that he cannot be asked; nobody who listens.
 */
export function holderOf(protocol: number): number | "stranger" | "busy" | "nobody" {
  const socket = openSocket(AF_UNIX, SOCK_STREAM, 0);
  try {
    connectSocket(socket, sockaddrUn(nameOfClaim(protocol)));
    const { pid, uid } = peerCredentials(socket);
    return uid === 0 || uid === Deno.uid() || isPowerful(pid) ? pid : "stranger";
  } catch (error) {
    return error instanceof SystemError && error.errno === EAGAIN ? "busy" : "nobody";
  } finally {
    closeDescriptor(socket);
  }
}

/** Whether a process may do what an agent must. */
function isPowerful(pid: number): boolean {
  try {
    return hasOurUsers(pid) && mayAdminister(readText(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}

/**
 * Whether a process has our users. In a user namespace that it has made itself it has all
 * capabilities, which say nothing here.
 */
export function hasOurUsers(pid: number): boolean {
  try {
    return readText(`/proc/${pid}/uid_map`) === readText("/proc/self/uid_map");
  } catch {
    return false;
  }
}

/** Whether a process has the capability of an agent: by its `/proc/PID/status`. */
export function mayAdminister(status: string): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0";
  return (BigInt(`0x${effective}`) >> CAP_NET_ADMIN & 1n) === 1n;
}
