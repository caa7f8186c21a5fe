/**
 * Agents beside each other in one network namespace: each claims the number by which the kernel
 * marks what it holds (`mod/kernel/mark.ts`), so that no two take each other's things for their own
 * leftovers; and by their claims they find each other.
 *
 * A claim is a socket in the abstract name space of Unix sockets. The kernel has one such space for
 * each network namespace, whichever container or user the agents have, gives a name to one process
 * alone, and takes it from a process that ends. Any user of the host may take such a name, too: one
 * that is neither trusted nor allowed to do what an agent does keeps nobody from starting.
 *
 * @module
 */

import {
  acceptSocket,
  AF_UNIX,
  bindSocket,
  closeDescriptor,
  connectSocket,
  EADDRINUSE,
  inNamespace,
  listenSocket,
  openSocket,
  peerCredentials,
  readText,
  SOCK_STREAM,
  sockaddrUn,
  SystemError,
} from "../../ffi/mod.ts";
import type { AgentConfig, SiteConfig } from "../../config/mod.ts";
import { log } from "./logging.ts";

/** Bit of the capability without which nobody is an agent. */
const CAP_NET_ADMIN = 12n;
/** Those who have asked who we are are let go so often, milliseconds. */
const LOOK = 1_000;
/** So often the former process is looked for, milliseconds. */
const INHERIT = 100;
/** Who asks at once finds room. */
const BACKLOG = 64;

/** An agent that runs, as its claim shows it. */
export interface Claimant {
  readonly protocol: number;
  /** As this process sees it; 0: it is in another process namespace. */
  readonly pid: number;
  /** Its control socket, in its own view of the file system; undefined: it is not known. */
  readonly control?: string;
}

/** Another agent has the same number. */
export class Claimed extends Error {
  override readonly name = "Claimed";
}

/** Namespaces that a site works in; empty: the agent's own. */
export function namespacesOf({ vrrp, bfd, ipvs }: SiteConfig): string[] {
  const named = [...vrrp, ...bfd, ...ipvs === undefined ? [] : [ipvs]];
  return [...new Set(["", ...named.flatMap(({ namespace }) => namespace ?? [])])];
}

/** What we have claimed. */
export class Claims {
  readonly #agent: Pick<AgentConfig, "protocol_number" | "instance" | "control">;
  /** Sockets by namespace. */
  readonly #held = new Map<string, readonly number[]>();
  #timer: ReturnType<typeof setInterval> | undefined;
  /** The process that we have taken over from has not let go yet. */
  inheriting = false;

  constructor(agent: Pick<AgentConfig, "protocol_number" | "instance" | "control">) {
    this.#agent = agent;
  }

