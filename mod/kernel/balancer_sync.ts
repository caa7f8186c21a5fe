/**
 * The kernel's threads that tell other directors of connections, or listen to them. A role that
 * follows a virtual router is the master's while the router is held here, and the backup's while
 * it is not. One that somebody else has started is left alone unless it stands in the way.
 *
 * @module
 */

import type { SyncDaemon } from "../ipvs/mod.ts";
import type { SyncDaemonPlan } from "../plane/balance.ts";
import { textOf } from "../text/mod.ts";
import { retryAfter } from "./balancer_retry.ts";
import type { IpvsDirector } from "./ipvs_director.ts";

/** What is asked of the kernel. */
type Kernel = Pick<IpvsDirector, "daemons" | "execute">;
type Role = SyncDaemon["role"];

/** Sync daemons of one namespace. */
export class BalancerSync {
  #plans: readonly SyncDaemonPlan[] = [];
  #held: ReadonlySet<string> = new Set();
  #running: readonly SyncDaemon[] = [];
  /** Roles of which we have started the daemon, as it was asked for. */
  readonly #own = new Map<Role, SyncDaemon>();
  #failures: readonly string[] = [];
  #retries = 0;
  #deadline = Infinity;

  /** @param own those that an earlier run of this boot has started */
  constructor(own: readonly SyncDaemon[] = []) {
    for (const daemon of own) this.#own.set(daemon.role, daemon);
  }

  /** Those that run, as last seen. */
  get running(): readonly SyncDaemon[] {
    return this.#running;
  }

  /** Those that we have started. */
  get own(): readonly SyncDaemon[] {
    return [...this.#own.values()];
  }

  /** What the kernel would not do, in words. */
  get failures(): readonly string[] {
    return this.#failures;
  }

  /** Whether there is anything to be started or stopped. */
  get used(): boolean {
    return this.#plans.length > 0 || this.#own.size > 0;
  }

  /** When `settle` should be called though nothing happened. */
  get deadline(): number {
    return this.#deadline;
  }

  want(plans: readonly SyncDaemonPlan[]): void {
    this.#plans = plans;
    this.#deadline = 0;
  }

  /** What is held from now on. */
  hold(held: ReadonlySet<string>): void {
    this.#held = held;
    this.#deadline = 0;
  }

  /** They may have been stopped by others. */
  distrust(): void {
    this.#deadline = 0;
  }

  /**
   * Starts and stops what is to be; reads what runs.
   *
   * @returns what was done, in words
   * @throws where the kernel does not tell what runs
   */
  settle(kernel: Kernel, now: number): string[] {
    this.#deadline = Infinity;
    const done: string[] = [];
    const failures: string[] = [];
    const wanted = new Map<Role, SyncDaemon>();
    for (const plan of this.#plans) {
      const daemon = { ...plan, role: this.#roleOf(plan) };
      wanted.set(daemon.role, daemon);
    }
    this.#running = kernel.daemons();
    for (const role of ["master", "backup"] as const) {
      const want = wanted.get(role);
      const running = this.#running.find((one) => one.role === role);
      try {
        if (running !== undefined && want !== undefined && isLike(running, want)) {
          this.#own.set(role, want);
          continue;
        }
        // What others have started, and nobody here wants otherwise, is theirs.
        if (running !== undefined && (want !== undefined || this.#own.has(role))) {
          kernel.execute({ kind: "stop-daemon", role });
          done.push(`${role} stopped`);
        }
        this.#own.delete(role);
        if (want === undefined) continue;
        kernel.execute({ kind: "start-daemon", daemon: want });
        this.#own.set(role, want);
        done.push(`${role} started on ${want.interface}`);
      } catch (error) {
        failures.push(`sync daemon, ${role}: ${textOf(error)}`);
      }
    }
    if (done.length > 0) this.#running = kernel.daemons();
    this.#failures = failures;
    this.#retries = failures.length === 0 ? 0 : this.#retries + 1;
    if (failures.length > 0) this.#deadline = now + retryAfter(this.#retries);
    return done;
  }

  #roleOf({ role }: SyncDaemonPlan): Role {
    if (typeof role === "string") return role;
    return role.follow.some((holding) => this.#held.has(holding)) ? "master" : "backup";
  }
}

/** Whether a daemon is as it is asked for; what is left to the kernel may be anything. */
function isLike(running: SyncDaemon, wanted: SyncDaemon): boolean {
  const { maxLength, group, port, ttl } = wanted;
  return running.interface === wanted.interface && running.id === wanted.id &&
    (maxLength === 0 || running.maxLength === maxLength) &&
    (group === "" || running.group === group) && (port === 0 || running.port === port) &&
    (ttl === 0 || running.ttl === ttl);
}
