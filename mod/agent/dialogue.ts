/**
 * What control asks of the planes, as calls: each sends one message and ends with its answer.
 *
 * @module
 */

import type {
  BalanceMemory,
  BalanceNote,
  BalanceOrder,
  BalanceOrdered,
  BalancePlan,
  BalanceState,
} from "../plane/balance.ts";
import type { CheckMemory } from "../check/board.ts";
import type {
  CheckFinding,
  ChecksState,
  ConfigureChecks,
  KernelCheck,
  SessionCheck,
  Way,
  WayState,
} from "../plane/checks.ts";
import type { BfdAdministered, BfdCredentials } from "../plane/bfd.ts";
import { type Credentials, wipe } from "../plane/credentials.ts";
import type { Overridden, OverrideRouters } from "../plane/groups.ts";
import type { Frozen, Memory } from "../plane/hand_over.ts";
import type {
  Configured,
  ConfigureKernel,
  ConfigureProtocol,
  EventId,
  Fault,
} from "../plane/messages.ts";
import { Disassembler } from "../plane/pieces.ts";
import type { Machine, Machines, Recorded } from "../plane/recording.ts";
import type { ProtocolState } from "../plane/state.ts";
import type { TrackerFinding } from "../plane/trackers.ts";
import { soon } from "../patience/mod.ts";
import { wipeBfd } from "./bfd_plan.ts";
import type { PlaneName, Planes } from "./planes.ts";
import type { Questions } from "./questions.ts";
import type { SitePlan } from "./site_plan.ts";

/** How long the kernel plane may be busy before something that needs it at rest is given up. */
const BUSY = 3_000;
/**
 * Numbers and texts in one piece of a configuration: what the protocol plane takes in within 100 µs,
 * the kernel plane within a millisecond.
 */
const [PROTOCOL_PIECE, KERNEL_PIECE] = [150, 1_500];

/** Keys and passwords, copies for one message. */
export interface AllCredentials {
  readonly credentials: readonly Credentials[];
  readonly bfdCredentials: readonly BfdCredentials[];
  /** BFD sessions that are checks. */
  readonly sessionChecks: readonly SessionCheck[];
}

/** What another life has left of virtual servers: in order, or killed. */
export interface FormerBalance {
  readonly memory?: BalanceMemory;
  readonly note?: BalanceNote;
}

/** All of it throws `PlaneDied` where the plane dies over it. */
export class Dialogue {
  readonly #planes: Planes;
  readonly #questions: Questions;
  readonly #credentials: () => AllCredentials;
  readonly #protocol: Disassembler<ConfigureProtocol>;
  readonly #kernel: Disassembler<ConfigureKernel | ConfigureChecks>;

  /** @param credentials of the present configuration, copies that the receiver may wipe */
  constructor(
    planes: Planes,
    questions: Questions,
    credentials: () => AllCredentials,
  ) {
    this.#planes = planes;
    this.#questions = questions;
    this.#credentials = credentials;
    this.#protocol = new Disassembler(PROTOCOL_PIECE, (one) => planes.toProtocol(one));
    this.#kernel = new Disassembler(KERNEL_PIECE, (one) => planes.toKernel(one));
  }

  /**
   * @param former what another life has left of virtual servers
   * @param balance them, or that they are as this plane has them already
   */
  async configureKernel(
    plan: SitePlan,
    former: FormerBalance = {},
    balance: BalancePlan | "unchanged" | undefined = plan.balance,
  ): Promise<void> {
    const message = { type: "configure", id: this.#planes.ids.next() } as const;
    const { holdings, statics, interfaces, announceGroups = [], presences } = plan;
    const others = [...plan.announced ?? [], ...statics === undefined ? [] : [statics]];
    const routers = others.length === 0 ? holdings : [...holdings, ...others];
    const answer = this.#questions.answer<Configured>("kernel", message.id);
    const told = balance === "unchanged" ? plan.balance : balance;
    this.#kernel.send(
      {
        routers,
        interfaces,
        announceGroups,
        presences,
        ...(told === undefined ? {} : { balance: told }),
      },
      {
        ...message,
        ...(balance === "unchanged" ? { balance } : {}),
        ...(former.memory === undefined ? {} : { balanceMemory: former.memory }),
        ...(former.note === undefined ? {} : { balanceNote: former.note }),
      },
      this.#planes.lives("kernel"),
    );
    await answer;
  }