  /** Claims our number in these namespaces. @throws {Claimed} where another agent has it */
  take(namespaces: readonly string[]): void {
    for (const namespace of namespaces) {
      if (this.#held.has(namespace)) continue;
      const sockets = this.#claim(namespace);
      if (sockets !== undefined) this.#held.set(namespace, sockets);
    }
    this.inheriting = false;
    this.#every(LOOK, () => this.#letGo());
  }

  /** As {@link take}, once the process that we have taken over from lets go. Never throws. */
  inherit(namespaces: readonly string[]): void {
    const attempt = (): void => {
      try {
        this.take(namespaces);
      } catch (error) {
        if (!(error instanceof Claimed)) log("warning", ["control"], String(error));
      }
    };
    this.inheriting = true;
    this.#every(INHERIT, attempt);
    attempt();
  }

  /** The end, or a successor is there. */
  close(): void {
    clearInterval(this.#timer);
    for (const sockets of this.#held.values()) sockets.forEach(closeDescriptor);
    this.#held.clear();
  }

  #every(milliseconds: number, work: () => void): void {
    clearInterval(this.#timer);
    this.#timer = setInterval(work, milliseconds);
    Deno.unrefTimer(this.#timer);
  }

  /** Whoever has connected knows all that there is to know. */
  #letGo(): void {
    for (const [socket] of this.#held.values()) {
      for (let fd; socket !== undefined && (fd = acceptSocket(socket)) !== undefined;) {
        closeDescriptor(fd);
      }
    }
  }

  #claim(namespace: string): number[] | undefined {
    const { protocol_number: protocol, instance, control } = this.#agent;
    try {
      return inNamespace(namespace, () => {
        const claim = bound(nameOf(protocol));
        listenSocket(claim, BACKLOG);
        return [claim, ...announced(protocol, control)];
      });
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      // What cannot be entered is told of by whoever works there.
      if (error.errno !== EADDRINUSE) return undefined;
    }
    const where = namespace === "" ? "this network namespace" : `namespace "${namespace}"`;
    const other = claimantsIn(namespace).find((one) => one.protocol === protocol);
    if (other === undefined) {
      const properties = { name: nameOf(protocol) };
      log("warning", ["control"], `A stranger has the name of our claim in ${where}`, properties);
      return undefined;
    }
    const who = `${nameOfAgent(other)} works in ${where}`;
    throw new Claimed(
      instance === undefined
        ? `${who}, and would take what this one holds for its own: ` +
          "give each a name (agent.instance), or a network namespace, or let one do the work of both"
        : `${who} with the same instance "${instance}", or with a name that makes the same ` +
          `number, ${protocol}: give one another name, or another agent.protocol_number`,
    );
  }
}

/** `Another agent (process 4711, at /run/halb/control.sock)`. */
export function nameOfAgent({ pid, control }: Claimant): string {
  const known = [
    ...pid === 0 ? [] : [`process ${pid}`],
    ...control === undefined ? [] : [`control socket ${control}`],
  ];
  return known.length === 0 ? "Another agent" : `Another agent (${known.join(", ")})`;
}

/** All agents that work in a namespace, this process among them; empty: in our own. Never throws. */
export function claimantsIn(namespace: string): Claimant[] {
  try {
    return inNamespace(namespace, () => {
      const claims = readClaims(readText("/proc/thread-self/net/unix"));
      return claims.flatMap(({ protocol, controls }): Claimant[] => {
        const pid = trustedHolder(protocol);
        if (pid === undefined) return [];
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

/** Process that has a claim and may be an agent; undefined: nobody has, or somebody else. */
function trustedHolder(protocol: number): number | undefined {
  const socket = openSocket(AF_UNIX, SOCK_STREAM, 0);
  try {
    connectSocket(socket, sockaddrUn(nameOf(protocol)));
    const { pid, uid } = peerCredentials(socket);
    if (uid === 0 || uid === Deno.uid() || isPowerful(pid)) return pid;
    return undefined;
  } catch {
    return undefined;
  } finally {
    closeDescriptor(socket);
  }
}

/** Whether a process may do what an agent must. */
function isPowerful(pid: number): boolean {
  try {
    const status = readText(`/proc/${pid}/status`);
    const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0";
    return (BigInt(`0x${effective}`) >> CAP_NET_ADMIN & 1n) === 1n;
  } catch {
    return false;
  }
}

function nameOf(protocol: number): string {
  return `@halb/${protocol}`;
}

/** A socket whose name tells others where we listen. */
function announced(protocol: number, control: string): number[] {
  const name = `${nameOf(protocol)}/${Deno.pid}`;
  for (const told of [`${name}${control}`, name]) {
    try {
      return [bound(told)];
    } catch (error) {
      // Too long a path, or a socket of a process of the same number in another container.
      if (!(error instanceof RangeError || error instanceof SystemError)) throw error;
    }
  }
  return [];
}

function bound(name: string): number {
  const socket = openSocket(AF_UNIX, SOCK_STREAM, 0);
  try {
    bindSocket(socket, sockaddrUn(name));
    return socket;
  } catch (error) {
    closeDescriptor(socket);
    throw error;
  }
}
