/**
 * What belongs to the kernel's table of virtual servers and is not in it: timeouts and settings,
 * sync daemons, firewall marks, and the note of what is ours, for who comes after a killed agent. The note is
 * written down before timeouts and settings are changed, so that what they were is never lost.
 *
 * @module
 */

import type { SyncDaemon } from "../ipvs/mod.ts";
import type { BalanceNote, BalanceOriginals, BalancePlan } from "../plane/balance.ts";
import type { EventId } from "../plane/messages.ts";
import { textOf } from "../text/mod.ts";
import type { BalancerWorld } from "./balancer_io.ts";
import { BalancerSettings } from "./balancer_settings.ts";
import { BalancerSync } from "./balancer_sync.ts";
import type { BalancerTable } from "./balancer_table.ts";
import type { IpvsDirector } from "./ipvs_director.ts";
import { MarkTable } from "./mark_table.ts";
import type { Say } from "./tables.ts";

/** How long the note is waited for: somebody who cannot write it must not keep us from working. */
const PATIENCE = 2_000_000;
/** Settings that were refused are tried again after so long. */
const RETRY = 10_000_000;

/** What surrounds one namespace's table. */
export class BalancerSurroundings {
  readonly #namespace: string;
  readonly #world: BalancerWorld;
  readonly #say: Say;
  readonly #send: (note: BalanceNote) => EventId;
  readonly #settings: BalancerSettings;
  readonly #sync: BalancerSync;
  readonly #marks: MarkTable;
  #own: readonly string[];
  /** As it was last sent. */
  #noted: string;
  #awaited: { readonly id: EventId; readonly until: number } | undefined;
  #settingsAt = 0;
  /** What was before is known of all that will be changed. */
  #prepared = false;
  #failures: readonly string[] = [];
  /** Somebody's role is not known yet: daemons that follow are left alone. */
  #undecided = false;
  #daemonsAt = 0;

  /** @param note what a killed agent has left here */
  constructor(
    namespace: string,
    world: BalancerWorld,
    say: Say,
    send: (note: BalanceNote) => EventId,
    note?: BalanceNote,
  ) {
    this.#namespace = namespace;
    this.#world = world;
    this.#say = say;
    this.#send = send;
    this.#settings = new BalancerSettings(world, namespace, note?.originals);
    this.#sync = new BalancerSync(note?.daemons);
    const firewall = () => world.openFirewall(namespace);
    this.#marks = new MarkTable({ firewall }, say, world.markTable);
    if (note?.own.some((name) => name.startsWith("mark ")) === true) this.#marks.distrust();
    this.#own = note?.own ?? [];
    this.#noted = note === undefined ? "" : JSON.stringify(this.#note());
  }

