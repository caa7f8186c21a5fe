/**
 * What the protocol plane is told, and what it does about it. A configuration comes in pieces and is
 * applied in steps, between which packets and timers have their turn; so is told how all stands.
 * Other messages wait for the end, so that they find all of it or nothing.
 *
 * @module
 */

import { monotonicMicros } from "../../ffi/mod.ts";
import type { IdSource } from "../plane/ids.ts";
import type { Inbox, Outbox } from "../plane/inbox.ts";
import type {
  ConfigureProtocol,
  ControlToProtocol,
  EventId,
  InterfaceChanged,
  InterfaceGone,
  KernelToProtocol,
  ProtocolToControl,
  ToKernel,
} from "../plane/messages.ts";
import { Assembler, Disassembler } from "../plane/pieces.ts";
import type { ProtocolStart } from "../plane/start.ts";
import type { ProtocolState } from "../plane/state.ts";
import type { BfdDriver } from "./bfd_driver.ts";
import { injectFault, type WallClock } from "./faults.ts";
import { FindingBatch } from "./finding_batch.ts";
import { Freeze } from "./hand_over.ts";
import type { LatenessGuard } from "./lateness.ts";
import type { SessionChecks } from "./session_checks.ts";
import type { VrrpDriver } from "./vrrp_driver.ts";

/** Numbers and texts in one piece of an answer: what is sent within 100 µs. */
const STATE_PIECE = 150;

/** What it speaks for, and with. */
export interface DeskSurroundings {
  readonly start: ProtocolStart;
  readonly ids: IdSource;
  readonly inbox: Inbox;
  readonly control: Outbox<ProtocolToControl>;
  readonly kernel: Outbox<ToKernel>;
  readonly driver: VrrpDriver;
  readonly bfd: BfdDriver;
  readonly checks: SessionChecks;
  readonly guard: LatenessGuard;
  readonly wall: WallClock;
  readonly scheduling: { policy: string; priority: number };
}

export class Desk {
  readonly #env: DeskSurroundings;
  readonly #findings: FindingBatch;
  readonly #assembler = new Assembler<ConfigureProtocol>();
  readonly #state: Disassembler<ProtocolState>;
  /** A configuration that is being applied, or an answer that is long. */
  #work: Generator<void, void> | null = null;
  #freeze: Freeze | null = null;

  constructor(env: DeskSurroundings) {
    this.#env = env;
    this.#state = new Disassembler(STATE_PIECE, (one) => env.control.post(one));
    this.#findings = new FindingBatch((all, now) => env.driver.trackersFound(all, now));
  }

  /** Another process may be about to take over. */
  get freeze(): Freeze | null {
    return this.#freeze;
  }

  /** Something long goes on: `work` goes on with it, and no message is to be read. */
  get isBusy(): boolean {
    return this.#work !== null;
  }

  /**
   * Does a step of what is going on, and more as long as it is not enough.
   *
   * @throws whatever went wrong; then nothing goes on any more
   */
  work(isEnough: () => boolean): void {
    const work = this.#work;
    if (work === null) return;
    this.#work = null;
    do if (work.next().done) return; while (!isEnough());
    this.#work = work;
  }

  /** Reads messages. @param isEnough asked after each one */
  hear(most: number, isEnough: () => boolean): void {
    if (this.isBusy) return;
    const stop = () => this.isBusy || isEnough();
    this.#env.inbox.drain(most, (message) => this.#message(message), stop);
    this.#findings.flush(monotonicMicros());
  }

