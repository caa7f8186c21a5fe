/**
 * One virtual router in the protocol plane: the pure machine, its one deadline, the bytes of its
 * adverts, and the way from effects to the outside.
 *
 * Each event is handled inside its own `try`: an exception faults this one router, with the event
 * in the log, and no other notices.
 *
 * @module
 */

import type { Counters } from "../plane/counters.ts";
import type { IdSource } from "../plane/ids.ts";
import type { LogLimiter } from "../plane/log_limiter.ts";
import type { EventId, ProtocolRouter, ProtocolToControl, ToKernel } from "../plane/messages.ts";
import type { TrackerReport } from "../plane/state.ts";
import type { AuthenticationReport } from "../plane/credentials.ts";
import type { SharedWords } from "../plane/shared.ts";
import {
  type ClockNotice,
  createAuthenticationState,
  createRouter,
  type DecodeOptions,
  goOnAuthenticating,
  type HealthEvent,
  masterDown,
  priorityOf,
  type Router,
  type RouterEffect,
  type RouterEvent,
  type RouterSettings,
  step,
} from "../vrrp/mod.ts";
import type { GroupCause } from "../plane/groups.ts";
import { Recorder } from "../record/mod.ts";
import type { GroupEntry } from "./group_entry.ts";
import type { Deadline, TimerHeap } from "./timer_heap.ts";
import { EncodedAdverts } from "./encoded_adverts.ts";
import { Guard } from "./guard.ts";
import type { Keyring } from "./keyring.ts";
import { Reach } from "./reach.ts";
import { Remarks } from "./remarks.ts";
import { sendAdvert } from "./send_advert.ts";
import type { Standstill } from "./standstill.ts";
import { tellOf } from "./every_advert.ts";
import type { AdvertSender } from "./transport.ts";
import { textOf } from "../text/mod.ts";

/** What a router needs of its surroundings. */
export interface Surroundings {
  readonly ids: IdSource;
  readonly heap: TimerHeap;
  readonly counters: Counters;
  readonly words: SharedWords;
  readonly log: LogLimiter;
  readonly keys: Keyring;
  now(): number;
  postKernel(message: ToKernel): void;
  postControl(message: ProtocolToControl): void;
}

/** Effects that are worth a record; the others happen with every advert. */
const ROUTINE = new Set<RouterEffect["type"]>(["send", "set_timer", "cancel_timer", "discard"]);

/** Least time between two snapshots that no change of state asks for, microseconds. */
const SNAPSHOT_GAP = 1_000_000;

export class RouterEntry implements Deadline {
  config: ProtocolRouter;
  router: Router;
  /** What adverts leave by; null: not open. */
  sender: AdvertSender | null = null;
  /** Where adverts go to and come from. */
  reach: Reach;
  /** How adverts for this router are checked. */
  understands: DecodeOptions;
  /** Authenticates its adverts; null: they are not. */
  guard: Guard | null = null;
  trackers: readonly TrackerReport[] = [];
  /** Told to stop; removed when it has. */
  leaving = false;
  stopped = false;
  /** What broke it; empty: nothing. A broken router takes no part until it is configured anew. */
  broken = "";
  /** Whom it moves with: all its events go through the group. */
  group: GroupEntry | null = null;
  /** Its memory is that of a former Worker or process. */
  readonly resumed: boolean;
  /** What its machine, or its group, was last told of its health; null: nothing yet. */
  told: HealthEvent | null = null;
  /** Its steps while it goes alone. */
  readonly recorder = new Recorder("router");
  at = Infinity;
  position = -1;
  /** What control last heard. */
  #snapshot: { at: number; masterInterval: number };
  /** Number of the effect that armed the timer, which is the cause of its expiry; 0: none. */
  #armedBy = 0;
  readonly #env: Surroundings;
  readonly #remarks: Remarks;
  /** All that are master: this one is in it while it is. */
  readonly #masters: Set<RouterEntry>;
  readonly #standstill: Standstill;
  readonly #adverts = new EncodedAdverts();

  constructor(
    config: ProtocolRouter,
    env: Surroundings,
    masters: Set<RouterEntry>,
    standstill: Standstill,
    resumed?: Router,
  ) {
    this.config = config;
    this.#masters = masters;
    this.#standstill = standstill;
    this.understands = decodeOptions(config.settings);
    this.reach = new Reach(config);
    this.#env = env;
    this.router = resumed ?? createRouter(config.settings, env.now());
    this.resumed = resumed !== undefined;
    this.authenticate();
    this.#remarks = new Remarks(this.router, env.ids, env.postControl);
    this.#snapshot = { at: -Infinity, masterInterval: this.router.masterInterval };
  }

  get name(): string {
    return this.config.settings.name;
  }

  /** The deadline has come. */
  fire(now: number): void {
    const timer = this.router.timer;
    if (timer === null) return;
    this.apply({ type: "timer", generation: timer.generation }, now);
  }

