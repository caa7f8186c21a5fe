/**
 * One BFD session of the driver: the machine, its sockets, its deadline and its counters.
 *
 * A packet in or out allocates nothing here: the list of effects, the buffer and the events are
 * made once and used again. What others must hear of is told when the step is over, so that they may
 * step other sessions, or this one.
 *
 * @module
 */

import { errnoName } from "../../ffi/mod.ts";
import {
  deadline,
  LONGEST_CONTROL,
  type NeighbourAdminDownEffect,
  type Session,
  type SessionEffect,
  type SessionEvent,
  step,
  type TransitionEffect,
  writeControl,
} from "../bfd/mod.ts";
import type { EchoReport, ProtocolBfd } from "../plane/bfd.ts";
import { Recorder } from "../record/mod.ts";
import { textOf } from "../text/mod.ts";
import { sendFaultText } from "./bfd_sender.ts";
import type { BfdDrop } from "./bfd_sources.ts";
import type { BfdEndpoints } from "./bfd_transport.ts";
import type { Deadline, TimerHeap } from "./timer_heap.ts";

/** What those who depend on a session may have to hear of. */
export type BfdNews = TransitionEffect | NeighbourAdminDownEffect;

/** What a session sends by. */
export interface PacketSender {
  /** Own port, which nobody else has. */
  readonly port: number;
  /** Least size of its packets (RFC 9764), UDP payload; 0: as they are. Absent: it has none. */
  pad?(size: number): void;
  /** Sends the first `length` bytes: how many, or minus errno. */
  send(bytes: Uint8Array, length: number): number;
  close(): void;
}

/** What goes beside a session and follows it: its echoes. */
export interface EchoFollower {
  /** The session has made a step. */
  follow(now: number): void;
  /** Our own loop stood still. */
  stalled(length: number, now: number): void;
  /** They have failed, and none has come back since: that it is up means nothing yet. */
  readonly isDoubtful: boolean;
  /** What it lacks, in words. */
  readonly waitingFor: readonly string[];
  report(): EchoReport;
  end(): void;
}

/** Chance comes in so many parts, so that what is recorded of it is all of it. */
const CHANCE = 2 ** 32;

/** Least time between two memories that no change of state asks for, microseconds. */
const MEMORY_GAP = 1_000_000;

/** What a session needs from around it. */
export interface BfdSurroundings {
  readonly heap: TimerHeap;
  /** A number in [0, 1), for jitter. */
  random(): number;
  /** What waits in its socket comes before its silence. */
  readUnread(entry: BfdEntry, now: number): void;
  /** Authenticated packets have left: the last number is kept where a crash does not reach it. */
  sequenceUsed(entry: BfdEntry): void;
  changed(entry: BfdEntry, news: BfdNews, now: number): void;
  /** Other intervals than before are in use while it is up. */
  agreed(entry: BfdEntry): void;
  /** After a failure of its echoes one has come back. */
  confirmed(entry: BfdEntry, now: number): void;
  notice(entry: BfdEntry, text: string): void;
  ended(entry: BfdEntry): void;
  /** A defect of ours: the session is dead until it is configured anew. */
  broke(entry: BfdEntry, error: unknown, now: number): void;
}

const TIMER: SessionEvent = { type: "timer" };
const SEND: SessionEffect = { type: "send", final: false };

// Steps are synchronous and do not nest: one buffer and one list serve all sessions.
const bytes = new Uint8Array(new ArrayBuffer(LONGEST_CONTROL));
const effects: SessionEffect[] = [];

export class BfdEntry implements Deadline {
  at = Infinity;
  position = -1;
  /** As its sockets are; the interface's index is 0 where there is none. */
  ends: BfdEndpoints;
  /** What it sends by; null: there is nothing. */
  sender: PacketSender | null = null;
  /** Its echoes; null: there are none now. */
  echo: EchoFollower | null = null;
  /** Why there are none though they are wanted; empty: nothing is in the way. */
  echoProblem = "";
  /** Descriptor that hears this peer alone; -1: it comes through discovery. */
  hearing = -1;
  /** Port of the peer that `hearing` is connected to, and the own address. */
  hearingPort = 0;
  hearingAddress = "";
  /** When it may be given another such socket. */
  hearAgainAt = 0;
  /** It authenticates, and has no key: nothing is sent or believed. */
  locked = false;
  /** It is no longer wanted: what becomes of it is nobody's failure. */
  leaving = false;
  /** What broke it; empty: nothing. */
  broken = "";
  /** What it lacks, in words. */
  waitingFor: readonly string[] = [];
  /** Why it may hear nothing though it has its sockets; empty: nothing is known of that kind. */
  vrfProblem = "";
  /** When its sockets are to be opened, or looked at; `Infinity`: they are not. */
  openAt = Infinity;
  /** How long to wait after the next failure, microseconds. */
  backOff = 0;
  /** The source port that it had in a former life; 0: none. */
  formerPort = 0;
  packetsSent = 0;
  packetsReceived = 0;
  sendErrors = 0;
  /** What could not be sent, by the name of the error. */
  readonly sendFailures: Record<string, number> = {};
  /** errno of the last packet; 0: it left. */
  sendFault = 0;
  stallGraces = 0;
  /** Packets that were for this session and not used. */
  readonly dropped: Partial<Record<BfdDrop, number>> = {};
  readonly recorder = new Recorder("bfd");
  readonly #env: BfdSurroundings;
  /** What control knows, and since when. */
  readonly #noted = { transmit: 0, receive: 0, remoteTransmit: 0, remoteReceive: 0, multiplier: 0 };
  #notedAt = -Infinity;

