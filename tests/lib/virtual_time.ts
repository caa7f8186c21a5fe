/**
 * A LAN that never was: N routers on a simulated network, driving the pure machine in virtual time.
 *
 * One queue of events ordered by microsecond (and by age, where two fall on the same one) stands in
 * for the kernel, the wire and the clock. Adverts cross the wire as bytes, through the real codec.
 * Links lose, delay, reorder and duplicate; nodes are partitioned, crash, stand still and start
 * again from a snapshot. A node that stood still does what the protocol loop does: it tells its
 * router of the stall, then reads what waits in the socket, then looks at the timer. Chance comes
 * from one seeded generator, so that a seed is the whole story.
 *
 * The network checks by itself, after every step, what must hold at all times: the addresses are
 * held exactly while master, the armed timer is the one last asked for, a stale expiry does nothing.
 *
 * @module
 */

import { ok, strictEqual } from "node:assert/strict";
import { parseIp } from "../../mod/ip/mod.ts";
import {
  createRouter,
  decodeAdvertisement,
  decodeAdvertisement6,
  masterDownInterval,
  type Micros,
  outgoingPackets,
  type Router,
  type RouterEffect,
  type RouterEvent,
  type RouterSettings,
  STALL,
  step,
  VRRP_GROUP_IPV6,
} from "../../mod/vrrp/mod.ts";
import { pop, push, type Scheduled } from "./event_queue.ts";
import type { Random } from "./random.ts";

/** How the wire treats each packet, on its way to each receiver. */
export interface Wire {
  /** Least time under way. */
  delay: Micros;
  /** Up to so much more. */
  jitter: Micros;
  /** Share lost, 0 to 1. */
  loss: number;
  /** Share delivered twice. */
  duplicate: number;
  /** A later packet may overtake an earlier one. */
  reorder: boolean;
}

/** A packet and what the header says that an IPv6 socket keeps to itself. */
interface Datagram {
  readonly from: string;
  readonly version: number;
  readonly bytes: Uint8Array;
}

/** One host. */
export interface Node {
  readonly source: string;
  router: Router;
  /** The process runs. */
  alive: boolean;
  paused: boolean;
  /** Who has the same number hears each other. */
  part: number;
  holding: boolean;
  /** Packets that wait in the socket of a node that stands still. */
  socket: Datagram[];
  /** As the agent keeps it: written at changes of state, so it may be older than the router. */
  snapshot: string;
  /** Which process it is: expiries of a former one go nowhere. */
  incarnation: number;
  armed: { generation: number; at: Micros } | null;
  stopped: boolean;
}

/** A time during which several nodes of one part advertised at once. */
export interface Overlap {
  readonly from: Micros;
  readonly to: Micros;
  readonly nodes: readonly string[];
}

/** One step of one router, for tests that look at order. */
export interface Trace {
  readonly at: Micros;
  readonly node: string;
  readonly event: RouterEvent;
  readonly effects: readonly RouterEffect[];
}

/** Packets a socket keeps; the kernel's default buffer holds about so many adverts. */
const SOCKET_ROOM = 256;
const GROUP6 = parseIp(VRRP_GROUP_IPV6)!;

export class Network {
  now: Micros = 0;
  /** Steps of machines so far: a simulation that stepped nothing showed nothing. */
  steps = 0;
  readonly nodes: Node[] = [];
  /** What goes wrong in one direction only; by default nothing does. */
  isDeaf: (to: Node, from: Node) => boolean = () => false;
  readonly wire: Wire = { delay: 100, jitter: 0, loss: 0, duplicate: 0, reorder: false };
  readonly overlaps: Overlap[] = [];
  /** Times during which nobody alive held the addresses, since somebody first did. */
  readonly gaps: { readonly from: Micros; readonly to: Micros }[] = [];
  readonly trace: Trace[] = [];
  /** Adverts refused or discarded, by reason. */
  readonly unused = new Map<string, number>();
  /** Keep `trace`; off by default, for memory. */
  tracing = false;
  readonly #random: Random;
  readonly #queue: Scheduled[] = [];
  #order = 0;
  readonly #lastDelivery = new Map<string, Micros>();
  readonly #overlapSince = new Map<number, { from: Micros; nodes: string[] }>();
  #gapSince: Micros | null = null;
  #everHeld = false;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Adds a host and starts its router now. */
  add(settings: RouterSettings, source: string): Node {
    const router = createRouter(settings, this.now);
    const node: Node = {
      source,
      router,
      alive: true,
      paused: false,
      part: 0,
      holding: false,
      socket: [],
      snapshot: JSON.stringify(router),
      incarnation: 0,
      armed: null,
      stopped: false,
    };
    this.nodes.push(node);
    this.step(node, { type: "health", waitingFor: [], contribution: 0, source });
    return node;
  }

