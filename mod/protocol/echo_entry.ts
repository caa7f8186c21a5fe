/**
 * The echo function of one session (RFC 5880 section 6.8.9): the machine, its point on a link, its
 * deadline. It follows its session after each step, and tells it what the echoes say.
 *
 * An echo out or in allocates nothing here.
 *
 * @module
 */

import {
  type ControlPacket,
  createEcho,
  type Echo,
  ECHO_LENGTH,
  echoDeadline,
  type EchoEffect,
  type EchoPacket,
  type EchoSettings,
  isDoubtful,
  resumeEcho,
  type Session,
  type SessionEvent,
  stepEcho,
  writeEcho,
} from "../bfd/mod.ts";
import type { EchoReport } from "../plane/bfd.ts";
import { EchoFrame } from "./echo_frame.ts";
import type { EchoLink } from "./echo_link.ts";
import { type EchoOwner, EchoPoint } from "./echo_point.ts";
import type { EchoFollower } from "./bfd_entry.ts";
import type { BfdFamily } from "./bfd_transport.ts";
import type { Deadline, TimerHeap } from "./timer_heap.ts";

/** What an echo function needs from around it. */
export interface EchoSurroundings {
  readonly heap: TimerHeap;
  /** A number in [0, 1), for jitter and keys. */
  random(): number;
}

/** The session that it belongs to. */
export interface EchoSession {
  readonly session: Session;
  apply(event: SessionEvent, now: number): void;
  notice(text: string): void;
  /** After a failure of its echoes: one has come back. */
  confirmed(now: number): void;
  /** A defect of ours in its echoes. */
  broke(error: unknown, now: number): void;
}

/** Whom echoes are for. */
export interface EchoEnds {
  readonly family: BfdFamily;
  /** Own address; that of the peer. */
  readonly own: string;
  readonly peer: string;
}

const TIMER = { type: "timer" } as const;
const MISSING =
  "No echo packet comes back, though the peer says that it reflects them: does it forward packets " +
  "(net.ipv4.ip_forward, net.ipv6.conf.all.forwarding), and do its filters let UDP port 3785 pass?";

// Steps do not nest: what makes others step is done when the list has been read.
const follow = { type: "follow" as const, up: false, remoteMinimum: 0 };
const returned = { type: "returned" as const, packet: null as unknown as EchoPacket };
const effects: EchoEffect[] = [];

export class EchoEntry implements Deadline, EchoOwner, EchoFollower {
  at = Infinity;
  position = -1;
  readonly #session: EchoSession;
  readonly #point: EchoPoint;
  readonly #link: EchoLink;
  readonly #frame: EchoFrame;
  readonly #env: EchoSurroundings;
  /** null: we send none, and only reflect. */
  readonly #echo: Echo | null;

