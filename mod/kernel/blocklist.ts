/**
 * Addresses of this host that accept nothing (Accept_Mode false), as one table of nftables that
 * belongs to a socket of ours: when we end, however that happens, so does the table.
 *
 * An address is blocked as long as it is configured so, whether the router is master or not: there
 * is no moment at which it is held and open.
 *
 * @module
 */

import { type BlockedAddress, encodeBlocklist } from "../netlink/mod.ts";
import type { KernelRouter } from "../plane/messages.ts";
import { textOf } from "../text/mod.ts";
import { sendBatch } from "./firewall.ts";
import type { FirewallIo, NamespaceIo } from "./io.ts";
import type { Say } from "./tables.ts";

/** After a refusal it is tried again, microseconds. */
const RETRY = 5_000_000;

export class Blocklist {
  readonly #io: Pick<NamespaceIo, "firewall">;
  readonly #table: string;
  readonly #say: Say;
  #socket: FirewallIo | null = null;
  #wanted: readonly BlockedAddress[] = [];
  /** What the kernel has been told, as text; empty: nothing. */
  #present = "";
  #sequence = 0;
  #retryAt = 0;
  /** Why the addresses are open; empty: they are not. */
  failure = "";

  /** @param table unique among all agents of the namespace */
  constructor(io: Pick<NamespaceIo, "firewall">, table: string, say: Say) {
    this.#io = io;
    this.#table = table;
    this.#say = say;
  }

  /** Why a router's addresses are open though they should accept nothing; empty: they are not. */
  openness(router: KernelRouter): string {
    return router.accept === false ? this.failure : "";
  }

  /** These addresses from now on; `settle` tells the kernel. */
  want(addresses: readonly BlockedAddress[]): void {
    this.#wanted = addresses;
    this.#retryAt = 0;
  }

  /** When `settle` has something to do; Infinity: never as things stand. */
  get deadline(): number {
    return this.#unsaid ? this.#retryAt : Infinity;
  }

  /** Makes the kernel block what is wanted. @returns whether `failure` has changed */
  settle(now: number): boolean {
    if (!this.#unsaid || now < this.#retryAt) return false;
    const before = this.failure;
    this.failure = this.#apply();
    this.#retryAt = this.failure === "" ? 0 : now + RETRY;
    if (this.failure === before) return false;
    if (this.failure !== "") {
      this.#say("error", ["kernel"], "Addresses accept traffic that they should not", {
        reason: this.failure,
      });
    }
    return true;
  }

  /** Nothing is blocked any more. */
  close(): void {
    this.#socket?.close();
    this.#socket = null;
    this.#present = "";
  }

  get #unsaid(): boolean {
    return keyOf(this.#wanted) !== this.#present;
  }

  /** @returns what went wrong; empty: nothing */
  #apply(): string {
    if (this.#wanted.length === 0) {
      this.close();
      return "";
    }
    try {
      const socket = this.#socket ??= this.#io.firewall();
      const next = () => ++this.#sequence;
      const refusal = sendBatch(
        socket,
        (writer) => encodeBlocklist(writer, next, this.#table, this.#wanted, this.#present !== ""),
      );
      if (refusal === "") {
        this.#present = keyOf(this.#wanted);
        return "";
      }
      // The kernel does all of a batch or nothing, so what was blocked still is.
      return refusal;
    } catch (error) {
      // Nobody knows what became of the socket's table: it goes with the socket.
      this.close();
      return `nftables: ${textOf(error)}`;
    }
  }
}

function keyOf(addresses: readonly BlockedAddress[]): string {
  return addresses.map((one) => `${one.address}%${one.interface}`).join();
}

/** Addresses of routers that accept nothing, each once, in a stable order. */
export function blockedOf(routers: readonly KernelRouter[]): BlockedAddress[] {
  const blocked = new Map<string, BlockedAddress>();
  for (const { accept, addresses } of routers) {
    if (accept !== false) continue;
    for (const one of addresses) blocked.set(`${one.address}%${one.interface}`, one);
  }
  return [...blocked.values()].map(({ address, interface: name }) => ({
    address,
    interface: name,
  }));
}
