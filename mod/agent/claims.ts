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
  EADDRINUSE,
  inNamespace,
  listenSocket,
  namespaceIdentity,
  openSocket,
  SOCK_STREAM,
  sockaddrUn,
  SystemError,
} from "../../ffi/mod.ts";
import type { AgentConfig, SiteConfig } from "../../config/mod.ts";
import { sleep } from "../plane/crash.ts";
import { textOf } from "../text/mod.ts";
import { claimantsIn, holderOf, nameOfAgent, nameOfClaim } from "./claimants.ts";
import { log } from "./logging.ts";

/** Those who have asked who we are are let go so often, milliseconds. */
const LOOK = 250;
/** At every such look one counts; at every so manyth the namespaces are looked at. */
const LOOKS = 4;
/** So often the former process is looked for, milliseconds. */
const INHERIT = 100;
/** It should have let go after so many looks. */
const INHERIT_LOOKS = 50;
/** Who asks at once finds room. */
const BACKLOG = 64;
/** So often a name is asked for whose owner cannot be asked who he is. */
const BUSY_LOOKS = 20;
/** So often one that nobody answers for: an agent that starts right now does so in no time. */
const SILENT_LOOKS = 2;
/** In between, microseconds. */
const PAUSE = 50_000;

/** Another agent has the same number. */
export class Claimed extends Error {
  override readonly name = "Claimed";
}

/** Namespaces that a site works in; empty: the agent's own. */
export function namespacesOf(
  { vrrp, bfd, bfd_reflector, bfd_unsolicited, ipvs }: SiteConfig,
): string[] {
  const named = [...vrrp, ...bfd, bfd_reflector, bfd_unsolicited, ipvs];
  return [...new Set(["", ...named.flatMap((one) => one?.namespace ?? [])])];
}

/** A claim in a namespace. */
interface Held {
  /** Of the namespace: another one may get its name. */
  readonly identity: string;
  readonly sockets: readonly number[];
}

/** What we have claimed. */
export class Claims {
  readonly #agent: Pick<AgentConfig, "protocol_number" | "instance" | "control">;
  /** Namespaces in which our number should be claimed. */
  #wanted: ReadonlySet<string> = new Set();
  /** By namespace: those that are there, and where nobody is before us. */
  readonly #held = new Map<string, Held>();
  /** What was last said of a namespace. */
  readonly #told = new Map<string, string>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #looks = 0;
  /** Looks for which the process that we have taken over from may have what is ours. */
  #inheriting = 0;

  constructor(agent: Pick<AgentConfig, "protocol_number" | "instance" | "control">) {
    this.#agent = agent;
  }

