/**
 * One sync group in the protocol plane: the pure machine of `groups.ts`, its one deadline, and the
 * way from its effects to the members' entries. Every event of a member goes through here, so that
 * nobody outside sees a group half moved.
 *
 * An exception breaks the group as a whole: nobody knows how far it had moved its members.
 *
 * @module
 */

import type {
  GroupCause,
  GroupMemory,
  GroupState,
  Overridden,
  ProtocolGroup,
} from "../plane/groups.ts";
import type { EventId } from "../plane/messages.ts";
import {
  createGroup,
  type Group,
  type GroupEffect,
  type GroupEvent,
  type RouterEvent,
  stepGroup,
} from "../vrrp/mod.ts";
import { Recorder } from "../record/mod.ts";
import { textOf } from "../text/mod.ts";
import type { RouterEntry, Surroundings } from "./router_entry.ts";
import type { Deadline } from "./timer_heap.ts";

/** What a machine wants, with the number by which it is known. */
type Numbered<T> = { readonly id: EventId; readonly effect: T };

export class GroupEntry implements Deadline {
  /** Its steps, and those of its members. */
  readonly recorder = new Recorder("group");
  at = Infinity;
  position = -1;
  #config: ProtocolGroup;
  #group: Group;
  readonly #entries = new Map<string, RouterEntry>();
  readonly #env: Surroundings;
  /** It exists for an operator's word on a single router, and ends with that. */
  readonly passing: boolean;

  /** A group without members: `configure` gives it some. */
  constructor(name: string, passing: boolean, env: Surroundings) {
    this.#config = { name, members: [], need: "all" };
    this.#group = createGroup(this.#config, [], env.now());
    this.#env = env;
    this.passing = passing;
  }

  get name(): string {
    return this.#config.name;
  }

  get config(): ProtocolGroup {
    return this.#config;
  }

  get entries(): Iterable<RouterEntry> {
    return this.#entries.values();
  }

  get override(): "release" | "claim" | null {
    return this.#group.override;
  }

  /** The release is over. */
  fire(now: number): void {
    this.#step({ type: "timer" }, null, now, null);
  }

  /** An event of one member. Never throws. */
  apply(entry: RouterEntry, event: RouterEvent, now: number, cause: EventId | null): void {
    const { name } = entry;
    this.#step({ type: "member", name, event }, entry, now, cause);
  }

  /**
   * Other members, or another need. Who leaves goes on alone, who joins takes the group's state.
   *
   * @param entries all that `config` names
   */
  configure(
    config: ProtocolGroup,
    entries: readonly RouterEntry[],
    now: number,
    cause: EventId,
  ): void {
    this.#config = config;
    const joining = entries.filter((entry) => entry.group !== this);
    for (const entry of joining) this.#entries.set(entry.name, entry);
    const routers = joining.map(({ router }) => router);
    this.#step({ type: "configure", settings: config, joining: routers }, null, now, cause);
    for (const entry of joining) {
      entry.recorder.cut();
      entry.group = this;
    }
    for (const [name, entry] of this.#entries) {
      if (config.members.includes(name)) continue;
      this.#entries.delete(name);
      entry.group = null;
      entry.noteChanges();
    }
  }