  /** Does something at a later time. */
  at(time: Micros, act: () => void): void {
    ok(time >= this.now, `Cannot schedule at ${time}: it is ${this.now}`);
    push(this.#queue, { at: time, order: this.#order++, act });
  }

  /** Runs everything up to and including `until`. */
  run(until: Micros): void {
    while (this.#queue.length > 0 && this.#queue[0]!.at <= until) {
      const { at, act } = pop(this.#queue);
      this.now = at;
      act();
      this.#watch();
    }
    this.now = until;
    this.#watch();
  }

  /** Nodes that advertise: running, master, and not on their way out. */
  active(part?: number): Node[] {
    return this.nodes.filter((node) =>
      node.alive && !node.paused && node.router.state === "master" && !node.router.releasing &&
      (part === undefined || node.part === part)
    );
  }

  /** Cuts the LAN: nodes hear each other where `part` says the same number. */
  partition(part: (node: Node) => number): void {
    for (const node of this.nodes) node.part = part(node);
    this.#watch();
  }

  /** The process is killed: no farewell, nothing of it is left. */
  crash(node: Node): void {
    node.alive = false;
    node.paused = false;
    node.incarnation++;
    node.socket = [];
    node.armed = null;
    node.holding = false;
  }

  /** The process starts anew and knows nothing. */
  restart(node: Node): void {
    this.crash(node);
    node.alive = true;
    node.stopped = false;
    node.router = createRouter(node.router.settings, this.now);
    const source = node.source;
    this.step(node, { type: "health", waitingFor: [], contribution: 0, source });
  }

  /** The protocol plane is back from its snapshot, `age` after it died. */
  resume(node: Node, age: Micros): void {
    node.alive = true;
    node.router = JSON.parse(node.snapshot) as Router;
    node.holding = node.router.state === "master";
    this.step(node, { type: "resume", age });
  }

  /** The host stands still: timers do not fire, packets wait. */
  pause(node: Node, length: Micros): void {
    if (!node.alive || node.paused) return;
    node.paused = true;
    const { incarnation } = node;
    this.at(this.now + length, () => {
      if (node.incarnation === incarnation) this.#thaw(node);
    });
  }

  /** One event for one router, now; and what comes of it. */
  step(node: Node, event: RouterEvent): readonly RouterEffect[] {
    // A timer that goes off is armed no longer, and a new process has none.
    const due = event.type === "timer" && event.generation === node.armed?.generation &&
      this.now >= node.armed.at;
    if (due || event.type === "resume") node.armed = null;
    const effects = step(node.router, event, this.now);
    this.steps++;
    if (this.tracing) this.trace.push({ at: this.now, node: node.source, event, effects });
    for (const effect of effects) this.#perform(node, effect);
    strictEqual(node.holding, node.router.state === "master", "held exactly while master");
    const { timer } = node.router;
    strictEqual(node.armed?.generation, timer?.generation, "the armed timer is the router's");
    strictEqual(node.armed?.at, timer?.at, "and is armed for the same time");
    return effects;
  }

  #perform(node: Node, effect: RouterEffect): void {
    switch (effect.type) {
      case "send":
        return this.#send(node, effect.priority);
      case "set_timer":
        return this.#arm(node, effect.generation, effect.at);
      case "cancel_timer":
        node.armed = null;
        return;
      case "hold":
        node.holding = true;
        break;
      case "drop":
        node.holding = false;
        break;
      case "discard":
        return this.#count(effect.reason);
      case "stopped":
        node.stopped = true;
        break;
    }
    node.snapshot = JSON.stringify(node.router);
  }

  #arm(node: Node, generation: number, at: Micros): void {
    node.armed = { generation, at };
    const { incarnation } = node;
    this.at(at, () => {
      if (!node.alive || node.paused || node.incarnation !== incarnation) return;
      // Expiries of replaced timers come, too: they must do nothing.
      const stale = node.router.timer?.generation !== generation;
      const effects = this.step(node, { type: "timer", generation });
      strictEqual(effects.length === 0, stale, "a stale expiry does nothing, a due one acts");
    });
  }