  constructor(
    session: EchoSession,
    settings: EchoSettings | null,
    ends: EchoEnds,
    link: EchoLink,
    env: EchoSurroundings,
  ) {
    this.#session = session;
    this.#link = link;
    this.#env = env;
    const { localDiscriminator } = session.session;
    const { family, own, peer } = ends;
    this.#point = new EchoPoint(localDiscriminator, family, own, peer, link, env.heap, this);
    this.#frame = new EchoFrame(family, this.#point.own, link.mac, ECHO_LENGTH);
    this.#echo = settings === null ? null : createEcho(settings, localDiscriminator);
    if (this.#echo !== null) {
      const { echoActive, echoFailures = 0 } = session.session;
      resumeEcho(this.#echo, echoActive, echoFailures);
    }
    link.add(this.#point);
  }

  /** Its echoes have failed, and none has come back since. */
  get isDoubtful(): boolean {
    return this.#echo !== null && isDoubtful(this.#echo);
  }

  /** The session has made a step. */
  follow(now: number): void {
    const { session } = this.#session;
    const up = session.state === "up";
    this.#point.limit.interval = session.state === "admin_down"
      ? 0
      : session.settings.echoReceiveInterval;
    const echo = this.#echo;
    if (echo === null) return;
    const remoteMinimum = session.remote.requiredMinEchoRx;
    this.#point.want(up && remoteMinimum > 0, now);
    const active = up && this.#point.mac !== null && remoteMinimum > 0;
    // What a former life relied on is not relied on yet.
    const stale = session.echoActive && !echo.relied;
    if (active !== echo.active || remoteMinimum !== echo.remoteMinimum) {
      follow.up = active;
      follow.remoteMinimum = remoteMinimum;
      this.#step(follow, now);
    }
    this.#point.settle(echo.relied, now);
    if (stale && session.echoActive && !echo.relied) this.#rely(false, now);
  }

  /** Our own loop stood still. */
  stalled(length: number, now: number): void {
    if (this.#echo !== null) this.#step({ type: "stall", length }, now);
  }

  /** The deadline has come. */
  fire(now: number): void {
    try {
      this.#step(TIMER, now);
    } catch (error) {
      this.broke(error, now);
    }
  }

  broke(error: unknown, now: number): void {
    this.#session.broke(error, now);
  }

  reachable(now: number): void {
    this.follow(now);
  }

  echoReturned(packet: Readonly<EchoPacket>, now: number): void {
    returned.packet = packet;
    this.#step(returned, now);
  }

  controlReturned(_packet: ControlPacket, _bytes: Uint8Array, _ttl: number, _now: number): void {
    // This session is no unaffiliated one: nobody has asked for that.
    this.#point.drop("malformed");
  }

  #rely(active: boolean, now: number): void {
    this.#session.apply({ type: "echo", active }, now);
  }

  #step(event: Parameters<typeof stepEcho>[1], now: number): void {
    const echo = this.#echo;
    if (echo === null) return;
    effects.length = 0;
    stepEcho(echo, event, now, this.#env.random(), effects);
    let news: EchoEffect[] | null = null;
    for (let i = 0; i < effects.length; i++) {
      const effect = effects[i]!;
      if (effect.type === "send_echo") this.#send(echo, now);
      else (news ??= []).push(effect);
    }
    this.#arm(echo);
    if (news !== null) { for (const effect of news) this.#tell(effect, now); }
  }

  #send(echo: Echo, now: number): void {
    const { mac } = this.#point;
    if (mac === null) return;
    const length = this.#frame.complete(writeEcho(echo, this.#frame.payload, now), mac);
    if (this.#link.send(this.#frame.bytes, length) < 0) this.#point.sendErrors++;
  }

  #tell(effect: EchoEffect, now: number): void {
    switch (effect.type) {
      case "echo":
        return this.#rely(effect.active, now);
      case "missing":
        return this.#session.notice(MISSING);
      case "confirmed":
        // The session must not fail with what it has failed with before.
        this.#session.apply({ type: "echo", active: this.#echo!.relied, confirmed: true }, now);
        return this.#session.confirmed(now);
      case "failed": {
        const { hold } = effect;
        const { failures } = this.#echo!;
        return this.#session.apply({ type: "echo_failed", hold, failures }, now);
      }
    }
  }

  #arm(echo: Echo): void {
    const { heap } = this.#env;
    const next = echoDeadline(echo);
    if (next === Infinity) heap.cancel(this);
    else if (this.position === -1 || next !== this.at) heap.set(this, next);
  }

  /** What it lacks, in words. */
  get waitingFor(): readonly string[] {
    const echo = this.#echo;
    if (echo === null || this.#session.session.state !== "up") return [];
    if (this.#session.session.remote.requiredMinEchoRx === 0) {
      return ["echo: the peer reflects none"];
    }
    if (this.#point.mac === null) return ["echo: the peer's hardware address"];
    return echo.missed ? ["echo: none comes back"] : [];
  }

  report(): EchoReport {
    const echo = this.#echo;
    return {
      active: echo?.relied ?? false,
      sent: echo?.sent ?? 0,
      returned: echo?.returned ?? 0,
      roundTrip: echo?.roundTrip ?? null,
      ...this.#point.report(),
    };
  }

  /** Ends: nothing is sent or reflected any more. */
  end(): void {
    this.#env.heap.cancel(this);
    this.#point.end();
  }
}
