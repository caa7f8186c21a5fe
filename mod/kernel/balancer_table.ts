/**
 * The kernel's table of virtual servers, held as it is wanted: read when it is not known, changed
 * by the fewest commands, compared once in a while since the kernel tells nobody of changes, and
 * put right where somebody else has changed it. What takes long is done in parts.
 *
 * What the kernel refuses is tried again, from a second later to half a minute. Where there is no
 * load balancer at all, it is asked for every few seconds, which makes the kernel load the module.
 *
 * @module
 */

import {
  describeCommand,
  sameEntry,
  type Table,
  type TableCommand,
  type TableEntry,
} from "../ipvs/mod.ts";
import { ENOENT } from "../netlink/mod.ts";
import { textOf } from "../text/mod.ts";
import { ComparePace, differs, sameButServers } from "./balancer_compare.ts";
import type { BalancerWorld } from "./balancer_io.ts";
import type { TableEvents } from "./balancer_table_events.ts";
import { retryAfter } from "./balancer_retry.ts";
import { IpvsDirector, type IpvsFailure } from "./ipvs_director.ts";
import { type IpvsIo, MissingIpvs } from "./ipvs_io.ts";
import { IpvsScan } from "./ipvs_scan.ts";
import type { Say } from "./tables.ts";

/** After so long a call ends, and the next one goes on: others have work to do, microseconds. */
const LONG = 5_000;
/** Commands between two looks at the clock: one buffer of them. */
const COMMANDS = 64;
/** Datagrams between two looks at the clock: up to 32 KiB each. */
const PIECES = 2;
/** Without a load balancer, or a way to it, it is looked for again after so long, and longer. */
const FIRST_REOPEN = 200_000;
const LONGEST_REOPEN = 3_000_000;
/** A comparison that our own commands spoiled is repeated so often, then done without a break. */
const SPOILS = 3;
/** Commands that a log line names. */
const NAMED = 3;

interface OpenTable {
  readonly director: IpvsDirector;
  /** For scans alone. */
  readonly side: IpvsIo;
  sequence: number;
}

/** One namespace's table. */
export class BalancerTable {
  readonly namespace: string;
  readonly #world: BalancerWorld;
  readonly #events: TableEvents;
  readonly #say: Say;
  #open: OpenTable | undefined;
  #openAt = 0;
  #openings = 0;
  /** The table is known. */
  #working = false;
  /** It was, and the way to it was lost. */
  #lost = false;
  /** Services that are ours while nothing is open. */
  #own: ReadonlySet<string>;
  #wanted: Table = new Map();
  #flush = false;
  #spare: ReadonlySet<string> = new Set();
  #dirty = false;
  #retryAt = Infinity;
  #retries = 0;
  #scan: IpvsScan | undefined;
  #scanBegan = 0;
  /** Commands were sent since the scan began. */
  #spoiled = false;
  #spoils = 0;
  /** What the scan has read may be otherwise by now. It goes on: a dump cannot be broken off. */
  #outdated = false;
  /** The scan brings no counters: it is a comparison of services. */
  #looking = false;
  readonly #pace = new ComparePace();
  /** Whose counters somebody waits for; null: all. */
  #asked: Set<string> | null | undefined;
  #resting = false;
  #trouble: string | null = null;
  #missing = false;
  #failures: readonly string[] = [];
  #repairs = 0;

  /** @param own names of services that a former life has made */
  constructor(
    namespace: string,
    own: Iterable<string>,
    world: BalancerWorld,
    events: TableEvents,
    say: Say,
  ) {
    this.namespace = namespace;
    this.#own = new Set(own);
    this.#world = world;
    this.#events = events;
    this.#say = say;
  }

  /** Why there is no table to work on; null: there is one, or nobody has looked yet. */
  get trouble(): string | null {
    return this.#trouble;
  }

  /** The kernel has no load balancer. */
  get missing(): boolean {
    return this.#missing;
  }

  /** What the kernel would not do, in words. */
  get failures(): readonly string[] {
    return this.#failures;
  }

  /** Times that a table which somebody else changed was put right. */
  get repairs(): number {
    return this.#repairs;
  }

  /** Names of services that are ours. */
  get own(): ReadonlySet<string> {
    return this.#open?.director.own ?? this.#own;
  }

  /** The table as far as it is known. */
  get table(): Table {
    return this.#open?.director.table ?? new Map();
  }

  /** The way to it, while it is open. */
  get director(): IpvsDirector | undefined {
    return this.#open?.director;
  }

