/**
 * BFD between simulated nodes, and with routers that are no nodes: the real sessions, their packets
 * through the real codec, and what those who depend on them are told.
 *
 * A peer that no node is, is one that speaks BFD as well as we do, and always lives: only the path to
 * it fails.
 *
 * @module
 */

import {
  bringUpTime,
  type Client,
  clientDeadline,
  type ClientEvent,
  createClient,
  createSession,
  deadline,
  decodeControl,
  emptyControlPacket,
  LONGEST_CONTROL,
  type Session,
  type SessionEffect,
  type SessionEvent,
  type SessionSettings,
  step,
  stepClient,
  writeControl,
} from "../bfd/mod.ts";
import type { ProtocolBfd } from "../plane/bfd.ts";
import { LATE } from "../protocol/lateness.ts";
import type { Micros } from "../vrrp/mod.ts";
import { Appointment, Deed } from "./agenda.ts";
import type { Agent, Companion } from "./agent.ts";
import { leapSession, periodOf, steadyOf } from "./bfd_calm.ts";
import { ordinary, type Place, placeOf } from "./bfd_place.ts";
import { SimInterface } from "./lan.ts";
import type { Recurring } from "./recurring.ts";
import type { World } from "./world.ts";

/** A stopping agent waits so long for its sessions' last words. */
const LONGEST_STOP: Micros = 3_000_000;

/** One end of a session. */
class End extends Appointment {
  override readonly recurs = "by_chance";
  readonly session: Session;
  readonly #world: World;

  constructor(
    readonly place: Place,
    settings: SessionSettings,
    world: World,
    readonly tell: (effect: SessionEffect, now: Micros) => void,
  ) {
    super("timer");
    this.#world = world;
    const { random, agenda } = world;
    const origin = {
      discriminator: random.int(1, 0xffff_fffe),
      sequence: random.int(0, 0xffff_fffe),
    };
    this.session = createSession(settings, origin, agenda.now);
  }

  act(now: Micros): void {
    this.apply({ type: "timer" }, now);
  }

  apply(event: SessionEvent, now: Micros): void {
    const { session } = this;
    this.#world.stepped();
    for (const effect of step(session, event, now, this.#world.random.next())) {
      if (effect.type === "send") {
        const bytes = new Uint8Array(LONGEST_CONTROL);
        const length = writeControl(session, effect, bytes, now);
        this.#world.bfd.carry(this, bytes.subarray(0, length));
      } else this.tell(effect, now);
    }
    this.arm();
  }

  arm(): void {
    const next = deadline(this.session);
    if (next === Infinity) this.#world.agenda.cancel(this);
    else if (this.position === -1 || next !== this.at) this.#world.agenda.set(this, next);
  }
}

/** One session of an agent, and those who depend on it. */
class Configured {
  readonly end: End;
  readonly client: Client;
  readonly timer = new Deed("timer", (now) => this.#step({ type: "timer" }, now));
  readonly #agent: Agent;
  readonly #world: World;

  constructor(readonly config: ProtocolBfd, agent: Agent, world: World) {
    this.#agent = agent;
    this.#world = world;
    const { settings, damping, adminDownIsFailure } = config;
    const now = world.agenda.now;
    this.end = new End(
      placeOf(config, agent.host),
      ordinary(settings),
      world,
      (effect, at) => this.#tell(effect, at),
    );
    const of = {
      damping: damping ?? null,
      adminDownIsFailure: adminDownIsFailure ?? true,
      bringUp: bringUpTime(settings.transmitInterval),
    };
    this.client = createClient(of, false, now);
    this.#note("not up yet", now);
  }

  get name(): string {
    return this.config.settings.name;
  }

  #tell(effect: SessionEffect, now: Micros): void {
    if (effect.type === "transition") this.#note(effect.reason, now);
    if (effect.type === "transition" || effect.type === "neighbour_admin_down") {
      this.#step(effect, now);
    }
  }

  #note(why: string, now: Micros): void {
    const node = this.#agent.host.name;
    const { state } = this.end.session;
    const reason = this.#world.inWords(why);
    const span = { node, session: this.name, state, reason };
    this.#world.journal.sessions.set(`${node} ${this.name}`, span, now);
  }

  #step(event: ClientEvent, now: Micros): void {
    const told = stepClient(this.client, event, now);
    this.arm();
    if (told === null) return;
    const node = this.#agent.host.name;
    const { name } = this;
    const { healthy, reason } = told;
    const span = { node, kind: "bfd", name, healthy, reason: this.#world.inWords(reason) };
    this.#world.journal.trackers.set(`${node} bfd ${name}`, span, now);
    this.#agent.found({ kind: "bfd", namespace: "", name, healthy, reason }, now);
    this.#world.pools.of(this.#agent)?.session(name, healthy, reason, now);
  }

  arm(): void {
    const at = clientDeadline(this.client);
    if (at === Infinity) this.#world.agenda.cancel(this.timer);
    else this.#world.agenda.set(this.timer, at);
  }

  silence(): void {
    this.#world.agenda.cancel(this.end);
    this.#world.agenda.cancel(this.timer);
  }

  /** What is said of it where it is no more. */
  forget(now: Micros): void {
    this.silence();
    this.#world.journal.sessions.set(`${this.#agent.host.name} ${this.name}`, null, now);
  }
}

/** All sessions of one agent. */
class Sessions implements Companion {
  readonly configured: readonly Configured[];
  readonly #world: World;
  readonly #agent: Agent;
  #stopping = false;

  constructor(agent: Agent, world: World) {
    this.#agent = agent;
    this.#world = world;
    this.configured = agent.plan.bfd!.sessions.map((config) =>
      new Configured(config, agent, world)
    );
  }

