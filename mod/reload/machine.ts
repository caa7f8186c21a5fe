/**
 * Reloads that are not over when they are done: one that is taken back unless it is confirmed, one
 * for later. Plain memory and times; whoever drives it applies configurations and writes down what
 * must survive.
 *
 * A configuration is known by its `fingerprint`. Two matter: the one that runs, and, while a
 * confirmation is awaited, the one before, which was the last that somebody wanted for good.
 *
 * @module
 */

/** A configuration. */
export interface Known {
  readonly fingerprint: string;
}

/** Both clocks at one moment. */
export interface Moment {
  /** Microseconds on CLOCK_MONOTONIC. */
  readonly monotonic: number;
  /** Milliseconds since 1970. */
  readonly wall: number;
}

/** Somebody is to confirm what runs. */
export interface Awaiting {
  /** Until when, microseconds on CLOCK_MONOTONIC. */
  readonly until: number;
  /** How long that was at first, microseconds. */
  readonly within: number;
}

/** A reload at a time. */
export interface Scheduled {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** How long it then waits to be confirmed, microseconds; null: it need not be. */
  readonly within: number | null;
}

/** A configuration that was taken back; no start takes it again as long as it is in the file. */
export interface Refused {
  readonly fingerprint: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** In words. */
  readonly reason: string;
}

/** What must survive the process: nothing else has to. */
export interface ReloadMemory<K extends Known> {
  readonly running: K;
  /** While `awaiting`. */
  readonly previous: K | null;
  readonly awaiting: Awaiting | null;
  readonly scheduled: Scheduled | null;
  readonly refused: Refused | null;
}

/** What is to be done now. */
export type Due<K extends Known> =
  | { readonly what: "roll_back"; readonly to: K }
  | { readonly what: "reload"; readonly within: number | null };

/** After a roll-back that failed, microseconds. */
const RETRY = 5_000_000;
/** The wall clock may be set: it is looked at so often, milliseconds. */
const LOOK = 30_000;

export class ReloadMachine<K extends Known> {
  #running: K;
  #previous: K | null = null;
  #awaiting: Awaiting | null = null;
  #scheduled: Scheduled | null = null;
  #refused: Refused | null = null;

  /** @param memory of a former process, as `resume` has left it */
  constructor(running: K, memory?: ReloadMemory<K>) {
    this.#running = running;
    if (memory === undefined) return;
    this.#scheduled = memory.scheduled;
    this.#refused = memory.refused;
    if (memory.previous !== null && memory.awaiting !== null) {
      this.#previous = memory.previous;
      this.#awaiting = memory.awaiting;
    }
  }

  /** The same again: what is tried with one may be given up. */
  clone(): ReloadMachine<K> {
    return new ReloadMachine(this.#running, this.#all());
  }

  get running(): K {
    return this.#running;
  }

  /** What there is to go back to; null: nothing. */
  get previous(): K | null {
    return this.#previous;
  }

  get awaiting(): Awaiting | null {
    return this.#awaiting;
  }

  get scheduled(): Scheduled | null {
    return this.#scheduled;
  }

  get refused(): Refused | null {
    return this.#refused;
  }

  /** What must survive; null: a new process need know nothing. */
  get memory(): ReloadMemory<K> | null {
    const all = this.#all();
    const { awaiting, scheduled, refused } = all;
    return awaiting === null && scheduled === null && refused === null ? null : all;
  }

  #all(): ReloadMemory<K> {
    return {
      running: this.#running,
      previous: this.#previous,
      awaiting: this.#awaiting,
      scheduled: this.#scheduled,
      refused: this.#refused,
    };
  }

  /**
   * A reload was applied. One that comes while a confirmation is awaited has to be confirmed as
   * well, by the same time unless it says another; what it would go back to stays the same.
   *
   * @param within until when somebody is to confirm it, microseconds from now; null: nobody need
   */
  applied(next: K, within: number | null, now: Moment): void {
    const before = this.#previous ?? this.#running;
    this.#running = next;
    this.#refused = null;
    if (next.fingerprint === before.fingerprint) return this.#settle();
    if (within === null) return;
    this.#previous = before;
    this.#awaiting = { until: now.monotonic + within, within };
  }

  /** Somebody confirms what runs. Returns whether that was awaited. */
  confirm(): boolean {
    const awaited = this.#awaiting !== null;
    this.#settle();
    return awaited;
  }

  /** It was gone back. @param reason in words */
  rolledBack(reason: string, now: Moment): void {
    if (this.#previous === null) return;
    const { fingerprint } = this.#running;
    this.#running = this.#previous;
    this.#refused = { fingerprint, at: now.wall, reason };
    this.#settle();
  }

  /** Going back has failed: it is tried again. */
  failed(now: Moment): void {
    if (this.#awaiting === null) return;
    this.#awaiting = { ...this.#awaiting, until: now.monotonic + RETRY };
  }

  /** A reload for later, in place of one that there may be. */
  schedule(at: number, within: number | null): void {
    this.#scheduled = { at, within };
  }

  /** Takes a reload for later back; returns it, null where there was none. */
  cancel(): Scheduled | null {
    const scheduled = this.#scheduled;
    this.#scheduled = null;
    return scheduled;
  }

  /** What is to be done now, one thing at a time; null: nothing. A reload is told of once. */
  due(now: Moment): Due<K> | null {
    if (this.#awaiting !== null && this.#previous !== null) {
      if (now.monotonic >= this.#awaiting.until) return { what: "roll_back", to: this.#previous };
    }
    if (this.#scheduled === null || now.wall < this.#scheduled.at) return null;
    const { within } = this.#scheduled;
    this.#scheduled = null;
    return { what: "reload", within };
  }

  /** When to ask again at the latest, milliseconds from now; null: nothing is to come. */
  wake(now: Moment): number | null {
    const times: number[] = [];
    if (this.#awaiting !== null) times.push((this.#awaiting.until - now.monotonic) / 1000);
    if (this.#scheduled !== null) times.push(Math.min(LOOK, this.#scheduled.at - now.wall));
    return times.length === 0 ? null : Math.max(0, Math.ceil(Math.min(...times)));
  }

  #settle(): void {
    this.#awaiting = null;
    this.#previous = null;
  }
}

/** What a new process begins with. */
export interface Resumed<K extends Known> {
  /** null: with its file. */
  readonly running: K | null;
  /** Absent: nothing of it counts any more. */
  readonly memory?: ReloadMemory<K>;
}

/**
 * What a new process begins with: what ran, while a reload is scheduled, or was taken back and is
 * still in the file. Where a confirmation is awaited, a process that takes over goes on; one that is
 * started anew goes back, for whoever could have confirmed it may have lost the way to it.
 *
 * @param file fingerprint of what is in the file now @param takesOver from a process that lives
 */
export function resume<K extends Known>(
  memory: ReloadMemory<K>,
  file: string,
  takesOver: boolean,
  now: Moment,
): Resumed<K> {
  const { running, previous, awaiting, scheduled, refused } = memory;
  if (awaiting !== null && previous !== null) {
    if (takesOver) return { running, memory };
    const reason = "the agent was started again before it was confirmed";
    const back = file === previous.fingerprint ? null : { fingerprint: file, at: now.wall, reason };
    const settled = { running: previous, previous: null, awaiting: null, scheduled, refused: back };
    return back === null && scheduled === null
      ? { running: previous }
      : { running: previous, memory: settled };
  }
  if (scheduled !== null) return { running, memory };
  if (refused !== null && refused.fingerprint === file) return { running, memory };
  return { running: null };
}
