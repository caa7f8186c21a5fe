/**
 * What those who depend on BFD sessions hear, in the same turn of the loop and before anybody else:
 * virtual routers through their trackers, then control. What is told is decided in `mod/bfd`
 * (`client.ts`); here is its deadline, and the way out.
 *
 * @module
 */

import {
  bringUpTime,
  type Client,
  clientDeadline,
  type ClientEvent,
  type ClientSettings,
  createClient,
  stepClient,
  type TransitionEffect,
} from "../bfd/mod.ts";
import type { BfdChanged, BfdMemory, BfdRemembered, ProtocolBfd } from "../plane/bfd.ts";
import type { IdSource } from "../plane/ids.ts";
import type { LogLimiter } from "../plane/log_limiter.ts";
import type { SharedWords } from "../plane/shared.ts";
import type { TrackerFinding, TrackerFound } from "../plane/trackers.ts";
import type { BfdEntry, BfdNews } from "./bfd_entry.ts";
import type { OpeningSurroundings } from "./bfd_openings.ts";
import type { BfdSocketSurroundings } from "./bfd_sockets.ts";
import type { Deadline, TimerHeap } from "./timer_heap.ts";

/** What clients need from around them. */
export interface BfdClientSurroundings {
  readonly heap: TimerHeap;
  readonly ids: IdSource;
  readonly log: LogLimiter;
  /** Microseconds on CLOCK_MONOTONIC. */
  clock(): number;
  /** Virtual routers act before this returns. */
  found(finding: TrackerFound, now: number): void;
  postControl(message: BfdChanged | BfdRemembered): void;
  remember(entry: BfdEntry): BfdMemory;
}

/** What the driver needs from around it. */
export interface BfdDriverSurroundings
  extends BfdSocketSurroundings, OpeningSurroundings, Omit<BfdClientSurroundings, "remember"> {
  readonly words: SharedWords;
  /** A number in [0, 1), for jitter. */
  random(): number;
}

function settingsOf({ settings, damping, adminDownIsFailure }: ProtocolBfd): ClientSettings {
  return {
    damping: damping ?? null,
    adminDownIsFailure: adminDownIsFailure ?? true,
    bringUp: bringUpTime(settings.transmitInterval),
  };
}

/** What a former life did not tell. */
const CAME_UP: TransitionEffect = {
  type: "transition",
  from: "init",
  to: "up",
  cause: "handshake",
  reason: "both sides hear each other",
};

/** Those who depend on one session. */
export class BfdClient implements Deadline {
  at = Infinity;
  position = -1;
  readonly client: Client;
  readonly #entry: BfdEntry;
  readonly #env: BfdClientSurroundings;
  /** Good news that an echo has to confirm; null: there are none. */
  #withheld: TransitionEffect | null = null;

  /** @param former what they were told in a former life */
  constructor(entry: BfdEntry, env: BfdClientSurroundings, now: number, former?: Client) {
    this.#entry = entry;
    this.#env = env;
    const settings = settingsOf(entry.config);
    this.client = former === undefined
      ? createClient(settings, entry.session.state === "up", now)
      : { ...former, settings };
    const { state, echoFailures = 0 } = entry.session;
    if (state === "up" && echoFailures > 0) this.#withheld = CAME_UP;
    this.#arm();
  }

  /** What they were told last; null: nothing yet. */
  get finding(): TrackerFinding | null {
    const { told } = this.client;
    return told && { kind: "bfd", namespace: "", name: this.#entry.name, ...told };
  }

  /** A deadline has come: good news has lasted, or the first has not come. */
  fire(now: number): void {
    this.#step({ type: "timer" }, now);
  }

  /** The session is configured otherwise. */
  configure(now: number): void {
    this.#step({ type: "configure", settings: settingsOf(this.#entry.config) }, now);
  }

  /** There is no session any more, by a defect of ours. */
  fail(reason: string, now: number): void {
    this.#step({ type: "unavailable", reason }, now);
  }

  /** Something happened to the session at `now`. */
  heard(news: BfdNews, now: number): void {
    const { ids, log, clock, postControl, remember } = this.#env;
    const entry = this.#entry;
    const told = !entry.leaving && !this.#isWithheld(news) && this.#step(news, now);
    if (news.type !== "transition") return;
    const reaction = Math.max(0, clock() - now);
    const { from, to, cause, reason } = news;
    // What somebody has asked for is no failure.
    const failed = from === "up" && to === "down";
    const acted = told ? { reaction_us: reaction } : {};
    const properties = { reason, cause, ...acted };
    log.log(failed ? "warning" : "info", ["bfd", entry.name], `${from} → ${to}`, properties);
    const memory = remember(entry);
    const id = ids.next();
    const session = entry.name;
    postControl({
      type: "bfd_changed",
      id,
      at: now,
      session,
      from,
      to,
      cause,
      reason,
      reaction,
      memory,
    });
  }

  /**
   * A session whose echoes have failed comes up by its control packets, which prove nothing of what
   * has failed: that is told when an echo has come back. Nor is it told that it has failed again.
   */
  #isWithheld(news: BfdNews): boolean {
    if (news.type !== "transition") return false;
    const before = this.#withheld;
    const { echo, session } = this.#entry;
    const doubtful = echo?.isDoubtful ?? (session.echoFailures ?? 0) > 0;
    this.#withheld = news.to === "up" && doubtful ? news : null;
    return this.#withheld !== null || before !== null && news.cause === "echo_failed";
  }

  /** An echo has come back. */
  confirmed(now: number): void {
    const news = this.#withheld;
    this.#withheld = null;
    if (news !== null && !this.#entry.leaving) this.#step(news, now);
  }

  end(): void {
    this.#env.heap.cancel(this);
  }

  /** Returns whether there was anything to tell. */
  #step(event: ClientEvent, now: number): boolean {
    const told = stepClient(this.client, event, now);
    this.#arm();
    if (told === null) return false;
    const { ids, found } = this.#env;
    found({ type: "tracker", id: ids.next(), ...this.finding! }, now);
    return true;
  }

  #arm(): void {
    const at = clientDeadline(this.client);
    if (at === Infinity) this.#env.heap.cancel(this);
    else this.#env.heap.set(this, at);
  }
}
