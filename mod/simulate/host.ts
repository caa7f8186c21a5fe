/**
 * One host of a simulation: its interfaces, and the addresses that its kernel has. The kernel plane
 * needs a moment to add and remove them, refreshes their leases while the agent lives, and the
 * kernel removes them when these run out.
 *
 * @module
 */

import type { InterfaceState, KernelRouter } from "../plane/messages.ts";
import { refreshSchedule } from "../kernel/refresh.ts";
import type { Micros } from "../vrrp/mod.ts";
import type { Agenda, Appointment } from "./agenda.ts";
import { ADDED, ADOPTED, BEATEN, LINK_TOLD, REMOVED } from "./delays.ts";
import type { Journal } from "./journal.ts";
import { SimInterface } from "./lan.ts";
import { ROUTED } from "./nodes.ts";

const SECOND = 1_000_000;
const LOOPBACK = "lo";

/** One address that an agent may hold. */
interface Leased {
  readonly address: string;
  readonly carrier: SimInterface;
  /** Whose cable counts: the carrier's, or that of what it lies upon. */
  readonly wire: SimInterface;
  readonly router: KernelRouter;
  readonly position: number;
  /** The host itself has it: there without any agent, and never touched by one (`lease.ts`). */
  readonly own: boolean;
  present: boolean;
  /** When it was added; its refreshes count from there. */
  since: Micros;
  /** Nobody refreshes it. */
  orphaned: boolean;
  /** What is about to happen to it. */
  pending: Appointment | null;
}

export class Host {
  powered = true;
  readonly interfaces = new Map<string, SimInterface>();
  readonly #leased = new Map<string, Leased[]>();
  readonly #wanted = new Set<string>();
  /** So long what has no lease and was left by a dead agent waits for the decision of its router. */
  #adoptedUntil: Micros = 0;

  constructor(
    readonly name: string,
    readonly agenda: Agenda,
    readonly journal: Journal,
    states: readonly InterfaceState[],
    holdings: readonly KernelRouter[],
  ) {
    for (const state of states) {
      const own = new SimInterface(name, state);
      this.interfaces.set(own.name, own);
    }
    for (const router of holdings) this.#leased.set(router.name, this.#addressesOf(router));
    this.#noteOwn();
  }

  /** All addresses that an agent may hold, each as often as routers list it. */
  get #all(): Leased[] {
    return [...this.#leased.values()].flat();
  }