  #message(data: unknown): void {
    const message = data as ControlToProtocol | KernelToProtocol;
    const { driver, bfd, checks, control, kernel, start, wall } = this.#env;
    if (message.type === "piece") return this.#assembler.take(message);
    if (message.type === "end") return this.#message(this.#assembler.end(message));
    if (this.#freeze?.defers(message)) return;
    const now = monotonicMicros();
    if (message.type === "tracker") return this.#findings.add(message);
    this.#findings.flush(now);
    switch (message.type) {
      case "configure":
        this.#work = this.#configuring(message, now);
        return;
      case "ease_bfd":
        return bfd.ease.begin(now, () => this.#configured(message.id, []));
      case "freeze": {
        this.#freeze ??= new Freeze(driver, start.wake, now, bfd);
        const { memory } = this.#freeze;
        return control.post({ type: "frozen", ...this.#reply(message.id), ...memory });
      }
      case "thaw": {
        const deferred = this.#freeze?.end(now, message.id) ?? [];
        this.#freeze = null;
        for (const waited of deferred) {
          this.#message(waited);
          this.work(() => false);
        }
        return this.#configured(message.id, []);
      }
      case "interface":
        return this.#interfaceChanged(message, now);
      case "interface_gone":
        return this.#interfaceGone(message, now);
      case "override": {
        const answer = driver.overrule(message, now);
        return control.post({ type: "overridden", ...this.#reply(message.id), ...answer });
      }
      case "port_owner":
        return bfd.portOwner(message, message.owner);
      case "stop_routers":
        driver.stop(message.now, now, message.id);
        return bfd.stop(message.now, now);
      case "administer_bfd": {
        const refused = bfd.administer(message, now);
        const { id } = message;
        return control.post({ type: "bfd_administered", ...this.#reply(id), refused });
      }
      case "query":
        this.#work = this.#describing(message.id);
        return;
      case "query_recording": {
        const { kind, name, from } = message;
        const segment = kind === "bfd"
          ? bfd.entries.get(name)?.recorder.segment(name, from) ?? null
          : driver.recorded(message) ?? null;
        return control.post({ type: "recorded", ...this.#reply(message.id), segment });
      }
      case "reconnect":
        this.#env.inbox.reconnect(0, message.port);
        kernel.reconnect(message.port);
        checks.repeat(bfd.findings());
        return driver.repeatHoldings(message.id);
      case "inject_fault":
        if (!start.faultInjection) return;
        return injectFault(message.fault, message.duration ?? 0, wall);
    }
  }

  /** Sessions first: routers begin with what is known of them. */
  *#configuring(message: ConfigureProtocol, now: number): Generator<void, void> {
    const { driver, bfd, checks } = this.#env;
    const { memory, bfd: plan, bfdCredentials = [], findings = [] } = message;
    if (memory !== undefined) bfd.resume(memory.bfd ?? [], memory.silentSince, true);
    const sessions = yield* bfd.configuring(plan?.sessions ?? [], bfdCredentials, now, plan);
    checks.configure(message.sessionChecks ?? [], bfd.findings());
    const all = { ...message, findings: joined(findings, bfd.findings()) };
    const routers = yield* driver.configuring(all, monotonicMicros());
    this.#configured(message.id, [...sessions, ...routers]);
  }

  /** All that status shows, as it is when it is its turn. */
  *#describing(cause: EventId): Generator<void, void> {
    const { driver, bfd, guard, scheduling } = this.#env;
    const body = {
      at: monotonicMicros(),
      ...driver.describe(),
      ...bfd.describe(),
      lateness: guard.histogram.data(),
      stalls: guard.stalls,
      scheduling,
    };
    yield;
    yield* this.#state.sending(body, { type: "state", ...this.#reply(cause) });
  }

  #interfaceChanged({ state, id }: InterfaceChanged, now: number): void {
    const { driver, bfd } = this.#env;
    const former = driver.interfaceChanged(state, now, id);
    bfd.interfaceChanged(state.namespace, [state.name, former], now);
  }

  #interfaceGone(message: InterfaceGone, now: number): void {
    const { driver, bfd } = this.#env;
    const former = driver.interfaceGone(message);
    bfd.interfaceChanged(message.key.namespace, [message.name, former], now);
  }

  #reply(cause: EventId): { readonly id: EventId; readonly cause: EventId } {
    return { id: this.#env.ids.next(), cause };
  }

  #configured(cause: EventId, changes: readonly string[]): void {
    const at = monotonicMicros();
    this.#env.control.post({ type: "configured", ...this.#reply(cause), changes, at });
  }
}

/** What sessions have found is looked up at its turn: they may come and go between two steps. */
function* joined<T>(...lists: readonly Iterable<T>[]): Generator<T, void> {
  for (const list of lists) yield* list;
}