  /** Something is still to be sent, but for what the kernel has refused. */
  get unsettled(): boolean {
    return this.#dirty;
  }

  /** Commands that are planned and not sent yet. */
  get pending(): number {
    return this.#open?.director.pending ?? 0;
  }

  set resting(resting: boolean) {
    if (this.#resting && !resting) this.distrust();
    this.#resting = resting;
  }

  /** When `turn` should be called though nothing happened. */
  get deadline(): number {
    if (this.#open === undefined) return this.#openAt;
    if (this.#scan !== undefined || this.#asked !== undefined) return 0;
    if (!this.#open.director.known) return 0;
    if (this.#resting) return Infinity;
    if (this.#dirty) return 0;
    return Math.min(this.#retryAt, this.#pace.deadline);
  }

  /** From one comparison to the next at least, microseconds; undefined: 2 s. */
  set compareInterval(interval: number | undefined) {
    this.#pace.setInterval(interval, this.#world.now());
  }

  /**
   * What is wanted from now on.
   *
   * @param spare names of services that stay as they are for now
   */
  want(wanted: Table, flush: boolean, spare: ReadonlySet<string>): void {
    this.#wanted = wanted;
    this.#flush = flush;
    this.#spare = spare;
    this.#dirty = true;
  }

  /** Counters of these services are wanted, null: of all. `counted` brings them. */
  count(services: Iterable<string> | null): void {
    if (services === null || this.#asked === null) this.#asked = null;
    else this.#asked = new Set([...this.#asked ?? [], ...services]);
  }

  /** Somebody may have changed it: it is read again. */
  distrust(): void {
    this.#open?.director.distrust();
    this.#outdated = true;
    this.#dirty = true;
  }

  /** Does what is due, for a few milliseconds. Never throws. */
  turn(): void {
    const began = this.#world.now();
    if (this.#open === undefined && began < this.#openAt) return;
    try {
      const open = this.#open ?? this.#begin();
      do {
        if (!this.#work(open)) return;
      } while (this.#world.now() - began < LONG);
    } catch (error) {
      this.#fail(error);
    }
  }

  /**
   * Takes away all that is ours, without a break.
   *
   * @returns what is left of it, in words
   */
  withdraw(): readonly string[] {
    if (this.#open === undefined && this.own.size === 0) return [];
    try {
      const { director } = this.#open ?? this.#begin();
      const { failures } = director.converge(new Map());
      return failures.map(({ text }) => text);
    } catch (error) {
      return [textOf(error)];
    }
  }

  /** Closes the way to the table; what is in it stays. */
  close(): void {
    if (this.#open === undefined) return;
    const { director, side } = this.#open;
    this.#own = new Set(director.own);
    this.#open = undefined;
    this.#scan = undefined;
    director.close();
    side.close();
  }

  /** The name may lead elsewhere now: all begins anew. */
  reopen(): void {
    this.close();
    this.#openAt = 0;
    this.#dirty = true;
  }

  /** One piece of work. @returns whether there may be more of it now */
  #work(open: OpenTable): boolean {
    const now = this.#world.now();
    const { director } = open;
    if (director.known && !this.#resting && (this.#dirty || now >= this.#retryAt)) {
      this.#converge(open, now);
      return true;
    }
    if (this.#scan === undefined) {
      const due = !director.known ? "whole" : this.#resting ? undefined : this.#pace.due(now);
      if (due === undefined && this.#asked === undefined) return false;
      this.#looking = due === "services" && this.#asked === undefined;
      const services = due === "whole" ? null : this.#looking ? new Set<string>() : this.#asked!;
      this.#asked = undefined;
      this.#scan = new IpvsScan(open.side, services, open.sequence);
      this.#scanBegan = now;
      this.#spoiled = this.#outdated = false;
    }
    const scan = this.#scan;
    const pieces = this.#spoils >= SPOILS ? Infinity : PIECES;
    const done = scan.step(pieces);
    open.sequence = scan.sequence;
    if (done) this.#scanned(scan, open);
    return true;
  }

  #begin(): OpenTable {
    const io = this.#world.openIpvs(this.namespace);
    let side: IpvsIo;
    try {
      side = this.#world.openIpvs(this.namespace);
    } catch (error) {
      io.close();
      throw error;
    }
    const open = { director: new IpvsDirector(io, this.#own), side, sequence: 0 };
    this.#open = open;
    this.#dirty = true;
    this.#spoils = 0;
    this.#events.opened();
    return open;
  }

  #converge({ director }: OpenTable, now: number): void {
    this.#dirty = true;
    this.#retryAt = Infinity;
    const outcome = director.advance(this.#wanted, COMMANDS, this.#options);
    this.#spoiled ||= outcome?.sent !== 0;
    if (outcome === undefined) return;
    this.#dirty = false;
    if (outcome.changed) this.#tellRepair(outcome.sent, "seen at a command of ours");
    this.#judge(director, outcome.failures, now);
    this.#events.settled();
  }

  /** What the kernel refused is told once, and tried again later. */
  #judge(director: IpvsDirector, failures: readonly IpvsFailure[], now: number): void {
    // A kernel whose module was unloaded knows no scheduler either: it is asked whether it is there.
    if (failures.some(({ errno }) => errno === ENOENT)) director.info();
    const texts = failures.map(({ text }) => text);
    const known = new Set(this.#failures);
    for (const text of texts) {
      if (!known.has(text)) this.#say("warning", ["ipvs"], "The kernel refuses", { command: text });
    }
    if (texts.length === 0 && known.size > 0) {
      this.#say("info", ["ipvs"], "The kernel takes all commands again");
    }
    this.#failures = texts;
    this.#retries = texts.length === 0 ? 0 : this.#retries + 1;
    if (texts.length > 0) this.#retryAt = now + retryAfter(this.#retries);
  }

  #scanned(scan: IpvsScan, { director }: OpenTable): void {
    const now = this.#world.now();
    const spoiled = this.#spoiled && director.known;
    this.#scan = undefined;
    this.#spoils = spoiled ? this.#spoils + 1 : 0;
    if (director.known && !this.#looking) {
      if (scan.whole) this.#asked = undefined;
      this.#events.counted({ found: scan.found, whole: scan.whole, spoiled });
    }
    // Compared with what we have changed meanwhile, it says nothing.
    if (spoiled || this.#outdated) return;
    const what = scan.whole ? "whole" : this.#looking ? "services" : undefined;
    this.#pace.done(what, now - this.#scanBegan, now);
    if (!scan.whole) {
      if (this.#differs(director, scan.services, sameButServers)) this.#pace.hurry();
      return;
    }
    const table = scan.table();
    const changed = director.known ? this.#differs(director, table, sameEntry) : this.#lost;
    const first = !director.known;
    director.learn(table, scan.refused);
    if (first) this.#begun();
    if (changed) this.#repair(director.plan(this.#wanted, this.#options));
    this.#events.compared();
  }

  /** The table is known: whatever kept us from it is over. */
  #begun(): void {
    this.#dirty = this.#working = true;
    this.#lost = false;
    this.#openings = 0;
    this.#missing = false;
    if (this.#trouble === null) return;
    this.#trouble = null;
    this.#say("info", ["ipvs"], "Works on the kernel's table of virtual servers again");
  }

  get #options() {
    return { flush: this.#flush, spare: this.#spare };
  }

  #repair(commands: readonly TableCommand[]): void {
    if (commands.length === 0) return;
    this.#dirty = true;
    const named = commands.slice(0, NAMED).map(describeCommand).join("; ");
    const more = commands.length > NAMED ? `, and ${commands.length - NAMED} more` : "";
    this.#tellRepair(commands.length, `${named}${more}`);
  }

  #tellRepair(commands: number, what: string): void {
    this.#repairs++;
    const properties = { commands, what };
    this.#say("warning", ["ipvs"], "Somebody has changed the table: puts it right", properties);
  }

  /** Whether anything that concerns us is otherwise than we left it. */
  #differs<Found>(
    { table: known }: IpvsDirector,
    found: ReadonlyMap<string, Found>,
    same: (a: TableEntry | undefined, b: Found | undefined) => boolean,
  ): boolean {
    const names = this.#flush
      ? new Set([...known.keys(), ...found.keys()])
      : new Set([...this.#wanted.keys(), ...this.own]);
    for (const name of this.#spare) names.delete(name);
    return differs(names, known, found, same);
  }

  #fail(error: unknown): void {
    const reason = textOf(error);
    this.#missing = error instanceof MissingIpvs;
    this.#lost ||= this.#working;
    this.#working = false;
    this.close();
    const wait = Math.min(LONGEST_REOPEN, FIRST_REOPEN * 2 ** Math.min(this.#openings++, 10));
    this.#openAt = this.#world.now() + wait;
    if (reason !== this.#trouble) {
      this.#say("error", ["ipvs"], "Cannot work on the table of virtual servers", { reason });
    }
    this.#trouble = reason;
  }
}
