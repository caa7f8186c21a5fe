/**
 * The sync groups of this agent: which there are, who is in them, and operators' words.
 *
 * A group changes in two steps around the routers' own: who leaves it goes alone before routers are
 * removed, who joins it does so when routers have been added.
 *
 * @module
 */

import type { GroupMemory, GroupState, Overridden, ProtocolGroup } from "../plane/groups.ts";
import type { EventId } from "../plane/messages.ts";
import { GroupEntry } from "./group_entry.ts";
import type { RouterEntry, Surroundings } from "./router_entry.ts";

export class GroupTable {
  readonly #env: Surroundings;
  readonly #groups = new Map<string, GroupEntry>();
  /** As a former Worker or process left them, until their members are there. */
  #resumed: readonly GroupMemory[] = [];

  constructor(env: Surroundings) {
    this.#env = env;
  }

  /** What a former Worker or process remembered, for `form` to go on with. */
  resume(memories: readonly GroupMemory[]): void {
    this.#resumed = memories;
  }

  /** Whether all groups and their members stay as they are. @param stays as in `part` */
  isUnmoved(wanted: readonly ProtocolGroup[], stays: (name: string) => boolean): boolean {
    const configured = [...this.#groups.values()].filter(({ passing }) => !passing);
    return this.#resumed.length === 0 && wanted.length === configured.length &&
      wanted.every((group) => {
        const known = this.#groups.get(group.name);
        return known !== undefined && same(known.config, group) && group.members.every(stays);
      });
  }

  /**
   * Who is to leave a group goes on alone.
   *
   * @param stays whether the router of that name will be there afterwards, and be the same
   */
  part(
    wanted: readonly ProtocolGroup[],
    stays: (name: string) => boolean,
    now: number,
    cause: EventId,
  ): string[] {
    const changes: string[] = [];
    const byName = new Map(wanted.map((group) => [group.name, group]));
    const grouped = new Set(wanted.flatMap(({ members }) => members));
    for (const [name, group] of this.#groups) {
      const config = byName.get(name);
      const { members } = group.config;
      if (config === undefined && !(group.passing && stays(name) && !grouped.has(name))) {
        if (isSyncGroup(group.config)) changes.push(`sync group ${name}: removed`);
        this.#groups.delete(name);
        group.dissolve(now, cause);
        continue;
      }
      const left = members.filter((member) =>
        stays(member) && (config === undefined || config.members.includes(member))
      );
      if (left.length === members.length) continue;
      const staying = [...group.entries].filter((entry) => left.includes(entry.name));
      group.configure({ ...group.config, members: left }, staying, now, cause);
    }
    return changes;
  }

  /**
   * Makes the groups what is wanted; all their members are there.
   *
   * @param entries all routers by name
   */
  form(
    wanted: readonly ProtocolGroup[],
    entries: ReadonlyMap<string, RouterEntry>,
    now: number,
    cause: EventId,
  ): string[] {
    const changes: string[] = [];
    for (const config of wanted) {
      const members = config.members.map((name) => entries.get(name)!);
      const known = this.#groups.get(config.name);
      const group = known ?? this.#add(config.name, false);
      const what = isSyncGroup(config) ? "sync group" : "virtual router";
      if (known === undefined) {
        if (what === "sync group") changes.push(`sync group ${config.name}: added`);
        this.#goOn(group, members);
      } else if (same(known.config, config)) continue;
      else changes.push(`${what} ${config.name}: changed`);
      if (!same(group.config, config)) group.configure(config, members, now, cause);
    }
    for (const memory of this.#resumed) {
      const { name, members } = memory.settings;
      const entry = entries.get(name);
      const passed = members.length === 1 && members[0] === name && memory.override !== null;
      if (!passed || entry === undefined || entry.group !== null) continue;
      this.#add(name, true).resume(memory, [entry]);
    }
    this.#resumed = [];
    return changes;
  }

  #add(name: string, passing: boolean): GroupEntry {
    const group = new GroupEntry(name, passing, this.#env);
    this.#groups.set(name, group);
    return group;
  }

  /** Where the group was remembered, with those members that were remembered, too. */
  #goOn(group: GroupEntry, members: readonly RouterEntry[]): void {
    const memory = this.#resumed.find(({ settings }) => settings.name === group.name);
    if (memory === undefined) return;
    const known = new Set(memory.members.map(({ name }) => name));
    group.resume(memory, members.filter((entry) => entry.resumed && known.has(entry.name)));
  }

  /** An operator's word on a group, or on a router and whoever is in a group with it. */
  overrule(
    name: string,
    override: "release" | "claim",
    until: number | null,
    entry: RouterEntry | undefined,
    now: number,
    cause: EventId,
  ): Pick<Overridden, "refused" | "members"> {
    let group = this.#groups.get(name) ?? entry?.group ?? undefined;
    if (group === undefined) {
      if (entry === undefined) {
        const refused = `there is no virtual router or sync group "${name}"`;
        return { refused, members: [] };
      }
      group = this.#add(name, true);
      group.configure({ name, members: [name], need: "all" }, [entry], now, cause);
    }
    const answer = group.overrule(override, until, now, cause);
    this.sweep(now, cause);
    return answer;
  }

  /** Removes groups that existed for an operator's word that is over. */
  sweep(now: number, cause: EventId | null): void {
    for (const [name, group] of this.#groups) {
      if (!group.passing || group.override !== null) continue;
      this.#groups.delete(name);
      group.dissolve(now, cause ?? this.#env.ids.next());
    }
  }

  get(name: string): GroupEntry | undefined {
    return this.#groups.get(name);
  }

  memories(): GroupMemory[] {
    return [...this.#groups.values()].map((group) => group.memory());
  }

  describe(): GroupState[] {
    return [...this.#groups.values()].map((group) => group.describe());
  }
}

/** Not the group of one router's sessions, nor of an operator's word on one. */
function isSyncGroup({ name, members }: ProtocolGroup): boolean {
  return !members.includes(name);
}

function same(a: ProtocolGroup, b: ProtocolGroup): boolean {
  const words = ({ need, members, sessions }: ProtocolGroup) =>
    JSON.stringify([need, members, sessions ?? null]);
  return words(a) === words(b);
}
