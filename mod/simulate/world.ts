/**
 * The world of a simulation: hosts, their agents, the networks between them, and what befalls them.
 *
 * @module
 */

import { otherPeers } from "../protocol/reach.ts";
import type { Micros } from "../vrrp/mod.ts";
import { Agenda } from "./agenda.ts";
import { Agent, type AgentSurroundings } from "./agent.ts";
import type { Carried } from "./adverts.ts";
import { Bfd } from "./bfd.ts";
import { STOP_TOLD } from "./delays.ts";
import { Host } from "./host.ts";
import { Journal } from "./journal.ts";
import { Lan, type LanSettings, type Obstacles, SimInterface } from "./lan.ts";
import type { RouterMachine } from "./machines.ts";
import { type PlannedNode, speakingOn } from "./nodes.ts";
import { Pools } from "./pools.ts";
import { Random } from "./random.ts";
import type { Recurring } from "./recurring.ts";
import { Things } from "./things.ts";

/** A network that the script names. */
export interface LanSpec {
  readonly name: string;
  readonly members: readonly { readonly node: string; readonly interface: string }[];
  readonly settings: LanSettings;
}

/** One node while the simulation runs. */
export interface LiveNode {
  readonly node: PlannedNode;
  readonly host: Host;
  /** null: none was started yet, or none runs. */
  agent: Agent | null;
  /** Until when it stands still; the later one counts. */
  stalledUntil: Micros;
  /** When its host was switched on; `-Infinity`: long before the beginning. */
  bootedAt: Micros;
}

export class World implements AgentSurroundings, Obstacles {
  readonly agenda = new Agenda();
  readonly journal = new Journal();
  readonly random: Random;
  readonly bfd = new Bfd(this);
  readonly pools = new Pools(this);
  readonly recurring: readonly Recurring[] = [this.bfd, this.pools];
  readonly things = new Things(this.agenda, this.journal);
  readonly nodes = new Map<string, LiveNode>();
  readonly lans = new Map<string, Lan>();
  /** Steps of machines. */
  steps = 0;
  /** Packets sent. */
  packets = 0;
  readonly #deaf = new Set<string>();
  #parts = 0;
  readonly #words: readonly (readonly [RegExp, string])[];

  constructor(nodes: readonly PlannedNode[], lans: readonly LanSpec[], seed: number) {
    this.random = new Random(seed);
    for (const node of nodes) {
      const { name, interfaces, plan } = node;
      const holdings = [...plan.holdings, ...plan.announced ?? []];
      const host = new Host(name, this.agenda, this.journal, interfaces, holdings);
      this.nodes.set(name, { node, host, agent: null, stalledUntil: 0, bootedAt: -Infinity });
    }
    this.#words = nodes.flatMap(wordsOf);
    for (const spec of lans) {
      const lan = this.#lan(spec.name);
      lan.settings = spec.settings;
      for (const { node, interface: name } of spec.members) {
        lan.join(this.nodes.get(node)!.host.interfaces.get(name)!);
      }
    }
    for (const { node, host } of this.nodes.values()) {
      const used = speakingOn(node.plan);
      for (const own of host.interfaces.values()) {
        if (own.lan === null && used.has(own.name)) this.#lan(own.name).join(own);
      }
    }
    for (const [name, { node }] of this.nodes) {
      this.agenda.once(node.startAt, "script", (now) => this.start(name, now));
    }
  }

