/**
 * A balancer on the guest's kernel, in real time: without the loop, the process and the other planes.
 *
 * @module
 */

import {
  inNamespace,
  monotonicMicros,
  namespaceIdentity,
  readText,
  writeText,
} from "../../ffi/mod.ts";
import type { RealServerSettings, VirtualServerSettings } from "../../mod/balance/mod.ts";
import { Balancer } from "../../mod/kernel/balancer.ts";
import { hear } from "../../mod/kernel/balancer_inbox.ts";
import { openFirewall } from "../../mod/kernel/firewall_io.ts";
import { MARK_TABLE } from "../../mod/kernel/mark_table.ts";
import type { BalancerWorld } from "../../mod/kernel/balancer_io.ts";
import { type IpvsIo, openIpvs } from "../../mod/kernel/ipvs_io.ts";
import { IPVS_CMD_GET_DEST, IPVS_CMD_GET_SERVICE, readCommandNumber } from "../../mod/ipvs/mod.ts";
import { splitMessages } from "../../mod/netlink/mod.ts";
import type {
  BalanceMemory,
  BalanceNote,
  BalancePlan,
  BalanceState,
} from "../../mod/plane/balance.ts";
import { BalanceParts } from "../../mod/plane/balance_parts.ts";
import type { KernelToControl, LogRecord, ToKernel } from "../../mod/plane/messages.ts";
import type { TrackerFinding } from "../../mod/plane/trackers.ts";
import { planOf as planned, realServerOf, virtualServerOf } from "../lib/balance.ts";
import { server as serverOf } from "./lib.ts";

const PATIENCE = 20_000_000;

/** Real servers of these names, without checks. */
export function reals(
  names: readonly string[],
  more: Partial<RealServerSettings> = {},
): RealServerSettings[] {
  return names.map((name) => {
    const [address = "", port] = name.split(":");
    const server = serverOf(address, port === undefined ? {} : { port: Number(port) });
    return realServerOf(name, server, more);
  });
}

/** A virtual server on TCP port 80, with `wlc`. */
export const vip = virtualServerOf;

/** In namespace `d`, removed at the end. */
export function planOf(
  servers: readonly VirtualServerSettings[],
  more: Partial<BalancePlan> = {},
): BalancePlan {
  return planned(servers, { namespace: "d", ...more });
}

/** A balancer and what it has told. */
export class Rig {
  readonly told: KernelToControl[] = [];
  readonly findings: TrackerFinding[] = [];
  readonly holdings: string[] = [];
  readonly logs: LogRecord[] = [];
  /** Commands that were sent; questions are not among them. */
  commands = 0;
  /** The longest turn, microseconds. */
  longest = 0;
  readonly balancer: Balancer;
  readonly parts = new BalanceParts();
  /** Notes are written down. */
  writes = true;
  #ids = 0;

  constructor(resting = false) {
    const say = (
      ...[level, category, message, properties]: [
        LogRecord["level"],
        readonly string[],
        string,
        LogRecord["properties"]?,
      ]
    ) =>
      void this.logs.push({
        type: "log",
        level,
        category,
        message,
        ...(properties && { properties }),
      });
    this.balancer = new Balancer(
      this.#world(),
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

  /** Gives it a message. */
  tell(message: Record<string, unknown> & { readonly type: ToKernel["type"] }): void {
    const id = `c:${++this.#ids}`;
    hear(this.balancer, structuredClone({ id, ...message }) as unknown as ToKernel, (...record) => {
      throw new Error(JSON.stringify(record));
    });
  }

  /** Configures it, and turns until the table is as it is wanted. */
  configure(balance: BalancePlan | undefined, more: {
    readonly balanceMemory?: BalanceMemory;
    readonly balanceNote?: BalanceNote;
    readonly routers?: readonly { readonly name: string }[];
  } = {}): void {
    const plan = balance === undefined ? {} : { balance };
    this.tell({ type: "configure", routers: [], interfaces: [], ...plan, ...more });
    this.settle();
  }

  /** Turns until nothing is due at once. */
  settle(): void {
    this.until("it is settled", () => this.balancer.deadline > monotonicMicros());
  }

  /** Turns until something is so. */
  until(what: string, check: () => boolean, patience = PATIENCE): void {
    const end = monotonicMicros() + patience;
    for (;;) {
      const began = monotonicMicros();
      for (const cause of this.#notes.splice(0)) this.tell({ type: "balance_noted", cause });
      this.balancer.turn();
      this.longest = Math.max(this.longest, monotonicMicros() - began);
      if (check()) return;
      const now = monotonicMicros();
      if (now > end) {
        throw new Error(`Waited in vain until ${what}: ${JSON.stringify(this.logs.slice(-5))}`);
      }
      const wait = Math.min(20_000, this.balancer.deadline - now);
      if (wait > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, wait / 1000);
    }
  }

  /** How it stands now. */
  state(): BalanceState {
    const before = this.told.length;
    this.tell({ type: "query_balance" });
    const isState = (one: KernelToControl) => one.type === "balance_state";
    this.until("it answers", () => this.told.slice(before).some(isState));
    return this.told.slice(before).find((one): one is BalanceState =>
      one.type === "balance_state"
    )!;
  }

  /** The last note. */
  note(): BalanceNote | undefined {
    const note = this.told.findLast((one) => one.type === "balance_note");
    if (note === undefined) return undefined;
    const { type: _type, id: _id, ...rest } = note;
    return rest;
  }

  messages(): string[] {
    return this.logs.map(({ message }) => message);
  }

  stop(keep = false): void {
    this.balancer.stop(keep);
    this.balancer.close();
  }

  #take(message: KernelToControl): void {
    if (message.type === "balance_part") return this.parts.take(message);
    this.told.push(message.type === "balance_state" ? this.parts.join(message) : message);
    if (message.type === "balance_note" && this.writes) this.#notes.push(message.id);
  }

  readonly #notes: string[] = [];

  #world(): BalancerWorld {
    const path = (name: string) => `/proc/sys/net/${name}`;
    return {
      now: monotonicMicros,
      identity: namespaceIdentity,
      openIpvs: (namespace) => this.#counting(openIpvs(namespace)),
      openFirewall,
      // This guest's nftables knows bridges only.
      markTable: { ...MARK_TABLE, family: "bridge" },
      readSetting: (namespace, name) => {
        try {
          return inNamespace(namespace, () => readText(path(name))).trim();
        } catch {
          return undefined;
        }
      },
      writeSetting: (namespace, name, value) =>
        inNamespace(namespace, () => writeText(path(name), value)),
    };
  }

  #counting(io: IpvsIo): IpvsIo {
    return {
      family: io.family,
      send: (bytes) => {
        for (const message of splitMessages(bytes).messages) {
          const number = readCommandNumber(message);
          const questions = [IPVS_CMD_GET_DEST, IPVS_CMD_GET_SERVICE];
          if (number.ok && !questions.includes(number.value)) this.commands++;
        }
        io.send(bytes);
      },
      receive: () => io.receive(),
      close: () => io.close(),
    };
  }
}