  /** Goes on from what a former Worker or process remembered; its members exist and are new. */
  resume(memory: GroupMemory, entries: readonly RouterEntry[]): void {
    const { settings, state, since, override, until } = memory;
    const names = entries.map(({ name }) => name);
    const members = settings.members.filter((name) => names.includes(name));
    this.#config = { ...settings, members };
    const routers = entries.map(({ router }) => router);
    this.#group = createGroup(this.#config, routers, since);
    Object.assign(this.#group, { state, override, until });
    this.recorder.cut();
    for (const member of this.#group.members) {
      const entry = entries.find(({ name }) => name === member.router.settings.name)!;
      const known = memory.members.find(({ name }) => name === entry.name);
      member.settings = entry.config.settings;
      if (known === undefined) continue;
      const { health, expired, lonely = false, rival } = known;
      const own = rival === null ? null : { ...rival };
      Object.assign(member, { health, expired, lonely, rival: own });
    }
    for (const entry of entries) {
      this.#entries.set(entry.name, entry);
      entry.group = this;
    }
    if (until !== null) this.#env.heap.set(this, until);
  }

  /** An operator's word. The members move in this very step. */
  overrule(
    override: "release" | "claim",
    until: number | null,
    now: number,
    cause: EventId,
  ): Pick<Overridden, "refused" | "members"> {
    const event = override === "claim" ? { type: override } : { type: override, until } as const;
    const effects = this.#step(event, null, now, cause);
    const refusal = effects.find(({ type }) => type === "group_refused");
    const refused = refusal?.type === "group_refused" ? refusal.reason : null;
    return { refused, members: [...this.#config.members] };
  }

  /** The group is no more: its members go on alone. */
  dissolve(now: number, cause: EventId): void {
    if (this.#entries.size > 0) {
      this.configure({ ...this.#config, members: [] }, [], now, cause);
    }
    this.#env.heap.cancel(this);
    const id = this.#env.ids.next();
    this.#env.postControl({ type: "group_snapshot", id, name: this.name, memory: null });
  }

  /** What to go on with in another Worker or process. */
  memory(): GroupMemory {
    const { state, since, override, until, members } = this.#group;
    return {
      settings: this.#config,
      state,
      since,
      override,
      until,
      members: members.map(({ settings: { name }, health, expired, lonely, rival }) => {
        return { name, health, expired, lonely, rival };
      }),
    };
  }

  describe(): GroupState {
    const { state, since, override, until, members } = this.#group;
    const lonely = members.filter((one) => one.lonely).map(({ settings }) => settings.name);
    return { ...this.#config, state, since, override, until, lonely };
  }

  /** Returns what the machine wanted; nothing where it broke. */
  #step(
    event: GroupEvent,
    target: RouterEntry | null,
    now: number,
    cause: EventId | null,
  ): readonly GroupEffect[] {
    let effects: readonly GroupEffect[] = [];
    try {
      // Who joins brings a memory along.
      const joins = event.type === "configure";
      if (joins) this.recorder.cut();
      else this.recorder.begin(this.#group, event);
      effects = stepGroup(this.#group, event, now);
      if (!joins) this.recorder.note(event, effects, now);
      this.#perform(event, effects, target, now, cause);
    } catch (error) {
      this.#breakDown(event, error, now);
    }
    for (const entry of this.#entries.values()) entry.noteChanges();
    return effects;
  }

  #perform(
    event: GroupEvent,
    effects: readonly GroupEffect[],
    target: RouterEntry | null,
    now: number,
    cause: EventId | null,
  ): void {
    const { ids, postControl } = this.#env;
    const worthMemory = event.type === "release" || event.type === "claim";
    if (effects.length === 0 && !worthMemory) return;
    const before = cause ?? causeOf(event, target);
    const number = ids.take(effects.length + 1);
    const own: Numbered<Exclude<GroupEffect, { type: "member" }>>[] = [];
    const notable = new Set<RouterEntry>();
    effects.forEach((one, i) => {
      if (one.type === "member") {
        const entry = this.#entries.get(one.name)!;
        if (entry.perform(one.effect, number + 1 + i, number, now)) notable.add(entry);
        return;
      }
      this.#performOwn(one);
      own.push({ id: ids.nameOf(number + 1 + i), effect: one });
    });
    if (notable.size === 0 && own.length === 0 && !worthMemory) return;
    const origin: GroupCause = {
      type: "group",
      group: this.name,
      ...(target === null ? {} : { member: target.name }),
      event: event.type === "member" ? event.event.type : event.type,
    };
    const step = ids.nameOf(number);
    const id = ids.next();
    postControl({ type: "group_snapshot", id, name: this.name, memory: this.memory() });
    for (const entry of notable) {
      const done = effects.flatMap((one, i) =>
        one.type === "member" && one.name === entry.name
          ? [{ id: ids.nameOf(number + 1 + i), effect: one.effect }]
          : []
      );
      const what = entry === target && event.type === "member" ? event.event : origin;
      entry.record(step, before, now, what, done);
    }
    if (own.length > 0) {
      const { name: group } = this;
      const head = { type: "group_step", id: step, cause: before, at: now } as const;
      postControl({ ...head, group, event: origin, effects: own });
    }
  }

  #performOwn(effect: Exclude<GroupEffect, { type: "member" }>): void {
    const { heap, log } = this.#env;
    switch (effect.type) {
      case "group_timer":
        if (effect.at === null) heap.cancel(this);
        else heap.set(this, effect.at);
        return;
      case "group_transition":
        // Of a single router that has told the same by itself.
        if (this.passing || this.#config.members.includes(this.name)) return;
        return log.log("info", ["vrrp", this.name], `${effect.from} → ${effect.to}`, {
          reason: effect.reason,
        });
      case "group_refused":
        return log.log("warning", ["vrrp", this.name], `Does not claim: ${effect.reason}`);
    }
  }

  #breakDown(event: GroupEvent, error: unknown, now: number): void {
    const what = event.type === "member" ? event.event : { type: event.type };
    this.recorder.cut();
    this.#env.log.log("error", ["vrrp", this.name], `Internal error: ${textOf(error)}`);
    for (const entry of this.#entries.values()) entry.breakDown(what, error, now);
    this.#env.heap.cancel(this);
    const entries = [...this.#entries.values()];
    this.#group = createGroup(this.#config, entries.map(({ router }) => router), now);
    this.#group.state = "fault";
  }
}

function causeOf(event: GroupEvent, target: RouterEntry | null): EventId | null {
  return event.type === "member" && event.event.type === "timer" ? target?.armedBy ?? null : null;
}
