/**
 * The kernel's settings around its load balancer: how long idle connections are remembered, and
 * `net.ipv4.vs.*`. What they were before is noted before anything is changed, in a place that
 * outlives the agent, and put back at the end, but for what somebody else has changed meanwhile.
 *
 * They belong to the module, and are as the kernel makes them when it is loaded again: so they are
 * looked at now and then.
 *
 * @module
 */

import type { Timeouts } from "../ipvs/mod.ts";
import type { BalanceOriginals, VsSettings } from "../plane/balance.ts";
import { textOf } from "../text/mod.ts";
import type { BalancerWorld } from "./balancer_io.ts";
import type { IpvsDirector } from "./ipvs_director.ts";

/** Where they are below /proc/sys/net, but for those that name their path. */
const FOLDER = "ipv4/vs";
/** Names of the timeouts among those of settings. */
const TIMEOUTS = { tcp: "tcp timeout", tcpFin: "tcp_fin timeout", udp: "udp timeout" } as const;
type Timeout = keyof typeof TIMEOUTS;
const NO_TIMEOUTS: Timeouts = { tcp: 0, tcpFin: 0, udp: 0 };

/** What can be asked about timeouts. */
type Kernel = Pick<IpvsDirector, "timeouts" | "execute">;

/** What the operator wants. */
export interface WantedSettings {
  /** Seconds; 0 or undefined: left as it is. */
  readonly timeouts?: Timeouts | undefined;
  readonly settings: VsSettings;
}

/** What a look at them has led to. */
export interface Settled {
  /** What the kernel would not do, in words. */
  readonly failures: readonly string[];
  /** What somebody else had changed, in words. */
  readonly repaired: readonly string[];
}

/** Settings of one namespace. */
export class BalancerSettings {
  readonly #world: BalancerWorld;
  readonly #namespace: string;
  /** Values are as the kernel writes them, with one space between two numbers. */
  #wanted: ReadonlyMap<string, string> = new Map();
  /** As everything was before us, as far as we change it. */
  readonly #originals: Map<string, string>;
  /** What we have set, and to what. */
  readonly #set = new Map<string, string>();

  /** @param originals as an earlier run of this boot found them */
  constructor(world: BalancerWorld, namespace: string, originals?: BalanceOriginals) {
    this.#world = world;
    this.#namespace = namespace;
    this.#originals = flat(originals ?? { settings: {} });
  }

  /** As everything was before us, as far as we change it. */
  get originals(): BalanceOriginals {
    const timeouts = { ...NO_TIMEOUTS };
    const settings: Record<string, number | string> = {};
    let any = false;
    for (const [name, value] of this.#originals) {
      const timeout = timeoutOf(name);
      if (timeout === undefined) settings[name] = value.includes(" ") ? value : Number(value);
      else {
        timeouts[timeout] = Number(value);
        any = true;
      }
    }
    return { timeouts: any ? timeouts : null, settings };
  }

  /** Whether there is anything to be set or put back. */
  get used(): boolean {
    return this.#wanted.size > 0 || this.#originals.size > 0;
  }

  want(wanted: WantedSettings): void {
    this.#wanted = flat(wanted);
  }

  /**
   * Finds out how things are that will be changed.
   *
   * @returns whether there is something new to be noted before `settle`
   * @throws where the kernel refuses to tell
   */
  prepare(kernel: Kernel): boolean {
    const before = this.#originals.size;
    const timeouts = this.#timeouts(kernel);
    for (const name of this.#wanted.keys()) {
      if (this.#originals.has(name)) continue;
      const value = this.#read(name, timeouts);
      if (value !== undefined) this.#originals.set(name, value);
    }
    return this.#originals.size > before;
  }

  /** Sets what is wanted, and puts back what no longer is. */
  settle(kernel: Kernel): Settled {
    const failures: string[] = [];
    const repaired: string[] = [];
    const attempt = (what: string, work: () => void) => {
      try {
        work();
      } catch (error) {
        failures.push(`${what}: ${textOf(error)}`);
      }
    };
    let timeouts = NO_TIMEOUTS;
    attempt("timeouts", () => void (timeouts = this.#timeouts(kernel)));
    for (const [name, value] of this.#wanted) {
      attempt(`${name} = ${value}`, () => {
        const present = this.#read(name, timeouts);
        if (present === undefined) throw new Error("this kernel has no such setting");
        if (present !== value) {
          this.#write(name, value, kernel);
          if (this.#set.get(name) === value) repaired.push(`${name} was ${present}`);
        }
        this.#set.set(name, value);
      });
    }
    for (const [name, before] of [...this.#originals]) {
      if (this.#wanted.has(name)) continue;
      attempt(`${name} = ${before}`, () => this.#putBack(name, before, timeouts, kernel));
    }
    return { failures, repaired };
  }

  /** Puts everything back. @returns what the kernel would not do, in words */
  restore(kernel: Kernel): readonly string[] {
    this.#wanted = new Map();
    return this.settle(kernel).failures;
  }

  #putBack(name: string, before: string, timeouts: Timeouts, kernel: Kernel): void {
    const present = this.#read(name, timeouts);
    // After a crash nobody knows what was set: then it is as we left it.
    const ours = this.#set.get(name) ?? present;
    if (present !== undefined && present === ours && present !== before) {
      this.#write(name, before, kernel);
    }
    this.#set.delete(name);
    this.#originals.delete(name);
  }

  /** The kernel's timeouts, where anybody needs them. */
  #timeouts(kernel: Kernel): Timeouts {
    const names = [...this.#wanted.keys(), ...this.#originals.keys()];
    return names.some((name) => timeoutOf(name) !== undefined) ? kernel.timeouts() : NO_TIMEOUTS;
  }

  #read(name: string, timeouts: Timeouts): string | undefined {
    const timeout = timeoutOf(name);
    // A kernel without one of the protocols has no timeout of it.
    if (timeout !== undefined) return timeouts[timeout] === 0 ? undefined : `${timeouts[timeout]}`;
    const text = this.#world.readSetting(this.#namespace, pathOf(name))
      ?.replaceAll(/\s+/g, " ");
    return text === undefined || !/^-?\d{1,10}( \d{1,10})?$/.test(text) ? undefined : text;
  }

  #write(name: string, value: string, kernel: Kernel): void {
    const timeout = timeoutOf(name);
    if (timeout === undefined) {
      return this.#world.writeSetting(this.#namespace, pathOf(name), value);
    }
    const timeouts = { ...NO_TIMEOUTS, [timeout]: Number(value) };
    kernel.execute({ kind: "set-timeouts", timeouts });
  }
}

/** Below /proc/sys/net. */
function pathOf(name: string): string {
  return name.startsWith("/") ? name.slice(1) : `${FOLDER}/${name}`;
}

function timeoutOf(name: string): Timeout | undefined {
  return (Object.keys(TIMEOUTS) as Timeout[]).find((timeout) => TIMEOUTS[timeout] === name);
}

/** Timeouts and settings as one. */
function flat(
  { timeouts, settings }: {
    readonly timeouts?: Timeouts | null | undefined;
    readonly settings: VsSettings;
  },
): Map<string, string> {
  const all = new Map(Object.entries(settings).map(([name, value]) => [name, `${value}`]));
  for (const timeout of Object.keys(TIMEOUTS) as Timeout[]) {
    const value = timeouts?.[timeout] ?? 0;
    if (value !== 0) all.set(TIMEOUTS[timeout], `${value}`);
  }
  return all;
}