  /** An operator's word on a real server. */
  orderBalance(server: string, realServer: string, what: BalanceOrder): Promise<BalanceOrdered> {
    const message = { type: "order_balance", id: this.#planes.ids.next() } as const;
    const answer = this.#questions.answer<BalanceOrdered>("kernel", message.id);
    this.#planes.toKernel({ ...message, server, realServer, what });
    return answer;
  }

  /** What the kernel plane was to have written down is written, or cannot be. */
  noted(cause: EventId): void {
    this.#planes.toKernel({ type: "balance_noted", id: this.#planes.ids.next(), cause });
  }

  /** How virtual servers stand now. @param counters with what the kernel has counted */
  queryBalance(counters: boolean): Promise<BalanceState> {
    const id = this.#planes.ids.next();
    const message = {
      type: "query_balance",
      id,
      ...(counters ? {} : { counters: false as const }),
    } as const;
    const answer = this.#questions.answer<BalanceState>("kernel", message.id);
    this.#planes.toKernel(message);
    return answer;
  }

  /** What the kernel plane is to check, and what a former life knew. */
  configureChecks(checks: readonly KernelCheck[], former: readonly CheckMemory[]): void {
    const message = { type: "configure_checks", id: this.#planes.ids.next(), former } as const;
    this.#kernel.send({ checks }, message, this.#planes.lives("kernel"));
  }

  /** How the kernel plane's checks stand now. */
  queryChecks(): Promise<ChecksState> {
    const message = { type: "query_checks", id: this.#planes.ids.next() } as const;
    const answer = this.#questions.answer<ChecksState>("kernel", message.id);
    this.#planes.toKernel(message);
    return answer;
  }

  /** Whether the load balancer leads to where a check goes by its way. */
  queryWay(way: Way): Promise<WayState> {
    const message = { type: "query_way", id: this.#planes.ids.next(), way } as const;
    const answer = this.#questions.answer<WayState>("kernel", message.id);
    this.#planes.toKernel(message);
    return answer;
  }

  /** Tells the kernel plane how a check stands that control runs. */
  tellCheck(finding: CheckFinding): void {
    this.#planes.toKernel({ type: "check", id: this.#planes.ids.next(), ...finding });
  }

  /**
   * @param findings of trackers that control looks after
   * @param memory of a former life, to go on with
   */
  configureProtocol(
    plan: SitePlan,
    holdUntil: number,
    findings: readonly TrackerFinding[],
    memory?: Memory,
  ): Promise<Configured> {
    const message = { type: "configure", id: this.#planes.ids.next() } as const;
    const answer = this.#questions.answer<Configured>("protocol", message.id);
    const { routers, groups, delays } = plan;
    const more = memory === undefined ? {} : { memory };
    const { credentials, bfdCredentials, sessionChecks } = this.#credentials();
    const bfd = plan.bfd === undefined ? {} : { bfd: plan.bfd };
    const body = { routers, groups, delays, findings, ...bfd, sessionChecks };
    this.#protocol.send(
      body,
      { ...message, holdUntil, ...more, credentials, bfdCredentials },
      this.#planes.lives("protocol"),
    );
    // What was sent is a copy.
    wipe(credentials);
    wipeBfd(bfdCredentials);
    return answer;
  }

  /** An operator's word on who shall be master. @param until the end of a release; null: none */
  override(
    name: string,
    override: OverrideRouters["override"],
    until: number | null,
  ): Promise<Overridden> {
    const message = { type: "override", id: this.#planes.ids.next() } as const;
    const answer = this.#questions.answer<Overridden>("protocol", message.id);
    this.#planes.toProtocol({ ...message, name, override, until });
    return answer;
  }

  /** An operator takes a BFD session down, or allows it up again. */
  administerBfd(session: string, down: boolean): Promise<BfdAdministered> {
    const message = { type: "administer_bfd", id: this.#planes.ids.next() } as const;
    const answer = this.#questions.answer<BfdAdministered>("protocol", message.id);
    this.#planes.toProtocol({ ...message, session, down });
    return answer;
  }

  /** Tells the protocol plane what control has found of a tracked thing. */
  tell(finding: TrackerFinding): void {
    this.#planes.toProtocol({ type: "tracker", id: this.#planes.ids.next(), ...finding });
  }

  /** What the protocol plane knows now. @throws {Error} while there is none */
  async query(): Promise<ProtocolState> {
    this.#need("protocol");
    const message = { type: "query", id: this.#planes.ids.next() } as const;
    const answer = this.#questions.answer<ProtocolState>("protocol", message.id);
    this.#planes.toProtocol(message);
    return await answer;
  }

  /**
   * What is recorded of a machine of a plane, a segment at a time.
   *
   * @param from the least number
   * @throws {Error} while there is no such plane
   */
  async queryRecording(
    plane: PlaneName,
    machine: Machine,
    from: number,
  ): Promise<Recorded> {
    this.#need(plane);
    const message = { type: "query_recording", id: this.#planes.ids.next() } as const;
    const answer = this.#questions.answer<Recorded>(plane, message.id);
    const whole = { ...message, ...machine, from };
    if (plane === "protocol") this.#planes.toProtocol(whole);
    else this.#planes.toKernel(whole);
    return await answer;
  }

  /** Machines of the kernel plane of which something is recorded. @throws {Error} as above */
  async queryMachines(): Promise<Machines> {
    this.#need("kernel");
    const message = { type: "query_machines", id: this.#planes.ids.next() } as const;
    const answer = this.#questions.answer<Machines>("kernel", message.id);
    this.#planes.toKernel(message);
    return await answer;
  }

  /** A plane that was told nothing would never answer. */
  #need(plane: PlaneName): void {
    if (this.#planes.runs(plane)) return;
    throw new Error("The agent is starting, or a plane of it is: ask again in a moment");
  }

  /** The kernel plane changes nothing any more, or goes on. */
  async rest(rest: boolean): Promise<void> {
    const message = { type: "rest", id: this.#planes.ids.next(), rest } as const;
    const answer = this.#questions.answer<Configured>("kernel", message.id);
    this.#planes.toKernel(message);
    await answer;
  }

  /** The same, as long as nothing else keeps the kernel plane. @throws {Error} when it does */
  async restSoon(): Promise<void> {
    const resting = this.rest(true).then(() => true);
    // Where it comes too late it matters to nobody.
    resting.catch(() => {});
    const rests = await soon(resting, BUSY);
    if (!rests) throw new Error("The kernel plane is busy: try again");
  }

  /** The other sides of BFD sessions are asked for patience: they have it, or are slow to answer. */
  async easeBfd(): Promise<void> {
    const message = { type: "ease_bfd", id: this.#planes.ids.next() } as const;
    const answer = this.#questions.answer<Configured>("protocol", message.id);
    this.#planes.toProtocol(message);
    await answer;
  }

  /** The protocol plane stands still. */
  freeze(): Promise<Frozen> {
    const message = { type: "freeze", id: this.#planes.ids.next() } as const;
    const answer = this.#questions.answer<Frozen>("protocol", message.id);
    this.#planes.toProtocol(message);
    return answer;
  }

  /** It goes on. */
  async thaw(): Promise<void> {
    const message = { type: "thaw", id: this.#planes.ids.next() } as const;
    const answer = this.#questions.answer<Configured>("protocol", message.id);
    this.#planes.toProtocol(message);
    await answer;
  }

  /** Asks a plane to fail; no answer is to be expected. */
  injectFault(plane: PlaneName, fault: Fault, duration: number): void {
    const message = { type: "inject_fault", id: this.#planes.ids.next(), fault, duration } as const;
    if (plane === "protocol") this.#planes.toProtocol(message);
    else this.#planes.toKernel(message);
  }

  /** Every router hands over, and the plane ends. */
  async stopProtocol(now: boolean): Promise<void> {
    const stopped = this.#questions.milestone("protocol", "stopped");
    this.hurry(now);
    await stopped;
  }

  /** The same, for a stop that goes on already. */
  hurry(now: boolean): void {
    this.#planes.toProtocol({ type: "stop_routers", id: this.#planes.ids.next(), now });
  }

  /** The kernel plane ends. @param keep with the addresses as they are */
  async stopKernel(keep: boolean): Promise<void> {
    const stopped = this.#questions.milestone("kernel", "stopped");
    this.#planes.toKernel({ type: "stop", id: this.#planes.ids.next(), keep });
    await stopped;
  }
}
