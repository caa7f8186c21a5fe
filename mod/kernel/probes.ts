/**
 * Health checks in the kernel plane's loop: connections and datagrams in the clear over sockets of
 * our own. The loop hands over what is ready and says when time has passed; verdicts reach the
 * balancer and the protocol plane in the same turn.
 *
 * ```text
 *   configure_checks ─► board ─ start ─► line ─► socket ─► outcome ─► board ─► finding
 * ```
 *
 * A turn opens a limited number of sockets: what the plane does for masters never waits for
 * thousands of probes.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Epoll } from "../../ffi/mod.ts";
import { type BoardEffect, CheckBoard } from "../check/board.ts";
import { type MakeConversation, SocketProber } from "../check/drivers/sockets.ts";
import type { SocketTarget } from "../check/drivers/open.ts";
import { failed, type Micros, type Outcome, voided } from "../check/mod.ts";
import { exchangeConversation, taskConversation, type TaskMeans } from "../check/task.ts";
import type { HttpConversation, HttpExchange } from "../check/types/http.ts";
import { HttpTurns } from "../check/types/http_turns.ts";
import { serviceName } from "../ipvs/mod.ts";
import type {
  CheckFinding,
  ChecksState,
  CheckStep,
  ConfigureChecks,
  KernelCheck,
  QueryChecks,
} from "../plane/checks.ts";
import { CheckTally } from "../plane/check_tally.ts";
import { Histogram } from "../plane/histogram.ts";
import type { IdSource } from "../plane/ids.ts";
import type { TrackerFound } from "../plane/trackers.ts";

/** Probes that run at once: each is a descriptor, and servers that hang keep theirs long. */
const MOST_PROBES = 1024;
/** Sockets that are opened in one turn. */
const STARTS = 64;
/** Probes begin together at multiples of this, microseconds: a turn costs more than a probe. */
const SLOT = 4_000;
/** A turn so much later than was planned means that this process stood still, microseconds. */
const STALL = 100_000;

/** Who hears. */
export interface ProbePorts {
  readonly now: () => Micros;
  readonly control: (message: CheckStep | ChecksState) => void;
  readonly protocol: (message: TrackerFound) => void;
}

/** A probe that runs, or is in line. */
interface Running {
  readonly check: KernelCheck;
  readonly timeout: Micros;
  /** When it should have begun. */
  readonly due: Micros;
  began: Micros;
  /** Of http: what comes after what. */
  turns: HttpTurns | null;
  exchange: HttpExchange | null;
  conversation: HttpConversation | null;
}

const MEANS: TaskMeans = {
  digest: (algorithm, bytes) => createHash(algorithm).update(bytes).digest("hex"),
  random: (count) => crypto.getRandomValues(new Uint8Array(count)),
};

export class KernelProbes {
  /** Hears every finding that is new, in the turn of the deciding outcome. */
  onFinding: (finding: CheckFinding) => void = () => {};
  /** Whether the kernel's load balancer has a service: what is asked by its way waits for it. */
  leads: (service: string) => boolean = () => true;
  readonly #ports: ProbePorts;
  readonly #ids: IdSource;
  readonly #board = new CheckBoard();
  readonly #prober: SocketProber;
  readonly #firstToken: number;
  #checks = new Map<string, KernelCheck>();
  readonly #running = new Map<number, Running>();
  /** Probes that wait for their socket. */
  #line: number[] = [];
  readonly #lateness = new Histogram();
  readonly #tally = new CheckTally();
  #lastTurn: Micros;
  #planned = Infinity;