  /** A master's advert is due; not so late that another may be master: that is a stall's affair. */
  isRoutine(now: number): boolean {
    const { timer } = this.router;
    if (this.group !== null || timer?.name !== "advertisement") return false;
    return now - timer.at < masterDown(this.router, this.router.settings.advertisementInterval);
  }

  /** One event through the machine, and what comes of it. Never throws. */
  apply(event: RouterEvent, now: number, cause: EventId | null = null): void {
    if (this.#env.words.wantsEveryAdvert) tellOf(this.name, this.router, event, this.#env.log, now);
    if (event.type === "health") this.told = event;
    const { authentication, state } = this.router;
    if (authentication !== undefined && event.type === "resume" && !event.exact) {
      goOnAuthenticating(authentication, state === "master");
    }
    if (this.group !== null) this.group.apply(this, event, now, cause);
    else {
      try {
        this.#apply(event, now, cause);
      } catch (error) {
        this.breakDown(event, error, now);
      }
      this.noteChanges();
    }
    this.#remarks.after(event, state, this.router, now);
  }

  /** The machine has moved: it is among the masters, or not, and may know another interval. */
  noteChanges(): void {
    if (this.router.state === "master") this.#masters.add(this);
    else this.#masters.delete(this);
    if (this.router.masterInterval !== this.#snapshot.masterInterval) this.#rememberInterval();
  }

  /**
   * An advert has told of another interval, which is worth no record, but a successor of this Worker
   * that waited by the old one might replace a master that lives.
   */
  #rememberInterval(): void {
    const now = this.#env.now();
    // Each advert of a hostile sender may tell another one.
    if (now - this.#snapshot.at < SNAPSHOT_GAP) return;
    this.#postSnapshot(this.#env.ids.next());
  }

  #postSnapshot(id: EventId): void {
    const { masterInterval } = this.router;
    this.#snapshot = { at: this.#env.now(), masterInterval };
    this.#env.postControl({ type: "snapshot", id, router: this.router });
  }

  /** Id of what armed the timer, for its expiry. */
  get armedBy(): EventId | null {
    return this.#armedBy > 0 ? this.#env.ids.nameOf(this.#armedBy) : null;
  }

  /** A master says that it is there, out of turn. */
  speak(now: number): void {
    if (this.router.state !== "master" || this.router.releasing) return;
    this.#send(priorityOf(this.router), now);
    this.router.lastSent = now;
    (this.group ?? this).recorder.cut();
  }

  /** Its keys as they are configured now. Returns whether anything has changed. */
  authenticate(): boolean {
    const { authentication, unicast } = this.config;
    const { keys } = this.#env;
    const type = keys.typeOf(this.name) ?? authentication;
    const former = this.guard;
    if (type === undefined) {
      this.guard = null;
      delete this.router.authentication;
      return former !== null;
    }
    if (former?.type !== type) {
      const state = this.router.authentication ??= createAuthenticationState();
      this.guard = new Guard(type, state, keys.wall);
    }
    const peers = unicast?.peers.map(({ address }) => address) ?? null;
    return this.guard!.use(keys.of(this.name, peers)) || former !== this.guard;
  }

  /** What status tells of it; nothing where there is none. */
  get authentication(): { authentication?: AuthenticationReport } {
    return this.guard === null ? {} : { authentication: this.guard.report(this.#env.now()) };
  }

  /** Something about clocks that an operator should know. */
  tellOfClock(notice: ClockNotice | undefined): void {
    if (notice === undefined) return;
    const level = notice.kind === "clock_wrong" ? "error" : "warning";
    this.#env.log.log(level, ["vrrp", this.name], notice.text);
  }

  /** Tells control about numbers and stamps, which move with every advert, once in a while. */
  remember(now: number): void {
    if (this.guard === null || now - this.#snapshot.at < SNAPSHOT_GAP) return;
    this.#postSnapshot(this.#env.ids.next());
  }

  configure(config: ProtocolRouter, now: number, cause: EventId): void {
    this.config = config;
    this.authenticate();
    this.understands = decodeOptions(config.settings);
    this.reach = new Reach(config, this.router.source, this.reach);
    this.broken = "";
    this.apply({ type: "configure", settings: config.settings }, now, cause);
  }

  #apply(event: RouterEvent, now: number, cause: EventId | null): void {
    this.recorder.begin(this.router, event);
    const effects = step(this.router, event, now);
    this.recorder.note(event, effects, now);
    if (effects.length === 0) return;
    const { ids } = this.#env;
    const before = cause ?? (event.type === "timer" ? this.armedBy : null);
    const number = ids.take(effects.length + 1);
    let notable = false;
    for (let i = 0; i < effects.length; i++) {
      if (this.perform(effects[i]!, number + 1 + i, number, now)) notable = true;
    }
    if (!notable) return;
    const done = effects.map((effect, i) => ({ id: ids.nameOf(number + 1 + i), effect }));
    this.record(ids.nameOf(number), before, now, event, done);
  }

  /** Tells control what was worth telling, with what the router remembers now. */
  record(
    id: EventId,
    cause: EventId | null,
    at: number,
    event: RouterEvent | GroupCause,
    effects: readonly { readonly id: EventId; readonly effect: RouterEffect }[],
  ): void {
    const { ids, postControl } = this.#env;
    this.#postSnapshot(ids.next());
    postControl({ type: "step", id, cause, at, router: this.name, event, effects });
  }

  /**
   * Does what the machine wants. Returns whether that is worth a record.
   *
   * @param number the effect's own; `cause` is that of the step that it comes of
   * @param decided when that was
   */
  perform(effect: RouterEffect, number: number, cause: number, decided: number): boolean {
    this.#perform(effect, number, cause, decided);
    // That a master resigns is worth a record, other adverts are not.
    return !ROUTINE.has(effect.type) || (effect.type === "send" && effect.priority === 0);
  }

  #perform(effect: RouterEffect, number: number, cause: number, decided: number): void {
    const { words, heap, counters, log } = this.#env;
    const { slot } = this.config;
    switch (effect.type) {
      case "send":
        this.#send(effect.priority, decided);
        if (effect.priority > 0) return;
        // A word of ours after the successor's would draw all its neighbours back to us.
        return this.#env.postKernel({ type: "hush", ...this.#named(number, cause) });
      case "set_timer":
        this.#armedBy = number;
        return heap.set(this, effect.at);
      case "cancel_timer":
        return heap.cancel(this);
      case "hold":
        // The word first: the kernel plane refreshes no lease without it.
        words.setMastership(slot, effect.epoch);
        return this.#env.postKernel({
          type: "hold",
          ...this.#named(number, cause),
          epoch: effect.epoch,
          ...(effect.resumed ? { heldSince: this.router.since } : {}),
        });
      case "drop":
        words.setMastership(slot, 0);
        return this.#env.postKernel({ type: "drop", ...this.#named(number, cause) });
      case "announce":
        return this.#env.postKernel({ type: "announce", ...this.#named(number, cause) });
      case "transition":
        return log.log("info", ["vrrp", this.name], `${effect.from} → ${effect.to}`, {
          reason: effect.reason,
        });
      case "notice":
        if (effect.kind === "stall_grace") counters.add(slot, "stall_graces");
        return log.log("warning", ["vrrp", this.name], effect.text);
      case "discard":
        return counters.add(slot, `dropped.${effect.reason}`);
      case "stopped":
        this.stopped = true;
        words.setMastership(slot, 0);
    }
  }

