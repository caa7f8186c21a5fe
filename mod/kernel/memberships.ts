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

/** The memberships of one namespace. */
export class Memberships {
  readonly #io: NamespaceIo;
  readonly #view: NamespaceView;
  readonly #say: Say;
  #wanted: readonly Wanted[] = [];
  /** By interface index, then group. */
  readonly #held = new Map<number, Map<Group, Membership>>();

  constructor(io: NamespaceIo, view: NamespaceView, say: Say) {
    this.#io = io;
    this.#view = view;
    this.#say = say;
  }

  /** Which interfaces are to be in which groups; the next `settle` sees to it. */
  want(interfaces: readonly Wanted[]): void {
    this.#wanted = interfaces;
  }

  /** Joins and leaves until it is as wanted. What fails is tried again the next time. */
  settle(): void {
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
        if (wanted.get(index)?.groups.has(group)) continue;
        membership.leave();
        held.delete(group);
      }
      if (held.size === 0) this.#held.delete(index);
    }
    for (const [index, { name, groups }] of wanted) {
      for (const group of groups) this.#join(index, name, group);
    }
  }

  /** Groups that the interface is in. */
  groupsOf(index: number): readonly Group[] {
    return [...this.#held.get(index)?.keys() ?? []].sort();
  }

  /** Leaves all. */
  close(): void {
    this.#wanted = [];
    this.settle();
  }

  #join(index: number, name: string, group: Group): void {
    const held = this.#held.get(index) ?? new Map<Group, Membership>();
    if (held.has(group)) return;
    try {
      held.set(group, this.#io.join(index, group));
      this.#held.set(index, held);
    } catch (error) {
      this.#say("warning", ["kernel"], `Cannot join the VRRP group of ${group}`, {
        interface: name,
        reason: textOf(error),
      });
    }
  }
}