  /** The network of that name; interfaces of one name share one unless the script says otherwise. */
  #lan(name: string): Lan {
    const known = this.lans.get(name) ?? new Lan(name, this.agenda, this.random, this);
    this.lans.set(name, known);
    return known;
  }

  // ===== what agents want ========================================================================

  stepped(): void {
    this.steps++;
  }

  isDeaf(to: string, from: string): boolean {
    return this.#deaf.size > 0 && this.#deaf.has(`${to}\n${from}`);
  }

  send(agent: Agent, machine: RouterMachine, priority: number): void {
    const { config, own, router, adverts } = machine;
    if (config.unicast === undefined) {
      for (const packet of adverts.of(router, priority)) {
        this.packets++;
        for (const to of own.lan?.members ?? []) {
          if (to !== own) this.#carry(own, to, packet, machine);
        }
      }
      return;
    }
    for (const { address } of otherPeers(config, agent.host.stateOf(own))) {
      const to = this.ownerOf(address);
      for (const packet of adverts.of(router, priority, address)) {
        this.packets++;
        if (to !== undefined) this.#carry(own, to, packet, machine);
      }
    }
  }

  #carry(own: SimInterface, to: SimInterface, packet: Carried, by: RouterMachine): void {
    own.lan!.carry(own, to, (now) => {
      const agent = this.nodes.get(to.node)!.agent;
      agent?.receive((later) => this.#deliver(agent, to, packet, by, later), now);
    });
  }

  /** As the driver does: whose id, family, version and way are not its own ends here. */
  #deliver(
    agent: Agent,
    to: SimInterface,
    { version, advertisement }: Carried,
    { config: theirs }: RouterMachine,
    now: Micros,
  ): void {
    for (const machine of agent.at(to)) {
      const { settings, group, unicast } = machine.config;
      if (settings.virtualRouterId !== advertisement.virtualRouterId) continue;
      if (settings.family !== theirs.settings.family) continue;
      if (settings.version !== version && !(version === 2 && settings.version2)) continue;
      if ((unicast === undefined) !== (theirs.unicast === undefined)) continue;
      if (group !== theirs.group) continue;
      if (
        unicast?.checkSource &&
        !unicast.peers.some(({ address }) => address === advertisement.source)
      ) continue;
      machine.apply({ type: "advertisement", advertisement }, now);
    }
  }

  /** The interface that has an address of its own. */
  ownerOf(address: string): SimInterface | undefined {
    for (const { host } of this.nodes.values()) {
      for (const own of host.interfaces.values()) {
        const { ipv4, ipv6, ipv6Global } = own.state;
        if ([...ipv4, ...ipv6, ...ipv6Global].includes(address)) return own;
      }
    }
    return undefined;
  }

  decided(agent: Agent, router: string, held: boolean, now: Micros): void {
    this.pools.of(agent)?.holding(router, held, now);
  }

  inWords(text: string): string {
    return this.#words.reduce((words, [address, name]) => words.replace(address, name), text);
  }

  ended(agent: Agent, now: Micros): void {
    const { name } = agent.host;
    // What was announced goes when its routers have ended.
    for (const one of agent.plan.announced ?? []) agent.host.drop(one.name, now);
    this.nodes.get(name)!.agent = null;
    this.journal.running.set(name, null, now);
  }

  // ===== what befalls nodes ======================================================================

  /** A process starts, with its host where that was off. Nothing where one runs. */
  start(name: string, now: Micros): void {
    const live = this.nodes.get(name)!;
    if (live.agent !== null) return;
    const { startup_delay, delay_after_boot } = live.node.site.agent;
    if (!live.host.powered) {
      live.host.powerOn();
      live.bootedAt = now;
      this.journal.off.set(name, null, now);
    }
    const delay = Math.max(startup_delay, live.bootedAt + delay_after_boot - now);
    live.agent = new Agent(live.host, live.node.plan, this, delay === 0 ? 0 : now + delay);
    this.journal.running.set(name, { node: name }, now);
    live.agent.start(now);
    this.pools.begin(live.agent, live.node.site, now);
    // Who is master at once was so before its pool was there to hear of it.
    for (const [router, { router: { state } }] of live.agent.machines) {
      if (state === "master") this.decided(live.agent, router, true, now);
    }
    this.bfd.begin(live.agent, now);
    this.things.watch(live.agent, live.node.site, now);
  }

  /** The process dies, its host lives on. */
  kill(name: string, now: Micros): void {
    const live = this.nodes.get(name)!;
    live.agent?.end(now);
    if (live.agent !== null) live.host.orphan(now);
    live.agent = null;
    live.stalledUntil = 0;
    this.journal.running.set(name, null, now);
    this.journal.stalled.set(name, null, now);
  }

  powerOff(name: string, now: Micros): void {
    this.kill(name, now);
    this.nodes.get(name)!.host.powerOff();
    this.journal.off.set(name, { node: name }, now);
  }

  /** It hands over and ends. One that stands still does so when it goes on. */
  stop(name: string, now: Micros): void {
    const { agent } = this.nodes.get(name)!;
    if (agent === null) return;
    this.agenda.once(now + STOP_TOLD, "host", (told) => {
      agent.told((later) => agent.stop(later), told);
    });
  }

  stall(name: string, length: Micros, now: Micros): void {
    const live = this.nodes.get(name)!;
    const { agent } = live;
    if (agent === null) return;
    live.stalledUntil = Math.max(live.stalledUntil, now + length);
    this.agenda.once(now + length, "script", (later) => {
      if (live.agent !== agent || !agent.stalled || later < live.stalledUntil) return;
      this.journal.stalled.set(name, null, later);
      agent.thaw(later);
    });
    if (agent.stalled) return;
    agent.stall();
    live.host.orphan(now);
    this.journal.stalled.set(name, { node: name }, now);
  }

  /** The cable of an interface. */
  link(node: string, name: string, up: boolean, now: Micros): void {
    const own = this.nodes.get(node)!.host.interfaces.get(name)!;
    if (own.up === up) return;
    own.up = up;
    this.#wireChanged(own, now);
  }

  /** Who is listed hears each other, and nobody else. @param part 0: everybody who is in 0 */
  part(members: readonly { readonly node: string; readonly interface: string }[], part: number) {
    for (const { node, interface: name } of members) {
      const own = this.nodes.get(node)!.host.interfaces.get(name)!;
      own.part = part;
      this.#wireChanged(own, this.agenda.now);
    }
  }

  /** A number for those who are cut off together. */
  nextPart(): number {
    return ++this.#parts;
  }

  #wireChanged(own: SimInterface, now: Micros): void {
    const { host } = this.nodes.get(own.node)!;
    host.wireChanged(own, now, (at) => {
      this.agenda.once(at, "host", (later) => {
        const { agent } = this.nodes.get(own.node)!;
        agent?.told((told) => agent.interfaceChanged(own, told), later);
      });
    });
  }

  deaf(to: string, from: string, deaf: boolean): void {
    if (deaf) this.#deaf.add(`${to}\n${from}`);
    else this.#deaf.delete(`${to}\n${from}`);
  }
}

/** Own addresses of a node, for which its name is said; one that is made up is not even told. */
function wordsOf({ name, interfaces }: PlannedNode): (readonly [RegExp, string])[] {
  return interfaces.flatMap(({ ipv4, ipv6, ipv6Global }) =>
    [...ipv4, ...ipv6, ...ipv6Global].map((address) => {
      const invented = address.startsWith("169.254.0.") || /^fe80::[0-9a-f]{1,3}$/.test(address);
      const pattern = new RegExp(`(?<![\\w.:])${address.replaceAll(".", "\\.")}(?![\\w:]|\\.\\w)`);
      return [pattern, invented ? name : `${name} (${address})`] as const;
    })
  );
}
