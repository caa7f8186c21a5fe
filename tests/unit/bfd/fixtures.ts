/** Sessions for the tests, in any state, and what can be asked of them. */

import { strictEqual } from "node:assert/strict";
import {
  type ControlPacket,
  createSession,
  deadline,
  decodeControl,
  emptyControlPacket,
  LONGEST_CONTROL,
  type Micros,
  type SendEffect,
  type Session,
  type SessionEffect,
  type SessionEvent,
  type SessionSettings,
  type StateName,
  step,
  type TransitionEffect,
  writeControl,
} from "../../../mod/bfd/mod.ts";
import { bfdSettings } from "../../lib/bfd_settings.ts";
import { control } from "./packet_fixtures.ts";

export { bfdSettings as settings };

export const LOCAL = 0x55667788;
export const REMOTE = 0x11223344;

/** One session and its driver: a clock, a list of all effects, and the packets they became. */
export class Bench {
  now: Micros = 1_000_000;
  random = 0.5;
  session: Session;
  effects: SessionEffect[] = [];
  readonly sent: { readonly at: Micros; readonly packet: ControlPacket }[] = [];

  constructor(changed: Partial<SessionSettings> = {}) {
    const origin = { discriminator: LOCAL, sequence: 0xffff_fffe };
    this.session = createSession(bfdSettings(changed), origin, this.now);
  }

  /** One event now; its effects. */
  step(event: SessionEvent): SessionEffect[] {
    const effects = step(this.session, event, this.now, this.random);
    this.effects.push(...effects);
    for (const effect of effects) if (effect.type === "send") this.#write(effect);
    return effects;
  }

  #write(effect: SendEffect): void {
    const bytes = new Uint8Array(LONGEST_CONTROL);
    const length = writeControl(this.session, effect, bytes, this.now);
    const packet = emptyControlPacket();
    strictEqual(decodeControl(bytes, length, packet), null, "what we send can be read");
    this.sent.push({ at: this.now, packet });
  }

  /** A packet from the other side, which knows us unless it says otherwise. */
  receive(packet: Partial<ControlPacket> = {}): SessionEffect[] {
    return this.step({ type: "packet", packet: said(packet) });
  }

  /** Lets time pass, firing each deadline on time. Returns the effects meanwhile. */
  wait(length: Micros): SessionEffect[] {
    const end = this.now + length;
    const from = this.effects.length;
    while (deadline(this.session) <= end) {
      this.now = Math.max(this.now, deadline(this.session));
      this.step({ type: "timer" });
    }
    this.now = end;
    return this.effects.slice(from);
  }

  /** Lets time pass without a look at any timer. */
  sleep(length: Micros): void {
    this.now += length;
  }

  configure(changed: Partial<SessionSettings>): SessionEffect[] {
    return this.step({ type: "configure", settings: { ...this.session.settings, ...changed } });
  }

  /** What was sent last. */
  get last(): ControlPacket {
    return this.sent.at(-1)!.packet;
  }

  /** Packets sent since the last call. */
  take(): ControlPacket[] {
    return this.sent.splice(0).map(({ packet }) => packet);
  }
}

export function said(packet: Partial<ControlPacket> = {}): ControlPacket {
  return control({
    myDiscriminator: REMOTE,
    yourDiscriminator: LOCAL,
    desiredMinTx: 50_000,
    requiredMinRx: 50_000,
    ...packet,
  });
}

/** A session in that state, both sides at 50 ms × 3, with no poll open, and nothing sent so far. */
export function benchIn(state: StateName, changed: Partial<SessionSettings> = {}): Bench {
  const bench = new Bench(changed);
  if (state === "down") bench.receive({ state: "admin_down" });
  else bench.receive({ state: "down", yourDiscriminator: 0 });
  if (state === "up") {
    bench.receive({ state: "up", final: true });
    bench.receive({ state: "up", final: true });
  } else if (bench.session.polling) bench.receive({ state: "down", final: true });
  if (state === "admin_down") bench.step({ type: "admin", down: true });
  strictEqual(bench.session.state, state);
  bench.session.pollQuietUntil = bench.now;
  bench.effects = [];
  bench.sent.length = 0;
  return bench;
}

export function transitions(effects: readonly SessionEffect[]): string[] {
  return effects.filter((effect): effect is TransitionEffect => effect.type === "transition")
    .map(({ from, to, cause }) => `${from} → ${to}: ${cause}`);
}