  /** Those that an agent adds and removes. */
  get #moving(): Leased[] {
    return this.#all.filter(({ own }) => !own);
  }

  #noteOwn(): void {
    for (const one of this.#all) {
      if (!one.own) continue;
      one.present = this.powered;
      this.#note(one);
    }
  }

  #addressesOf(router: KernelRouter): Leased[] {
    return router.addresses.map((held, position) => {
      const carrier = this.interface(router.namespace, held.interface);
      const { ipv4, ipv6, ipv6Global } = carrier.state;
      const link = router.virtualLinks?.find(({ name }) => name === held.interface);
      return {
        address: held.address,
        carrier,
        wire: link === undefined ? carrier : this.interface(router.namespace, link.base),
        router,
        position,
        own: [...ipv4, ...ipv6, ...ipv6Global].includes(held.address),
        present: false,
        since: 0,
        orphaned: false,
        pending: null,
      };
    });
  }

  /** The interface of that name, which the plan watches. */
  interface(namespace: string, name: string): SimInterface {
    const own = this.interfaces.get(namespace === "" ? name : `${namespace}/${name}`);
    if (own === undefined) throw new Error(`There is no interface ${name} on ${this.name}`);
    return own;
  }

  /** As an agent that starts would see its interfaces. */
  stateOf(own: SimInterface): InterfaceState {
    return { ...own.state, running: own.up };
  }

  /** The protocol plane wants these addresses held. */
  hold(router: string, now: Micros): void {
    this.#wanted.add(router);
    for (const one of this.#leased.get(router) ?? []) {
      if (one.own) continue;
      this.#cancel(one);
      one.orphaned = false;
      if (one.present) {
        // Adopted: a full lease from now on.
        one.since = now;
        this.#note(one);
      } else this.#addLater(one, now + ADDED);
    }
  }

  #addLater(one: Leased, at: Micros): void {
    one.pending = this.agenda.once(at, "host", (now) => {
      one.pending = null;
      one.present = true;
      one.since = now;
      this.#note(one);
    });
  }

  /** It wants them gone. */
  drop(router: string, now: Micros): void {
    this.#wanted.delete(router);
    for (const one of this.#leased.get(router) ?? []) {
      if (one.own) continue;
      this.#cancel(one);
      one.orphaned = false;
      if (one.present) this.#removeLater(one, now + REMOVED);
    }
  }

  #removeLater(one: Leased, at: Micros): void {
    one.pending = this.agenda.once(at, "host", () => this.#remove(one));
  }

  #remove(one: Leased): void {
    one.pending = null;
    one.present = false;
    one.orphaned = false;
    this.#note(one);
  }

  /** Nobody is there any more to refresh a lease, or it stands still. */
  orphan(now: Micros): void {
    for (const one of this.#moving) {
      const { router, position } = one;
      // Twice: what is pending is the end of its lease, or what an agent that started would do.
      if (one.orphaned) {
        if (router.lease === 0) this.#cancel(one);
        continue;
      }
      // A removal that was asked for may have come through: it is a matter of a moment.
      if (one.pending !== null && one.present) {
        this.#cancel(one);
        this.#remove(one);
      } else this.#cancel(one);
      if (!one.present) continue;
      one.orphaned = true;
      this.#note(one);
      if (router.lease === 0) continue;
      const last = refreshSchedule(router, position, one.since, now);
      this.#removeLater(one, Math.max(now, last + router.lease * SECOND));
    }
  }

  /** The agent that stood still goes on. */
  goOn(now: Micros): void {
    for (const one of this.#moving) {
      if (!this.#wanted.has(one.router.name)) {
        this.#waitForDecision(one, now + BEATEN);
        continue;
      }
      this.#cancel(one);
      one.orphaned = false;
      if (one.present) {
        one.since = now;
        this.#note(one);
      } else this.#addLater(one, now + BEATEN);
    }
  }

  /** Another agent starts: what it finds waits for its first decision, a while. */
  adopt(now: Micros): void {
    this.#wanted.clear();
    this.#adoptedUntil = now + ADOPTED;
    for (const one of this.#moving) this.#waitForDecision(one, now);
  }

  /** What has no lease goes where its router does not decide in time. */
  #waitForDecision(one: Leased, now: Micros): void {
    if (!one.present || one.router.lease > 0 || one.pending !== null) return;
    this.#removeLater(one, Math.max(now, this.#adoptedUntil));
  }

  /** No kernel, no addresses. */
  powerOff(): void {
    this.powered = false;
    this.#wanted.clear();
    for (const one of this.#moving) {
      this.#cancel(one);
      if (one.present) this.#remove(one);
    }
    this.#noteOwn();
  }

  /** The host is back, with what it has of its own. */
  powerOn(): void {
    this.powered = true;
    this.#noteOwn();
  }

  #cancel(one: Leased): void {
    if (one.pending !== null) this.agenda.cancel(one.pending);
    one.pending = null;
  }

  /** The cable of an interface, or what it leads to, has changed. @param tell the agent */
  wireChanged(own: SimInterface, now: Micros, tell: (at: Micros) => void): void {
    const { namespace } = own.state;
    for (const other of this.interfaces.values()) {
      if (other.state.name !== ROUTED || other.state.namespace !== namespace) continue;
      other.up = this.#isReached(namespace);
    }
    for (const one of this.#all) {
      const through = one.wire.state;
      const all = through.name === LOOPBACK && through.namespace === namespace;
      if (one.wire === own || all) this.#note(one);
    }
    tell(now + LINK_TOLD);
  }

  /** Some interface on which something is said reaches clients, or nothing is said on any. */
  #isReached(namespace: string): boolean {
    const speaking = [...this.interfaces.values()].filter(({ lan, state }) =>
      lan !== null && state.namespace === namespace && state.name !== ROUTED
    );
    return speaking.length === 0 || speaking.some(({ answers }) => answers);
  }

  /** Clients reach what lies upon that interface; loopback has no cable of its own. */
  #answers(wire: SimInterface): boolean {
    const { name, namespace } = wire.state;
    return wire.answers && (name !== LOOPBACK || this.#isReached(namespace));
  }

  #note(one: Leased): void {
    const { address, carrier, wire, orphaned, own, present } = one;
    const key = `${address} ${this.name} ${carrier.name}`;
    this.journal.holdings.set(
      key,
      present
        ? {
          address,
          node: this.name,
          interface: carrier.name,
          by: own ? "host" : orphaned ? "lease" : "router",
          answers: this.#answers(wire),
        }
        : null,
      this.agenda.now,
    );
  }
}
