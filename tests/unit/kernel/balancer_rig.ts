/**
 * A balancer on a model of the kernel's load balancer, in virtual time.
 *
 * @module
 */

import type { RealServerSettings, VirtualServerSettings } from "../../../mod/balance/mod.ts";
import { Balancer } from "../../../mod/kernel/balancer.ts";
import { hear } from "../../../mod/kernel/balancer_inbox.ts";
import { MissingIpvs } from "../../../mod/kernel/ipvs_io.ts";
import type { BalanceMemory, BalanceNote, BalanceState } from "../../../mod/plane/balance.ts";
import { BalanceParts } from "../../../mod/plane/balance_parts.ts";
import type {
  ConfigureKernel,
  KernelToControl,
  LogRecord,
  ToKernel,
} from "../../../mod/plane/messages.ts";
import type { TrackerFinding } from "../../../mod/plane/trackers.ts";
import { planOf, realServerOf, serverOf, virtualServerOf } from "../../lib/balance.ts";
import { ModelIpvs } from "./ipvs_model.ts";

export const SECOND = 1_000_000;

/** Real servers 198.51.100.N, each with a check of its own: `check N`. */
export function reals(
  numbers: readonly number[],
  more: Partial<RealServerSettings> = {},
  weight = 1,
): RealServerSettings[] {
  return numbers.map((n) => {
    const server = serverOf(`198.51.100.${n}`, { weight });
    return realServerOf(`198.51.100.${n}:80`, server, { checks: [`check ${n}`], ...more });
  });
}

/** A virtual server on TCP port 80 of 192.0.2.N. */
export function vip(
  name: string,
  n: number,
  servers: readonly RealServerSettings[],
  more: Partial<VirtualServerSettings> = {},
): VirtualServerSettings {
  return virtualServerOf(name, `192.0.2.${n}`, servers, more);
}

export { planOf };

/** What a configuration may bring besides the plan. */
export interface Former {
  readonly balanceMemory?: BalanceMemory;
  readonly balanceNote?: BalanceNote;
  readonly routers?: readonly { readonly name: string }[];
}

export class Rig {
  readonly kernel: ModelIpvs;
  /** `net.ipv4.vs.*` of the kernel. */
  readonly settings: Map<string, string>;
  now = 1_000 * SECOND;
  readonly told: KernelToControl[] = [];
  readonly findings: TrackerFinding[] = [];
  readonly holdings: string[] = [];
  readonly logs: LogRecord[] = [];
  readonly balancer: Balancer;
  readonly parts = new BalanceParts();
  /** Notes are written down. */
  writes = true;
  /** Microseconds that pass with each look at the clock. */
  slowness = 0;
  #identity = "first";
  #notes: string[] = [];
  #ids = 0;

  /** @param kernel of a former life */
  constructor(kernel: Pick<Rig, "kernel" | "settings"> | null = null, resting = false) {
    this.kernel = kernel?.kernel ?? new ModelIpvs();
    this.settings = kernel?.settings ?? new Map([["expire_nodest_conn", "0"], ["sloppy_tcp", "0"]]);
    const say: ConstructorParameters<typeof Balancer>[2] = (level, category, message, properties) =>
      void this.logs.push({
        type: "log",
        level,
        category,
        message,
        ...(properties && { properties }),
      });
    this.balancer = new Balancer(
      {
        now: () => this.now += this.slowness,
        identity: () => this.#identity,
        openIpvs: () => {
          if (this.kernel.unloaded) throw new MissingIpvs(undefined);
          return this.kernel.connect();
        },
        readSetting: (_, path) => this.settings.get(path.replace("ipv4/vs/", "")),
        writeSetting: (_, path, value) =>
          void this.settings.set(path.replace("ipv4/vs/", ""), value),
        openFirewall: () => {
          throw new Error("no nftables here");
        },
      },
      {
        control: (message) => this.#take(structuredClone(message)),
        finding: (finding) => void this.findings.push(finding),
        hold: (holding) => void this.holdings.push(`hold ${holding}`),
        drop: (holding) => void this.holdings.push(`drop ${holding}`),
      },
      say,
      resting,
    );
  }

  tell(message: Record<string, unknown> & { readonly type: ToKernel["type"] }): void {
    const whole = { id: `c:${++this.#ids}`, ...message } as unknown as ToKernel;
    hear(
      this.balancer,
      structuredClone(whole),
      (level, category, text, properties) =>
        void this.logs.push({
          type: "log",
          level,
          category,
          message: text,
          ...(properties && { properties }),
        }),
    );
  }

  configure(balance: ConfigureKernel["balance"], former: Former = {}): void {
    const plan = balance === undefined ? {} : { balance };
    this.tell({ type: "configure", routers: [], interfaces: [], ...plan, ...former });
    this.settle();
  }

  check(n: number, healthy: boolean): void {
    const health = healthy ? "up" : "down";
    this.tell({ type: "check", check: `check ${n}`, health, reason: "", weight: null });
    this.settle();
  }

  hold(router: string, held = true): void {
    this.tell({ type: held ? "hold" : "drop", router, cause: "", epoch: 1 });
    this.settle();
  }

  /** The name of the namespace leads to another one. */
  move(): void {
    this.#identity = "second";
  }

  /** Turns until nothing is due at once. */
  settle(): void {
    for (let turns = 0;; turns++) {
      for (const cause of this.#notes.splice(0)) this.tell({ type: "balance_noted", cause });
      this.balancer.turn();
      if (this.balancer.deadline > this.now && this.#notes.length === 0) return;
      if (turns > 10_000) throw new Error("The balancer spins");
    }
  }

  /** Lets time pass; the loop turns at the latest after half a second. */
  run(micros: number): void {
    const end = this.now + micros;
    while (this.now < end) {
      const next = Math.min(end, this.now + SECOND / 2, this.balancer.deadline);
      this.now = Math.max(this.now, next);
      this.settle();
    }
  }

  state(counters = true): BalanceState {
    this.tell({ type: "query_balance", ...(counters ? {} : { counters: false }) });
    this.settle();
    return this.last("balance_state");
  }

  last<T extends KernelToControl["type"]>(type: T): Extract<KernelToControl, { type: T }> {
    const found = this.told.findLast((one) => one.type === type);
    if (found === undefined) throw new Error(`No ${type} was told`);
    return found as Extract<KernelToControl, { type: T }>;
  }

  /** The last note, as control gives it back. */
  note(): BalanceNote {
    const { type: _type, id: _id, ...note } = this.last("balance_note");
    return note;
  }

  /** The kernel's table: each service with its servers and weights. */
  table(): Record<string, string> {
    return Object.fromEntries([...this.kernel.model.table].map(([name, { destinations }]) => [
      name.replace("tcp 192.0.2.", "").replace(":80", ""),
      [...destinations.values()].map(({ key, weight }) =>
        `${key.address.replace("198.51.100.", "")}=${weight}`
      ).sort().join(" "),
    ]));
  }

  messages(level: LogRecord["level"] = "warning"): string[] {
    return this.logs.filter((one) => one.level === level).map(({ message }) => message);
  }

  #take(message: KernelToControl): void {
    if (message.type === "balance_part") return this.parts.take(message);
    this.told.push(message.type === "balance_state" ? this.parts.join(message) : message);
    if (message.type === "balance_note" && this.writes) this.#notes.push(message.id);
  }
}