  /** @param slot its word of the shared memory; -1: none */
  constructor(
    readonly session: Session,
    public config: ProtocolBfd,
    readonly slot: number,
    env: BfdSurroundings,
  ) {
    this.ends = { ...config.path, interfaceIndex: 0 };
    this.#env = env;
  }

  get name(): string {
    return this.config.settings.name;
  }

  /** The deadline has come. */
  fire(now: number): void {
    const { detectAt } = this.session;
    if (detectAt !== null && now >= detectAt && this.hearing >= 0) this.#env.readUnread(this, now);
    this.apply(TIMER, now);
  }

  /** Nothing is due but packets. */
  isRoutine(now: number): boolean {
    const { state, detectAt, endAt } = this.session;
    return state === "up" && endAt === null && (detectAt === null || now < detectAt);
  }

  /** One event for the machine, and what comes of it. Never throws. */
  apply(event: SessionEvent, now: number): void {
    if (this.broken !== "") return;
    let news: SessionEffect[] | null = null;
    try {
      effects.length = 0;
      this.recorder.begin(this.session, event);
      const chance = Math.floor(this.#env.random() * CHANCE);
      step(this.session, event, now, chance / CHANCE, effects);
      this.recorder.note(event, effects, now, chance);
      for (let i = 0; i < effects.length; i++) {
        if (!this.#perform(effects[i]!, now)) (news ??= []).push(effects[i]!);
      }
      this.arm();
    } catch (error) {
      return this.#env.broke(this, error, now);
    }
    if (news !== null) {
      this.#note(now);
      for (const effect of news) this.#tell(effect, now);
    } else if (now - this.#notedAt >= MEMORY_GAP && this.#agreedOtherwise()) {
      this.#note(now);
      this.#env.agreed(this);
    }
    // Nor did an echo come back while we stood still.
    if (this.echo === null) return;
    try {
      if (event.type === "resume") this.echo.stalled(event.age, now);
      this.echo.follow(now);
    } catch (error) {
      this.broke(error, now);
    }
  }

  /** Our own loop stood still, and the session knows: its echoes hear it, too. */
  stalled(length: number, now: number): void {
    try {
      this.echo?.stalled(length, now);
    } catch (error) {
      this.broke(error, now);
    }
  }

  /** A defect of ours: what belongs to it is taken away. */
  broke(error: unknown, now: number): void {
    if (this.broken === "") this.#env.broke(this, error, now);
  }

  /** What control knows of the intervals, from now on. */
  #note(now: number): void {
    const { remote, desiredMinTxUsed, requiredMinRxUsed } = this.session;
    this.#notedAt = now;
    const noted = this.#noted;
    noted.transmit = desiredMinTxUsed;
    noted.receive = requiredMinRxUsed;
    noted.remoteTransmit = remote.desiredMinTx;
    noted.remoteReceive = remote.requiredMinRx;
    noted.multiplier = remote.detectMultiplier;
  }

  #agreedOtherwise(): boolean {
    const { state, remote, desiredMinTxUsed, requiredMinRxUsed } = this.session;
    const noted = this.#noted;
    return state === "up" &&
      (noted.transmit !== desiredMinTxUsed || noted.receive !== requiredMinRxUsed ||
        noted.remoteTransmit !== remote.desiredMinTx ||
        noted.remoteReceive !== remote.requiredMinRx ||
        noted.multiplier !== remote.detectMultiplier);
  }

  /** Puts the session's next deadline into the heap. */
  arm(): void {
    const next = deadline(this.session);
    if (next === Infinity) this.#env.heap.cancel(this);
    else if (this.position === -1 || next !== this.at) this.#env.heap.set(this, next);
  }

  /** Says that it is there, out of turn. */
  speak(now: number): void {
    if (this.session.state !== "up" || this.session.stopped) return;
    this.session.lastSent = now;
    this.recorder.cut();
    this.#perform(SEND, now);
  }

  /** A defect of ours costs one session, not the agent. */
  breakDown(error: unknown): void {
    this.broken = `internal error: ${textOf(error)}`;
    this.recorder.cut();
    this.session.state = "down";
    this.session.stopped = true;
    this.#env.heap.cancel(this);
  }

  /** After a failure of its echoes one has come back. */
  confirmed(now: number): void {
    this.#env.confirmed(this, now);
  }

  /** Something for the log. */
  notice(text: string): void {
    this.#env.notice(this, text);
  }

  drop(reason: BfdDrop, count = 1): void {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + count;
  }

  /** The next packet is the next try: there is nothing to be made up for. */
  #unsent(errno: number): void {
    this.sendErrors++;
    const name = errnoName(errno);
    this.sendFailures[name] = (this.sendFailures[name] ?? 0) + 1;
    if (errno === this.sendFault) return;
    this.sendFault = errno;
    this.#env.notice(this, `Packets do not leave: ${sendFaultText(errno)}`);
  }

  /** Does what concerns nobody else. @returns false: somebody is to be told */
  #perform(effect: SessionEffect, now: number): boolean {
    switch (effect.type) {
      case "send": {
        if (this.sender === null) return true;
        const length = writeControl(this.session, effect, bytes, now);
        const sent = this.sender.send(bytes, length);
        if (sent < 0) this.#unsent(-sent);
        else {
          this.packetsSent++;
          this.sendFault = 0;
        }
        if (this.session.settings.authentication !== null) this.#env.sequenceUsed(this);
        return true;
      }
      case "discard":
        this.drop(effect.reason);
        return true;
      default:
        return false;
    }
  }

  #tell(effect: SessionEffect, now: number): void {
    switch (effect.type) {
      case "transition":
      case "neighbour_admin_down":
        return this.#env.changed(this, effect, now);
      case "notice":
        this.stallGraces++;
        return this.#env.notice(this, effect.text);
      case "stopped":
        return this.#env.ended(this);
    }
  }
}