  /** What a message to the kernel plane says about where it comes from. */
  #named(number: number, cause: number): { id: EventId; cause: EventId; router: string } {
    const { ids } = this.#env;
    return { id: ids.nameOf(number), cause: ids.nameOf(cause), router: this.name };
  }

  #send(priority: number, decided: number): void {
    const now = this.#env.now();
    const length = this.#standstill.since(decided, now);
    // Another may be master by now, who would yield to it. The next turn of the loop judges us.
    if (
      priority > 0 && length >= masterDown(this.router, this.router.settings.advertisementInterval)
    ) {
      return;
    }
    if (sendAdvert(this, this.#adverts, priority, this.#env, now)) this.remember(now);
  }

  /** A defect of ours must cost one router, not the agent: it lets go and waits for a human. */
  breakDown(event: { readonly type: string }, error: unknown, now: number): void {
    const { words, heap, log } = this.#env;
    const text = textOf(error);
    log.log("error", ["vrrp", this.name], `Internal error: ${text}`, {
      event: JSON.stringify(event),
    });
    this.broken = `internal error: ${text}`;
    this.recorder.cut();
    this.told = null;
    heap.cancel(this);
    words.setMastership(this.config.slot, 0);
    const id = this.#env.ids.next();
    this.#env.postKernel({ type: "drop", id, cause: id, router: this.name });
    const { epoch, authentication, state: former } = this.router;
    this.router = createRouter(this.config.settings, now);
    this.router.epoch = epoch;
    if (authentication !== undefined) this.router.authentication = authentication;
    this.router.state = "fault";
    this.router.waitingFor = [this.broken];
    this.#postSnapshot(id);
    const effect = { type: "transition", from: former, to: "fault", reason: this.broken } as const;
    this.#env.postControl({
      type: "step",
      id,
      cause: null,
      at: now,
      router: this.name,
      event: { type: "breakdown", of: event.type },
      effects: former === "fault" ? [] : [{ id: this.#env.ids.next(), effect }],
    });
    if (this.leaving) this.stopped = true;
  }
}

/** Whether it is the same router with other settings, or another router of the same name. */
export function sameRouter(a: ProtocolRouter, b: ProtocolRouter): boolean {
  return a.namespace === b.namespace && a.interface === b.interface && a.slot === b.slot &&
    a.vrf === b.vrf && a.group === b.group && a.settings.unicast === b.settings.unicast &&
    a.settings.virtualRouterId === b.settings.virtualRouterId &&
    a.settings.family === b.settings.family && a.settings.version === b.settings.version;
}

function decodeOptions({ checksum, version, version2 }: RouterSettings): DecodeOptions {
  return { verifyChecksum: checksum !== "ignore", version, version2 };
}
