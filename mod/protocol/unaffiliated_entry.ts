/**
 * What an unaffiliated session (RFC 9747) has in place of UDP sockets: a point on a link of echoes.
 * Its packets go to ourselves by way of the neighbour, and what comes back is its peer's word.
 *
 * @module
 */

import { EHOSTUNREACH } from "../../ffi/mod.ts";
import {
  believeLooped,
  type ControlPacket,
  type DropReason,
  type EchoPacket,
  LONGEST_CONTROL,
  type Session,
  type SessionEvent,
} from "../bfd/mod.ts";
import type { EchoReport } from "../plane/bfd.ts";
import type { EchoFollower, PacketSender } from "./bfd_entry.ts";
import { ECHO_PORT, EchoFrame } from "./echo_frame.ts";
import type { EchoEnds } from "./echo_entry.ts";
import type { EchoLink } from "./echo_link.ts";
import { type EchoOwner, EchoPoint } from "./echo_point.ts";
import type { TimerHeap } from "./timer_heap.ts";

/** The session that it belongs to. */
export interface UnaffiliatedSession {
  readonly session: Session;
  readonly packetsSent: number;
  packetsReceived: number;
  apply(event: SessionEvent, now: number): void;
  drop(reason: DropReason): void;
  /** A defect of ours in what carries its packets. */
  broke(error: unknown, now: number): void;
}

const event = { type: "packet" as const, packet: null as unknown as ControlPacket };

export class UnaffiliatedEntry implements EchoOwner, EchoFollower, PacketSender {
  /** Both ports are the same (RFC 9747 section 2). */
  readonly port = ECHO_PORT;
  /** It is up by nothing else than what comes back. */
  readonly isDoubtful = false;
  readonly #session: UnaffiliatedSession;
  readonly #point: EchoPoint;
  readonly #link: EchoLink;
  readonly #frame: EchoFrame;

  constructor(session: UnaffiliatedSession, ends: EchoEnds, link: EchoLink, heap: TimerHeap) {
    this.#session = session;
    this.#link = link;
    const { localDiscriminator } = session.session;
    const { family, own, peer } = ends;
    this.#point = new EchoPoint(localDiscriminator, family, own, peer, link, heap, this);
    this.#frame = new EchoFrame(family, this.#point.own, link.mac, LONGEST_CONTROL);
    link.add(this.#point);
  }

  /** The session has made a step, or begins. */
  follow(now: number): void {
    const { state } = this.#session.session;
    this.#point.want(state !== "admin_down", now);
    this.#point.settle(state === "up", now);
  }

  /** Sends the first `length` bytes: how many, or minus errno. */
  send(bytes: Uint8Array, length: number): number {
    const { mac } = this.#point;
    if (mac === null) return -EHOSTUNREACH;
    const { payload } = this.#frame;
    for (let i = 0; i < length; i++) payload[i] = bytes[i]!;
    return this.#link.send(this.#frame.bytes, this.#frame.complete(length, mac));
  }

  reachable(_now: number): void {
    // What is due is sent within a second anyway.
  }

  echoReturned(_packet: Readonly<EchoPacket>, _now: number): void {
    this.#point.drop("malformed");
  }

  controlReturned(packet: ControlPacket, bytes: Uint8Array, ttl: number, now: number): void {
    const session = this.#session;
    const reason = believeLooped(session.session, bytes, packet, ttl, now);
    if (reason !== null) return session.drop(reason);
    session.packetsReceived++;
    event.packet = packet;
    session.apply(event, now);
  }

  broke(error: unknown, now: number): void {
    this.#session.broke(error, now);
  }

  /** What it lacks, in words. */
  get waitingFor(): readonly string[] {
    if (this.#session.session.state === "admin_down") return [];
    return this.#point.mac === null ? ["the neighbour's hardware address"] : [];
  }

  /** The session itself hears of it. */
  stalled(_length: number, _now: number): void {}

  report(): EchoReport {
    const { session, packetsSent, packetsReceived } = this.#session;
    return {
      active: session.state === "up",
      sent: packetsSent,
      returned: packetsReceived,
      roundTrip: null,
      ...this.#point.report(),
    };
  }

  end(): void {
    this.#point.end();
  }

  close(): void {
    this.end();
  }
}