  get deadline(): Micros {
    return Math.min(
      Infinity,
      ...this.configured.map(({ end, client }) =>
        Math.min(deadline(end.session), clientDeadline(client))
      ),
    );
  }

  get ended(): boolean {
    return this.configured.every(({ end }) => end.session.stopped);
  }

  pause(): void {
    for (const one of this.configured) one.silence();
  }

  stalled(late: Micros, now: Micros): void {
    if (late < LATE) return;
    for (const { end } of this.configured) end.apply({ type: "stall", length: late }, now);
    this.pause();
  }

  resume(): void {
    for (const one of this.configured) {
      one.end.arm();
      one.arm();
    }
  }

  stop(now: Micros): void {
    this.#stopping = true;
    for (const { end } of this.configured) end.apply({ type: "stop", now: false }, now);
    this.#world.agenda.once(now + LONGEST_STOP, "timer", (later) => {
      for (const { end } of this.configured) {
        if (!end.session.stopped) end.apply({ type: "stop", now: true }, later);
      }
      this.#agent.mayEnd(later);
    });
  }

  end(now: Micros): void {
    for (const one of this.configured) one.forget(now);
  }

  /** A packet has come for the host. */
  receive(bytes: Uint8Array, from: Place, now: Micros): void {
    const end = endFor(this.configured.map((one) => one.end), bytes, from);
    if (end !== undefined && !this.#world.bfd.isCut(end.place.path)) deliver(end, bytes, now);
    if (this.#stopping) this.#agent.mayEnd(now);
  }
}

/** BFD as a whole. */
export class Bfd implements Recurring {
  readonly #world: World;
  readonly #sessions = new Map<Agent, Sessions>();
  readonly #outside: End[] = [];
  readonly #cut = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  /** An agent has started. */
  begin(agent: Agent, now: Micros): void {
    if (agent.plan.bfd === undefined) return;
    const sessions = new Sessions(agent, this.#world);
    this.#sessions.set(agent, sessions);
    agent.companions.push(sessions);
    for (const { config, end } of sessions.configured) {
      this.#findOutside(config, end.place);
      end.apply({ type: "timer" }, now);
    }
    sessions.resume();
  }

  /** Who is no node speaks BFD from the moment somebody wants it to. */
  #findOutside({ settings, path }: ProtocolBfd, theirs: Place): void {
    const { peer, family } = path;
    if (this.#world.ownerOf(peer) !== undefined) return;
    if (this.#outside.some(({ place }) => place.path === theirs.path)) return;
    const state = {
      ...theirs.own.state,
      ipv4: family === "ipv4" ? [peer] : [],
      ipv6: [],
      ipv6Global: family === "ipv6" ? [peer] : [],
    };
    const place: Place = {
      name: settings.name,
      node: theirs.node,
      own: new SimInterface("", state),
      addresses: [peer],
      peer: theirs.addresses[0] ?? "",
      path: theirs.path,
    };
    const end = new End(
      place,
      { ...ordinary(settings), passive: false, demand: null },
      this.#world,
      () => {},
    );
    this.#outside.push(end);
    end.arm();
  }

  /** The path of a session carries nothing, or does again. */
  cut(node: string, session: string, cut: boolean): void {
    const path = `${node} ${session}`;
    if (cut) this.#cut.add(path);
    else this.#cut.delete(path);
  }

  carry({ place }: End, bytes: Uint8Array): void {
    const world = this.#world;
    world.packets++;
    const { own, peer } = place;
    const outside = own.node === ""
      ? undefined
      : this.#outside.find((one) => one.place.path === place.path);
    const to = own.node === ""
      ? world.nodes.get(place.node)!.host.interfaces.get(own.name)
      : outside?.place.own ?? world.ownerOf(peer);
    if (to === undefined) return;
    const lan = own.lan ?? to.lan;
    lan?.carry(own, to, (now) => {
      if (this.#cut.has(place.path)) return;
      if (outside !== undefined) return deliver(outside, bytes, now);
      const agent = world.nodes.get(to.node)?.agent ?? null;
      if (agent === null) return;
      agent.receive((later) => this.#sessions.get(agent)?.receive(bytes, place, later), now);
    }, "by_chance");
  }

  isCut(path: string): boolean {
    return this.#cut.has(path);
  }

  /** Of all that live. */
  get #configured(): Configured[] {
    return [...this.#sessions].flatMap(([{ dead }, { configured }]) => dead ? [] : configured);
  }

  get #ends(): End[] {
    return [...this.#configured.map(({ end }) => end), ...this.#outside];
  }

  get period(): Micros | null {
    return periodOf(this.#ends.map(({ session }) => session));
  }

  memory(): unknown {
    const clients = this.#configured.map(({ client }) => client);
    return [this.#ends.map(({ session }) => steadyOf(session)), clients];
  }

  leap(by: Micros): void {
    for (const { session } of this.#ends) leapSession(session, by);
  }
}

const packet = emptyControlPacket();

/** By its discriminator, or at the beginning by who speaks. */
function endFor(ends: readonly End[], bytes: Uint8Array, from: Place): End | undefined {
  if (decodeControl(bytes, bytes.length, packet) !== null) return undefined;
  const { yourDiscriminator: your } = packet;
  if (your !== 0) return ends.find(({ session }) => session.localDiscriminator === your);
  return ends.find(({ place }) =>
    from.addresses.includes(place.peer) &&
    (from.peer === "" || place.addresses.includes(from.peer))
  );
}

function deliver(end: End, bytes: Uint8Array, now: Micros): void {
  if (decodeControl(bytes, bytes.length, packet) !== null) return;
  const { yourDiscriminator: your } = packet;
  if (your !== 0 && your !== end.session.localDiscriminator) return;
  end.apply({ type: "packet", packet }, now);
}
