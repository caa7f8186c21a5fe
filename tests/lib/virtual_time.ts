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

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  createRouter,
  decodeAdvertisement,
  encodeAdvertisement,
  masterDownInterval,
  type Micros,
  type Router,
  type RouterEffect,
  type RouterEvent,
  type RouterSettings,
  STALL,
  step,
  VRRP_GROUP_IPV4,
} from "../../mod/vrrp/mod.ts";
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
  socket: Uint8Array[];
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

type Action = () => void;
interface Scheduled {
  readonly at: Micros;
  readonly order: number;
  readonly act: Action;
}

/** Packets a socket keeps; the kernel's default buffer holds about so many adverts. */
const SOCKET_ROOM = 256;

export class Network {
  now: Micros = 0;
  /** Steps of machines so far: a simulation that stepped nothing showed nothing. */
  steps = 0;
  readonly nodes: Node[] = [];
  readonly wire: Wire = { delay: 100, jitter: 0, loss: 0, duplicate: 0, reorder: false };
  readonly overlaps: Overlap[] = [];
  /** Times during which nobody alive held the addresses, since somebody first did. */
  readonly gaps: { readonly from: Micros; readonly to: Micros }[] = [];
  readonly trace: Trace[] = [];
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
  at(time: Micros, act: Action): void {
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
    const armed = timer === null ? null : { generation: timer.generation, at: timer.at };
    deepStrictEqual(node.armed, armed, "the armed timer is the one the router knows");
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
    const { settings, checksum } = node.router;
    const packet = encodeAdvertisement({
      version: settings.version,
      source: node.source,
      destination: VRRP_GROUP_IPV4,
      virtualRouterId: settings.virtualRouterId,
      priority,
      interval: settings.advertisementInterval,
      addresses: settings.addresses,
      checksum: checksum.sending,
    });
    for (const to of this.nodes) {
      if (to === node || to.part !== node.part || this.#random.chance(this.wire.loss)) continue;
      this.#carry(node, to, packet);
      if (this.#random.chance(this.wire.duplicate)) this.#carry(node, to, packet);
    }
  }

  #carry(from: Node, to: Node, packet: Uint8Array): void {
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

  #deliver(node: Node, packet: Uint8Array): void {
    const decoded = decodeAdvertisement(packet, packet.length);
    ok(decoded.ok, "what one router encodes the other decodes");
    this.step(node, { type: "advertisement", advertisement: decoded.advertisement });
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
      masterDownInterval(settings.priority, settings.advertisementInterval)
    ),
  );
}

function before(a: Scheduled, b: Scheduled): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** A binary heap: earliest first, first come first served. */
function push(heap: Scheduled[], item: Scheduled): void {
  let i = heap.push(item) - 1;
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (!before(item, heap[parent]!)) break;
    heap[i] = heap[parent]!;
    i = parent;
  }
  heap[i] = item;
}

function pop(heap: Scheduled[]): Scheduled {
  const first = heap[0]!;
  const last = heap.pop()!;
  if (heap.length === 0) return first;
  let i = 0;
  while (true) {
    let child = 2 * i + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
    if (!before(heap[child]!, last)) break;
    heap[i] = heap[child]!;
    i = child;
  }
  heap[i] = last;
  return first;
}
