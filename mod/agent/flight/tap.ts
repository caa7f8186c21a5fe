/**
 * Where all that the planes say becomes events of the flight recorder.
 *
 * @module
 */

import { monotonicMicros } from "../../../ffi/mod.ts";
import type { PlaneCrashed } from "../../plane/crash.ts";
import type { AddressReport, KernelToControl, ProtocolToControl } from "../../plane/messages.ts";
import type { CheckStep } from "../../plane/checks.ts";
import type { StepRecord } from "../../plane/steps.ts";
import {
  balanceFact,
  checkFact,
  type Fact,
  groupFacts,
  holdingFacts,
  interfaceFacts,
  interfaceGoneFact,
  type KnownInterface,
  remarkFact,
  routerFacts,
  sessionFact,
} from "./facts.ts";
import { FlightRecorder } from "./recorder.ts";

export class FlightTap {
  readonly recorder = new FlightRecorder();
  /** What was reported last of what each router holds. */
  readonly #held = new Map<string, AddressReport>();
  readonly #interfaces = new Map<string, KnownInterface | null>();
  /** When routers that wait for their addresses became master, microseconds on CLOCK_MONOTONIC. */
  readonly #masters = new Map<string, number>();
  /** Routers that were master already before this process, and have not reported since. */
  readonly #resumed = new Set<string>();
  /** Names of virtual routers: a group of such a name is that router's own affair. */
  readonly #routers = new Set<string>();

  fromProtocol(message: Exclude<ProtocolToControl, PlaneCrashed>): void {
    switch (message.type) {
      case "snapshot":
        this.#routers.add(message.router.settings.name);
        break;
      case "step":
        for (const { effect } of message.effects) this.#noteMaster(effect, message);
        this.recorder.record(...routerFacts(message));
        break;
      case "group_step":
        if (!this.#routers.has(message.group)) this.recorder.record(...groupFacts(message));
        break;
      case "bfd_changed":
        this.recorder.record(sessionFact(message));
        break;
      case "priority_changed":
      case "lower_priority":
      case "peer":
      case "late":
        this.recorder.record(remarkFact(message));
        break;
      default:
        break;
    }
  }

  fromKernel(message: Exclude<KernelToControl, PlaneCrashed>): void {
    switch (message.type) {
      case "addresses": {
        const { router } = message;
        const facts = holdingFacts(message, this.#heldBefore(message));
        this.#held.set(router, message);
        this.recorder.record(...facts.map((fact) => this.#timed(fact, router)));
        break;
      }
      case "interface": {
        const { namespace, name } = message.state;
        const key = `${namespace}/${name}`;
        const before = this.#interfaces.get(key);
        this.#interfaces.set(key, message.state);
        // How things are when they are looked at first is no news.
        if (before === undefined) break;
        this.recorder.record(...interfaceFacts(message, before ?? undefined));
        break;
      }
      case "interface_gone": {
        const { name, key: { namespace, index } } = message;
        const known = this.#interfaces.get(`${namespace}/${name}`);
        this.#interfaces.set(`${namespace}/${name}`, null);
        if (known === null || index === 0) break;
        this.recorder.record(interfaceGoneFact(name, namespace));
        break;
      }
      case "balance_step":
        this.recorder.record(balanceFact(message));
        break;
      default:
        break;
    }
  }

  /** A check stands otherwise, in whichever plane. */
  check(step: CheckStep): void {
    this.recorder.record(checkFact(step));
  }

  #noteMaster(effect: StepRecord["effects"][number]["effect"], { router, at }: StepRecord): void {
    if (effect.type === "hold") {
      if (effect.resumed !== true) this.#masters.set(router, at);
      else if (!this.#held.has(router)) this.#resumed.add(router);
    } else if (effect.type === "drop") {
      this.#masters.delete(router);
      this.#resumed.delete(router);
    }
  }

  /** What was reported last; of a master that goes on, what it has was there before us. */
  #heldBefore(report: AddressReport): AddressReport | undefined {
    const before = this.#held.get(report.router);
    if (report.present.length === 0 || !this.#resumed.delete(report.router)) return before;
    return { ...report, failed: before?.failed ?? [], repairs: before?.repairs ?? 0 };
  }

  /** A new master's addresses come with the time that it took. */
  #timed(fact: Fact, router: string): Fact {
    const since = this.#masters.get(router);
    if (fact.event !== "addresses_put" || since === undefined) return fact;
    this.#masters.delete(router);
    const elapsed = Math.round((monotonicMicros() - since) / 100) / 10;
    return { ...fact, details: { ...fact.details, known_after_ms: elapsed } };
  }
}
