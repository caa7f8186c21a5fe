/**
 * What surrounds the routers, as far as the protocol plane knows it: interfaces, and everything that
 * is tracked. Interfaces are tracked things, too, so that their delays count like all others.
 *
 * @module
 */

import type { InterfaceGone, InterfaceState, ProtocolRouter } from "../plane/messages.ts";
import { interfaceFault, interfaceHealth, InterfaceTable, virtualFaults } from "./interfaces.ts";
import type { HealthEvent } from "../vrrp/mod.ts";
import { type Judgement, TrackerTable } from "./trackers.ts";

export class Circumstances {
  readonly interfaces = new InterfaceTable();
  readonly trackers = new TrackerTable();

  /** Returns the name that the interface had before. */
  interfaceChanged(state: InterfaceState, now: number): string | undefined {
    const { namespace, name } = state;
    const former = this.interfaces.nameOf(state);
    const thing = { kind: "interface", namespace, name } as const;
    // Another one of that name, or another name: nothing of the past counts.
    const same = this.interfaces.find(namespace, name)?.index === state.index;
    if (!same) this.trackers.forget(thing);
    if (former !== undefined && former !== name) this.trackers.forget({ ...thing, name: former });
    const fault = interfaceFault(state);
    this.trackers.found({ ...thing, healthy: fault === "", reason: fault || "up" }, now);
    this.interfaces.set(state);
    return former;
  }

  /** Returns the name that the interface had when it was last heard of. */
  interfaceGone({ key, name }: InterfaceGone): string | undefined {
    const { namespace } = key;
    const index = key.index || (this.interfaces.find(namespace, name)?.index ?? 0);
    const former = this.interfaces.nameOf({ namespace, index });
    this.interfaces.delete({ namespace, index });
    for (const gone of [name, former ?? name]) {
      if (this.interfaces.find(namespace, gone) !== undefined) continue;
      this.trackers.forget({ kind: "interface", namespace, name: gone });
    }
    return former;
  }

  /** What keeps a router out of the election by itself, and what it sends from. */
  health(config: ProtocolRouter): Pick<HealthEvent, "waitingFor" | "source"> {
    const { namespace, interface: name } = config;
    const state = this.interfaces.find(namespace, name);
    const fault = state !== undefined && config.trackOwn === false
      ? ""
      : this.trackers.fault({ kind: "interface", namespace, name });
    const { waitingFor, source } = interfaceHealth(config, state, fault);
    return { waitingFor: [...waitingFor, ...virtualFaults(config, this.interfaces)], source };
  }

  /** What its trackers come to. @param takesPart it goes on without what nobody knows yet */
  judge({ namespace, trackers }: ProtocolRouter, takesPart: boolean): Judgement {
    return this.trackers.judge(trackers, namespace, takesPart, interfaceFault(undefined));
  }
}