  /** @param firstToken tokens of the epoll from here on are ours */
  constructor(epoll: Epoll, firstToken: number, ids: IdSource, ports: ProbePorts) {
    this.#ports = ports;
    this.#ids = ids;
    this.#firstToken = firstToken;
    this.#prober = new SocketProber(
      epoll,
      firstToken,
      (probe, outcome) => this.#ended(probe, outcome),
    );
    this.#lastTurn = ports.now();
  }

  /** When to turn again at the latest. */
  get deadline(): Micros {
    if (this.#line.length > 0) return 0;
    const start = Math.ceil(this.#board.next / SLOT) * SLOT;
    return Math.min(start, this.#prober.next);
  }

  /** Takes a message. @throws {RangeError} where settings make no sense; all goes on as it was */
  handle(message: ConfigureChecks | QueryChecks): void {
    if (message.type === "query_checks") {
      const { id: cause } = message;
      const reports = this.#board.reports();
      const lateness = this.#lateness.data();
      const state = { cause, reports, lateness, counts: this.#tally.data() };
      return this.#ports.control({ type: "checks_state", id: this.#ids.next(), ...state });
    }
    const { checks, former } = message;
    const effects = this.#board.configure(checks, MOST_PROBES, former, this.#ports.now());
    this.#checks = new Map(checks.map((check) => [check.id, check]));
    this.#tally.keep(new Map(checks.map(({ id, task }) => [id, task.type])));
    this.#obey(effects);
    // A server that is new may live by a check that has long been known.
    const told = new Set(effects.map((effect) => effect.type === "found" && effect.standing));
    for (const standing of this.#board.standings()) {
      if (!told.has(standing)) this.onFinding(standing);
    }
  }

  /** Tells everything again: somebody new listens. */
  repeat(): void {
    for (const standing of this.#board.standings()) {
      if (this.#checks.get(standing.check)?.tracked === true) this.#tellProtocol(standing);
    }
  }

  /**
   * Takes what is ready and does what is due.
   *
   * @param tokens of this wait; those of others are left alone
   */
  turn(tokens: Iterable<number>): void {
    const now = this.#ports.now();
    const expected = Math.max(this.#lastTurn, Math.min(this.#planned, now));
    const stalledSince = now - expected > STALL ? expected : Infinity;
    for (const token of tokens) {
      if (token >= this.#firstToken) this.#prober.ready(token, this.#ports.now());
    }
    this.#prober.expire(now, stalledSince);
    this.#obey(this.#board.due(now));
    for (const probe of this.#line.splice(0, STARTS)) this.#open(probe);
    this.#lastTurn = this.#ports.now();
    this.#planned = this.deadline;
  }

  /** Ends all probes. */
  close(): void {
    this.#line = [];
    this.#running.clear();
    this.#prober.close();
  }

  #obey(effects: readonly BoardEffect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case "start": {
          const check = this.#checks.get(effect.id)!;
          this.#running.set(effect.probe, {
            check,
            timeout: effect.timeout,
            due: this.#ports.now() - effect.late,
            began: 0,
            turns: null,
            exchange: null,
            conversation: null,
          });
          this.#line.push(effect.probe);
          break;
        }
        case "cancel":
          this.#running.delete(effect.probe);
          this.#prober.cancel(effect.probe);
          break;
        case "found":
          this.#found(effect);
          break;
        case "flapping":
          this.#step(effect.id, { kind: "flapping", flapping: effect.flapping });
          break;
        case "warning":
          this.#step(effect.id, { kind: "warning", text: effect.text });
      }
    }
  }

  #found({ standing, changed, latency }: Extract<BoardEffect, { type: "found" }>): void {
    this.onFinding(standing);
    if (this.#checks.get(standing.check)?.tracked === true) this.#tellProtocol(standing);
    const memory = this.#board.memoryOf(standing.check);
    if (memory !== null) this.#step(standing.check, { kind: "found", memory, changed, latency });
  }

  #tellProtocol({ check, health, reason }: CheckFinding): void {
    this.#ports.protocol({
      type: "tracker",
      id: this.#ids.next(),
      kind: "check",
      namespace: "",
      name: check,
      healthy: health === "up",
      reason,
    });
  }

  #step(check: string, what: CheckStep["what"]): void {
    const at = this.#ports.now();
    this.#ports.control({ type: "check_step", id: this.#ids.next(), at, check, what });
  }

  #open(probe: number): void {
    const running = this.#running.get(probe);
    if (running === undefined) return;
    const { check, timeout } = running;
    const { task, end } = check;
    const now = running.began = this.#ports.now();
    this.#lateness.record(now - running.due);
    if (end.towards !== undefined && !this.leads(wayOf(end))) {
      return this.#ended(probe, voided("the load balancer leads nowhere yet"));
    }
    if (task.type === "http") {
      running.turns = new HttpTurns({ exchanges: task.exchanges, redirects: 0 });
      return this.#ask(probe, running, running.turns.first, timeout);
    }
    const make: MakeConversation = (raw) => taskConversation(task, raw, MEANS);
    this.#prober.start(probe, end, make, timeout, now);
  }

  /** One exchange of HTTP, within what is left of the time. */
  #ask(probe: number, running: Running, exchange: HttpExchange, timeout: Micros): void {
    const { task, end } = running.check;
    if (task.type !== "http") return;
    running.exchange = exchange;
    const make = () => {
      return running.conversation = exchangeConversation(exchange, task.version, MEANS.digest);
    };
    const there = { ...end, port: exchange.port ?? end.port };
    this.#prober.start(probe, there, make, timeout, this.#ports.now());
  }

  #ended(probe: number, outcome: Outcome): void {
    const running = this.#running.get(probe);
    if (running === undefined) return;
    const now = this.#ports.now();
    const { turns, exchange, conversation, check, began, timeout } = running;
    let said = outcome;
    if (turns !== null && exchange !== null) {
      const turn = turns.next(exchange, conversation?.response ?? null, outcome);
      if (turn.exchange !== undefined) {
        const left = began + timeout - now;
        running.conversation = null;
        if (left > 0) return this.#ask(probe, running, turn.exchange, left);
        said = failed("the responses did not all come in time");
      } else said = outcome.result === "void" ? outcome : turn.outcome;
    }
    this.#running.delete(probe);
    this.#tally.record(check.id, check.task.type, said.result, now - began);
    this.#obey(this.#board.finished(check.id, probe, said, now - began, now));
  }
}

/** The service that leads a probe to its real server. */
function wayOf({ address, mark }: SocketTarget): string {
  return serviceName({ family: address.includes(":") ? 6 : 4, mark: mark ?? 0 });
}