  /** When `settle` should be called though nothing happened. */
  get deadline(): number {
    const settings = Math.min(
      this.#settings.used ? this.#awaited?.until ?? this.#settingsAt : Infinity,
      this.#marks.deadline,
    );
    if (!this.#sync.used || this.#undecided) return settings;
    return Math.min(settings, Math.max(this.#daemonsAt, this.#sync.deadline));
  }

  /** What the kernel would not do, in words. */
  get failures(): readonly string[] {
    const marks = this.#marks.failure === "" ? [] : [`firewall marks: ${this.#marks.failure}`];
    return [...this.#failures, ...this.#sync.failures, ...marks];
  }

  /** Times that firewall marks were put back which somebody else had changed. */
  get repairs(): number {
    return this.#marks.repairs;
  }

  /** Sync daemons that run, as last seen. */
  get daemons(): readonly SyncDaemon[] {
    return this.#sync.running;
  }

  get originals(): BalanceOriginals {
    return this.#settings.originals;
  }

  /** Nothing here was made by us. */
  get clean(): boolean {
    return this.#own.length === 0 && !this.#settings.used && !this.#sync.used &&
      this.#marks.clean;
  }

  want({ timeouts, settings, syncDaemons, marks }: BalancePlan): void {
    this.#marks.want(marks ?? []);
    this.#settings.want({ timeouts, settings });
    this.#sync.want(syncDaemons);
    this.#prepared = false;
    this.#settingsAt = 0;
  }

  /** What is held. @param undecided somebody has not said yet whether he holds */
  hold(held: ReadonlySet<string>, undecided: boolean): void {
    this.#sync.hold(held);
    this.#undecided = undecided;
  }

  /** Names of services that are ours, or may be at any time. */
  own(names: Iterable<string>): void {
    this.#own = [...names].sort();
    this.#tellNote();
  }

  /** The note is written down. */
  noted(cause: EventId): void {
    if (this.#awaited?.id !== cause) return;
    this.#awaited = undefined;
    this.#settingsAt = 0;
  }

  /**
   * Somebody may have changed things: they are looked at again.
   *
   * @param reopened the namespace may be another one of the same name
   */
  distrust(reopened = false): void {
    if (reopened) this.#marks.reopen();
    this.#prepared = false;
    this.#settingsAt = 0;
    this.#sync.distrust();
  }

  /** Sets and starts what is to be. Never throws. */
  settle(director: IpvsDirector): void {
    const now = this.#world.now();
    this.#marks.settle(now);
    if (
      this.#sync.used && !this.#undecided && now >= Math.max(this.#daemonsAt, this.#sync.deadline)
    ) {
      this.#attempt("Cannot look after sync daemons", () => {
        const done = this.#sync.settle(director, now);
        for (const what of done) this.#say("info", ["ipvs"], "Sync daemon", { what });
        this.#tellNote();
      }, () => this.#daemonsAt = now + RETRY);
    }
    if (!this.#settings.used || (this.#awaited === undefined && now < this.#settingsAt)) return;
    this.#attempt("Cannot set timeouts and settings", () => {
      // How things are is in the note before they are changed.
      if (!this.#prepared && this.#settings.prepare(director)) this.#tellNote();
      this.#prepared = true;
      if (now < (this.#awaited?.until ?? this.#settingsAt)) return;
      this.#awaited = undefined;
      this.#set(director, now);
    }, () => this.#settingsAt = now + RETRY);
  }

  /** Stops and puts back what is not in the table. @returns what the kernel would not do, in words */
  restore(director: IpvsDirector): string[] {
    const failures: string[] = [];
    this.#marks.close(false);
    try {
      this.#sync.want([]);
      this.#sync.settle(director, this.#world.now());
      failures.push(...this.#sync.failures, ...this.#settings.restore(director));
    } catch (error) {
      failures.push(textOf(error));
    }
    return failures;
  }

  /** Takes away all that is ours, in the table as well. */
  withdraw(table: BalancerTable): void {
    const left = table.withdraw();
    const { director } = table;
    for (const what of director === undefined ? left : [...left, ...this.restore(director)]) {
      this.#say("warning", ["ipvs"], "Cannot take away what is ours", { what });
    }
    this.own(table.own);
  }

  /** The end of whoever works here; what is in the kernel stays. */
  close(): void {
    this.#marks.close(true);
  }

  #set(director: IpvsDirector, now: number): void {
    const { failures, repaired } = this.#settings.settle(director);
    for (const what of repaired) {
      this.#say("warning", ["ipvs"], "Somebody has changed a setting: puts it right", { what });
    }
    for (const what of failures.filter((text) => !this.#failures.includes(text))) {
      this.#say("warning", ["ipvs"], "Cannot set", { what });
    }
    this.#failures = failures;
    this.#settingsAt = failures.length === 0 ? Infinity : now + RETRY;
    // What was not there may be next time: then its value goes into the note first.
    if (failures.length > 0) this.#prepared = false;
    this.#tellNote();
  }

  #attempt(what: string, work: () => void, failed: () => void = () => {}): void {
    try {
      work();
    } catch (error) {
      failed();
      this.#say("warning", ["ipvs"], what, { reason: textOf(error) });
    }
  }

  #note(): BalanceNote {
    return {
      namespace: this.#namespace,
      own: this.#own,
      originals: this.#settings.originals,
      daemons: this.#sync.own,
    };
  }

  /** @returns whether there was anything new: it is waited for */
  #tellNote(): boolean {
    const note = this.#note();
    const text = JSON.stringify(note);
    if (text === this.#noted) return false;
    // Where nothing was ever noted, nothing need be.
    const empty = this.clean && note.daemons.length === 0;
    if (empty && this.#noted === "") return false;
    this.#noted = text;
    this.#awaited = { id: this.#send(note), until: this.#world.now() + PATIENCE };
    return true;
  }
}
