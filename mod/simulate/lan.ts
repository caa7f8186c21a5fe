/**
 * Simulated networks: what is sent on one interface arrives at the others of its LAN, later, or not
 * at all, or twice. One packet never overtakes another on the same way.
 *
 * @module
 */

import type { InterfaceState } from "../plane/messages.ts";
import type { Micros } from "../vrrp/mod.ts";
import type { Agenda, Recurrence } from "./agenda.ts";
import type { Random } from "./random.ts";

/** How a network treats each packet, on its way to each receiver. */
export interface LanSettings {
  readonly delay: Micros;
  /** Up to so much more. */
  readonly jitter: Micros;
  /** Share that is lost, 0 to 1. */
  readonly loss: number;
  /** Share that is delivered twice. */
  readonly duplicate: number;
}

/** A copper cable and a switch. */
export const USUAL_LAN: LanSettings = { delay: 100, jitter: 0, loss: 0, duplicate: 0 };

/** What a network changes of another's settings. */
export function lanSettings(
  { delay, jitter, loss, duplicate }: Partial<LanSettings>,
  under: LanSettings,
): LanSettings {
  return {
    delay: delay ?? under.delay,
    jitter: jitter ?? under.jitter,
    loss: loss ?? under.loss,
    duplicate: duplicate ?? under.duplicate,
  };
}

/** Takes what arrives at an interface. */
export type Receive = (now: Micros) => void;

/** An interface of a simulated host. */
export class SimInterface {
  /** Administrator and cable agree. */
  up = true;
  /** Who has the same number hears each other; 0: clients are there, too. */
  part = 0;
  lan: Lan | null = null;

  /**
   * @param node whose it is
   * @param state as the kernel plane would tell of it, while it is up
   */
  constructor(readonly node: string, readonly state: InterfaceState) {}

  get name(): string {
    const { namespace, name } = this.state;
    return namespace === "" ? name : `${namespace}/${name}`;
  }

  /** Clients reach what is on it. */
  get answers(): boolean {
    return this.up && this.part === 0;
  }
}

/** What goes wrong beside the networks themselves. */
export interface Obstacles {
  /** `to` hears nothing of `from`, both names of nodes. */
  isDeaf(to: string, from: string): boolean;
}

export class Lan {
  settings: LanSettings = USUAL_LAN;
  readonly members: SimInterface[] = [];
  /** Packets that were lost, each counted for each who did not hear it. */
  lost = 0;
  /** When the last packet arrives, by sender and receiver. */
  readonly #last = new Map<SimInterface, Map<SimInterface, Micros>>();

  constructor(
    readonly name: string,
    readonly agenda: Agenda,
    readonly random: Random,
    readonly obstacles: Obstacles,
  ) {}

  join(member: SimInterface): void {
    member.lan?.members.splice(member.lan.members.indexOf(member), 1);
    member.lan = this;
    this.members.push(member);
  }

  /** Chance decides nothing here. */
  get isSure(): boolean {
    const { jitter, loss, duplicate } = this.settings;
    return jitter === 0 && loss === 0 && duplicate === 0;
  }

  /**
   * Carries one packet from an interface to another one, which may be of another network.
   *
   * @param recurs how such packets leave
   */
  carry(
    from: SimInterface,
    to: SimInterface,
    receive: Receive,
    recurs: Recurrence = "exactly",
  ): void {
    const { random } = this;
    const { loss, duplicate } = this.settings;
    if (!from.up || this.obstacles.isDeaf(to.node, from.node)) return void this.lost++;
    if (loss > 0 && random.chance(loss)) return void this.lost++;
    this.#arrive(from, to, receive, recurs);
    if (duplicate > 0 && random.chance(duplicate)) this.#arrive(from, to, receive, recurs);
  }

  #arrive(from: SimInterface, to: SimInterface, receive: Receive, recurs: Recurrence): void {
    const { delay, jitter } = this.settings;
    const more = jitter > 0 ? this.random.int(0, jitter) : 0;
    let last = this.#last.get(from);
    if (last === undefined) this.#last.set(from, last = new Map());
    const at = Math.max(this.agenda.now + delay + more, last.get(to) ?? 0);
    last.set(to, at);
    this.agenda.once(at, "packet", (now) => {
      if (to.up && to.part === from.part) receive(now);
      else this.lost++;
    }, recurs);
  }
}
