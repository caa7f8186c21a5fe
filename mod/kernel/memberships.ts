/**
 * Memberships in the groups that adverts go to. Joining and leaving take the kernel's configuration
 * lock, which others may hold for long, so the protocol plane must not do it: its sockets take what
 * the host has joined, and this plane joins for it, on sockets of its own. That an interface is in a
 * group is told with its state; without it nobody there would be heard.
 *
 * @module
 */

import type { ConfigureKernel, InterfaceState } from "../plane/messages.ts";
import type { Membership, NamespaceIo } from "./io.ts";
import type { Say } from "./tables.ts";
import type { NamespaceView } from "./view.ts";
import { textOf } from "../text/mod.ts";

type Group = InterfaceState["groups"][number];
type Wanted = Pick<ConfigureKernel["interfaces"][number], "name" | "groups">;

/** How long after a refusal it is tried again, microseconds. */
const RETRY = 1_000_000;

/** A membership, and the life of the interface that it belongs to. */
interface Held extends Membership {
  readonly birth: number;
}

/** The memberships of one namespace. */
export class Memberships {
  readonly #io: Pick<NamespaceIo, "join">;
  readonly #view: Pick<NamespaceView, "indexOf" | "birth">;
  readonly #say: Say;
  #wanted: readonly Wanted[] = [];
  /** By interface index, then group. */
  readonly #held = new Map<number, Map<Group, Held>>();
  /** Why the last attempt failed, by interface and group. */
  readonly #refusals = new Map<string, string>();
  #deadline = Infinity;

  constructor(
    io: Pick<NamespaceIo, "join">,
    view: Pick<NamespaceView, "indexOf" | "birth">,
    say: Say,
  ) {
    this.#io = io;
    this.#view = view;
    this.#say = say;
  }

  /** When `settle` should be called though nothing happened. */
  get deadline(): number {
    return this.#deadline;
  }

  /** Which interfaces are to be in which groups; the next `settle` sees to it. */
  want(interfaces: readonly Wanted[]): void {
    this.#wanted = interfaces;
  }

  /** Joins and leaves until it is as wanted. What fails is tried again at `deadline`. */
  settle(now: number): void {
    this.#deadline = Infinity;
    const wanted = new Map<number, { name: string; groups: Set<Group> }>();
    for (const { name, groups } of this.#wanted) {
      const index = this.#view.indexOf(name);
      if (index === undefined || groups.length === 0) continue;
      const entry = wanted.get(index) ?? { name, groups: new Set() };
      for (const group of groups) entry.groups.add(group);
      wanted.set(index, entry);
    }
    for (const [index, held] of this.#held) {
      for (const [group, membership] of held) {
        // Before the new one is joined, which the end of the old one would take along.
        const known = membership.birth === this.#view.birth(index, isIpv6(group));
        if (known && wanted.get(index)?.groups.has(group)) continue;
        membership.leave();
        held.delete(group);
      }
      if (held.size === 0) this.#held.delete(index);
    }
    for (const [index, { name, groups }] of wanted) {
      for (const group of groups) this.#join(index, name, group, now);
    }
  }

  /** Groups that the interface is in. */
  groupsOf(index: number): readonly Group[] {
    return [...this.#held.get(index)?.keys() ?? []].sort();
  }

  /** Leaves all. */
  close(): void {
    for (const held of this.#held.values()) {
      for (const membership of held.values()) membership.leave();
    }
    this.#held.clear();
  }

  #join(index: number, name: string, group: Group, now: number): void {
    const held = this.#held.get(index) ?? new Map<Group, Held>();
    if (held.has(group)) return;
    const key = `${name} ${group}`;
    try {
      const birth = this.#view.birth(index, isIpv6(group));
      held.set(group, { ...this.#io.join(index, group), birth });
      this.#held.set(index, held);
      this.#refusals.delete(key);
    } catch (error) {
      this.#deadline = now + RETRY;
      const reason = textOf(error);
      if (this.#refusals.get(key) === reason) return;
      this.#refusals.set(key, reason);
      const properties = { interface: name, reason };
      this.#say("warning", ["kernel"], `Cannot join the VRRP group of ${group}`, properties);
    }
  }
}

function isIpv6(group: Group): boolean {
  return group === "ipv6" || group.includes(":");
}