  /**
   * Claims our number in these namespaces, beside those where it is claimed: in all or in none.
   *
   * @throws {Claimed} where another agent has it
   */
  take(namespaces: readonly string[]): void {
    const more = namespaces.filter((name) => !this.#wanted.has(name));
    try {
      for (const name of more) this.#claim(name, BUSY_LOOKS);
    } catch (error) {
      more.forEach((name) => this.#release(name));
      throw error;
    }
    this.#wanted = new Set([...this.#wanted, ...more]);
    if (this.#inheriting === 0) this.#every(LOOK, () => this.#look());
  }

  /** These and no others. What is not claimed yet is when it can be. Never throws. */
  keep(namespaces: readonly string[]): void {
    this.#wanted = new Set(namespaces);
    for (const name of this.#held.keys()) if (!this.#wanted.has(name)) this.#release(name);
  }

  /** As {@link take}, once the process that we have taken over from lets go. Never throws. */
  inherit(namespaces: readonly string[]): void {
    this.#wanted = new Set(namespaces);
    this.#inheriting = INHERIT_LOOKS;
    const attempt = (): void => {
      this.#inheriting--;
      if (this.#refresh()) this.#inheriting = 0;
      if (this.#inheriting === 0) this.#every(LOOK, () => this.#look());
    };
    this.#every(INHERIT, attempt);
    attempt();
  }

  /** The end, or a successor is there. */
  close(): void {
    clearInterval(this.#timer);
    this.#wanted = new Set();
    this.#inheriting = 0;
    for (const name of this.#held.keys()) this.#release(name);
  }

  #every(milliseconds: number, work: () => void): void {
    clearInterval(this.#timer);
    this.#timer = setInterval(work, milliseconds);
    Deno.unrefTimer(this.#timer);
  }

  #look(): void {
    for (const { sockets: [socket] } of this.#held.values()) letGo(socket!);
    if (++this.#looks % LOOKS === 0) this.#refresh();
  }

  /**
   * Claims follow the names of namespaces: one that is gone is let go, which a claim in it would
   * keep alive, and one that is new is claimed.
   *
   * @returns whether no other agent is in our way
   */
  #refresh(): boolean {
    for (const [name, { identity }] of this.#held) {
      if (namespaceIdentity(name) !== identity) this.#release(name);
    }
    let free = true;
    for (const name of this.#wanted) {
      try {
        if (!this.#held.has(name)) this.#claim(name, 0);
      } catch (error) {
        if (error instanceof Claimed) free = false;
        if (this.#inheriting === 0) this.#tell(name, "error", textOf(error));
      }
    }
    return free;
  }

  #release(name: string): void {
    this.#held.get(name)?.sockets.forEach(closeDescriptor);
    this.#held.delete(name);
    this.#told.delete(name);
  }

  /** Once, as long as nothing else is to be said. */
  #tell(name: string, level: "error" | "warning", message: string): void {
    if (this.#told.get(name) === message) return;
    this.#told.set(name, message);
    log(level, ["control"], message);
  }

  /** Claims it if it is there. @param looks how often who is too busy is asked again */
  #claim(name: string, looks: number): void {
    const identity = namespaceIdentity(name);
    if (identity === null || this.#held.has(name)) return;
    for (let look = 0;; look++) {
      const found = this.#bind(name);
      if (found === undefined) return;
      if (Array.isArray(found)) {
        this.#held.set(name, { identity, sockets: found });
        this.#told.delete(name);
        return;
      }
      const again = found === "busy"
        ? looks
        : found === "nobody"
        ? Math.min(looks, SILENT_LOOKS)
        : 0;
      if (look >= again) return this.#refuse(name, found);
      sleep(PAUSE);
    }
  }

  /** @returns its sockets, or who has it; undefined: the namespace cannot be entered */
  #bind(namespace: string): number[] | ReturnType<typeof holderOf> | undefined {
    const { protocol_number: protocol, control } = this.#agent;
    try {
      return inNamespace(namespace, () => {
        let claim: number;
        try {
          claim = bound(nameOfClaim(protocol));
        } catch (error) {
          if (error instanceof SystemError && error.errno === EADDRINUSE) return holderOf(protocol);
          throw error;
        }
        listenSocket(claim, BACKLOG);
        return [claim, ...announced(protocol, control)];
      });
    } catch (error) {
      // What cannot be entered is told of by whoever works there.
      if (error instanceof SystemError) return undefined;
      throw error;
    }
  }

  /** @throws {Claimed} unless it is somebody who has no business with that name */
  #refuse(namespace: string, holder: ReturnType<typeof holderOf>): void {
    const { protocol_number: protocol, instance } = this.#agent;
    const where = namespace === "" ? "this network namespace" : `namespace "${namespace}"`;
    const name = nameOfClaim(protocol);
    if (holder === "busy") {
      throw new Claimed(
        `Whoever has the name of our claim in ${where}, ${name}, has more callers than he answers: ` +
          "another agent, or somebody who keeps it from answering (`ss -xlp` shows both)",
      );
    }
    if (holder === "nobody" || holder === "stranger") {
      return this.#tell(
        namespace,
        "warning",
        `A stranger has the name of our claim in ${where}: ${name}`,
      );
    }
    const other = claimantsIn(namespace).find((one) => one.protocol === protocol);
    const who = `${nameOfAgent(other ?? { protocol, pid: holder })} works in ${where}`;
    throw new Claimed(
      instance === undefined
        ? `${who}, and would take what this one holds for its own: ` +
          "give each a name (agent.instance), or a network namespace, or let one do the work of both"
        : `${who} with the same instance "${instance}", or with a name that makes the same ` +
          `number, ${protocol}: give one another name, or another agent.protocol_number`,
    );
  }
}

/** Whoever has connected knows all that there is to know; more come at any time. */
function letGo(socket: number): void {
  for (let left = BACKLOG; left > 0; left--) {
    const caller = acceptSocket(socket);
    if (caller === undefined) return;
    closeDescriptor(caller);
  }
}

/** A socket whose name tells others where we listen. */
function announced(protocol: number, control: string): number[] {
  const name = `${nameOfClaim(protocol)}/${Deno.pid}`;
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