  #send(node: Node, priority: number): void {
    for (const bytes of outgoingPackets(node.router, priority)) {
      const at = node.router.settings.family === "ipv6" ? 0 : 20;
      const packet = { from: node.source, version: bytes[at]! >> 4, bytes };
      for (const to of this.nodes) {
        if (to === node || to.part !== node.part || this.isDeaf(to, node)) continue;
        if (this.#random.chance(this.wire.loss)) continue;
        this.#carry(node, to, packet);
        if (this.#random.chance(this.wire.duplicate)) this.#carry(node, to, packet);
      }
    }
  }

  #carry(from: Node, to: Node, packet: Datagram): void {
    const { delay, jitter, reorder } = this.wire;
    let at = this.now + delay + this.#random.int(0, jitter);
    if (!reorder) {
      const link = `${from.source} ${to.source}`;
      at = Math.max(at, this.#lastDelivery.get(link) ?? 0);
      this.#lastDelivery.set(link, at);
    }
    this.at(at, () => {
      if (!to.alive || to.part !== from.part) return;
      if (!to.paused) this.#deliver(to, packet);
      else if (to.socket.length < SOCKET_ROOM) to.socket.push(packet);
    });
  }

  /** As the driver does: an advert of a version that this router does not speak ends here. */
  #deliver(node: Node, { from, version, bytes }: Datagram): void {
    const { family, version: own, version2 } = node.router.settings;
    const options = { verifyChecksum: true, version: own, version2 };
    const decoded = family === "ipv4" ? decodeAdvertisement(bytes, bytes.length, options) : (
      decodeAdvertisement6(
        bytes,
        bytes.length,
        { source: parseIp(from)!, destination: GROUP6, hopLimit: 255 },
        options,
      )
    );
    strictEqual(
      decoded.ok ? "accepted" : decoded.drop,
      version === own || (version === 2 && version2) ? "accepted" : "version",
      "what one router encodes the other decodes",
    );
    if (!decoded.ok) return this.#count(decoded.drop);
    this.step(node, { type: "advertisement", advertisement: decoded.advertisement });
  }

  #count(reason: string): void {
    this.unused.set(reason, (this.unused.get(reason) ?? 0) + 1);
  }

  /** The order of the protocol loop after a stall: the guard, the sockets, the timer. */
  #thaw(node: Node): void {
    node.paused = false;
    const late = node.armed === null ? 0 : this.now - node.armed.at;
    if (late >= STALL) this.step(node, { type: "stall", length: late });
    const packets = node.socket;
    node.socket = [];
    for (const packet of packets) this.#deliver(node, packet);
    if (node.armed !== null && node.armed.at <= this.now) {
      this.step(node, { type: "timer", generation: node.armed.generation });
    }
  }

  /** Notes for how long more than one advertises in a part, and when nobody holds. */
  #watch(): void {
    const parts = new Map<number, string[]>();
    for (const { part, source } of this.active()) {
      parts.set(part, [...parts.get(part) ?? [], source]);
    }
    for (const [part, nodes] of parts) {
      if (nodes.length > 1 && !this.#overlapSince.has(part)) {
        this.#overlapSince.set(part, { from: this.now, nodes });
      }
    }
    for (const [part, { from, nodes }] of this.#overlapSince) {
      if ((parts.get(part)?.length ?? 0) > 1) continue;
      this.#overlapSince.delete(part);
      this.overlaps.push({ from, to: this.now, nodes });
    }
    const held = this.nodes.some((node) => node.alive && node.holding);
    if (held && this.#gapSince !== null) {
      // Two things at the same microsecond are no gap.
      if (this.now > this.#gapSince) this.gaps.push({ from: this.#gapSince, to: this.now });
      this.#gapSince = null;
    } else if (!held && this.#everHeld) this.#gapSince ??= this.now;
    this.#everHeld ||= held;
  }

  /** Longest overlap that began at `since` or later, one that lasts included. */
  longestOverlap(since: Micros = 0): Micros {
    let longest = 0;
    for (const { from, to } of this.overlaps) {
      if (to > since) longest = Math.max(longest, to - Math.max(from, since));
    }
    for (const { from } of this.#overlapSince.values()) {
      longest = Math.max(longest, this.now - Math.max(from, since));
    }
    return longest;
  }
}

/** The longest master-down interval among the nodes, by their configured priorities. */
export function longestMasterDown(nodes: readonly Node[]): Micros {
  return Math.max(
    ...nodes.map(({ router: { settings } }) =>
      masterDownInterval(
        settings.priority,
        settings.advertisementInterval,
        settings.version,
        settings.downAdverts,
      )
    ),
  );
}
