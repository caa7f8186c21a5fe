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
import { SocketProber } from "../check/drivers/sockets.ts";
import { type Micros, type Outcome, voided } from "../check/mod.ts";
import type { TaskMeans } from "../check/task.ts";
import { serviceName } from "../ipvs/mod.ts";
import type {
  CheckFinding,
  ChecksState,
  CheckStep,
  ConfigureChecks,
  QueryChecks,
  QueryWay,
  Way,
  WayState,
} from "../plane/checks.ts";
import { CheckTally } from "../plane/check_tally.ts";
import { Histogram } from "../plane/histogram.ts";
import type { IdSource } from "../plane/ids.ts";
import type { TrackerFound } from "../plane/trackers.ts";
import { type Shelf, VerdictRecorders } from "../record/mod.ts";
import { Asker } from "./asker.ts";
import type { Say } from "./tables.ts";

/** Probes that run at once: each is a descriptor, and servers that hang keep theirs long. */
const MOST_PROBES = 1024;
/** One descriptor in so many is for probes at most: the rest is for everything else. */
const SHARE = 2;
/** Sockets that are opened in one turn. */
const STARTS = 64;
/** Probes begin together at multiples of this, microseconds: a turn costs more than a probe. */
const SLOT = 4_000;
/** How long a probe by way of the load balancer waits until that leads there, microseconds. */
const AWAITED = 500_000;
/** From one look whether it does to the next, microseconds. */
const LOOK = 50_000;
/** A turn so much later than was planned means that this process stood still, microseconds. */
const STALL = 100_000;

/** Who hears. */
export interface ProbePorts {
  readonly now: () => Micros;
  readonly control: (message: CheckStep | ChecksState | WayState) => void;
  readonly protocol: (message: TrackerFound) => void;
  readonly say: Say;
}

/** Probes that may run at once. @param descriptors that this process may have */
export function mostProbes(descriptors: number): number {
  return Math.max(1, Math.min(MOST_PROBES, Math.floor(descriptors / SHARE)));
}

const MEANS: TaskMeans = {
  digest: (algorithm, bytes) => createHash(algorithm).update(bytes).digest("hex"),
  random: (count) => crypto.getRandomValues(new Uint8Array(count)),
};

export class KernelProbes {
  /** Hears every finding that is new, in the turn of the deciding outcome. */
  onFinding: (finding: CheckFinding) => void = () => {};
  /** Whether a service of the kernel's leads to its server: what is asked by its way waits for it. */
  leads: (service: string) => boolean = () => true;
  readonly #ports: ProbePorts;
  readonly #ids: IdSource;
  readonly #recorders = new VerdictRecorders();
  readonly #board = new CheckBoard((...judged) => this.#recorders.step(...judged));
  readonly #prober: SocketProber<Asker>;
  readonly #epoll: Epoll;
  readonly #firstToken: number;
  readonly #cap: number;
  #checks = new Map<string, Asker>();
  /** Those that wait for their socket, from the mark on. */
  readonly #line: Asker[] = [];
  #lineMark = 0;
  /** Those whose way leads nowhere yet, and when it is looked for again. */
  readonly #astray = new Set<Asker>();
  #lookAt: Micros = Infinity;
  readonly #lateness = new Histogram();
  readonly #tally = new CheckTally();
  #lastTurn: Micros;
  #planned = Infinity;

  /**
   * @param firstToken tokens of the epoll from here on are ours
   * @param cap probes that run at once
   */
  constructor(
    epoll: Epoll,
    firstToken: number,
    ids: IdSource,
    ports: ProbePorts,
    cap = MOST_PROBES,
  ) {
    this.#ports = ports;
    this.#ids = ids;
    this.#epoll = epoll;
    this.#firstToken = firstToken;
    this.#cap = cap;
    this.#prober = new SocketProber<Asker>(
      epoll,
      firstToken,
      (asker, outcome) => this.#ended(asker, outcome),
    );
    this.#lastTurn = ports.now();
  }

  /** What is recorded of verdicts. */
  get recorded(): Shelf<"check"> {
    return this.#recorders.shelf;
  }

  /** When to turn again at the latest. */
  get deadline(): Micros {
    if (this.#line.length > 0) return 0;
    const start = Math.ceil(this.#board.next / SLOT) * SLOT;
    return Math.min(start, this.#prober.next, this.#lookAt);
  }

  /** Takes a message. @throws {RangeError} where settings make no sense; all goes on as it was */
  handle(message: ConfigureChecks | QueryChecks | QueryWay): void {
    if (message.type === "query_way") {
      const { id: cause, way } = message;
      const leads = this.leads(wayOf(way));
      return this.#ports.control({ type: "way_state", id: this.#ids.next(), cause, leads });
    }
    if (message.type === "query_checks") {
      const { id: cause } = message;
      const reports = this.#board.reports();
      const lateness = this.#lateness.data();
      const state = { cause, reports, lateness, counts: this.#tally.data() };
      return this.#ports.control({ type: "checks_state", id: this.#ids.next(), ...state });
    }
    const { checks } = message;
    const effects = this.#board.configure(checks, this.#cap, message.former, this.#ports.now());
    // Probes of checks that are gone, or ask somebody else now.
    for (const effect of effects) if (effect.type === "cancel") this.#cancel(effect);
    const former = this.#checks;
    this.#recorders.shelf.keep(new Set(checks.map(({ id }) => id)));
    this.#checks = new Map();
    for (const check of checks) {
      const known = former.get(check.id);
      const asker = known?.check.target === check.target ? known : new Asker(check, MEANS);
      asker.renew(check);
      this.#checks.set(check.id, asker);
    }
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
      if (this.#checks.get(standing.check)?.check.tracked === true) this.#tellProtocol(standing);
    }
  }

  /**
   * Takes what is ready and does what is due.
   *
   * @param ready events of the epoll's last wait; those of others are left alone
   */
  turn(ready: number): void {
    const now = this.#ports.now();
    const expected = Math.max(this.#lastTurn, Math.min(this.#planned, now));
    const stalledSince = now - expected > STALL ? expected : Infinity;
    for (let i = 0; i < ready; i++) {
      const token = this.#epoll.token(i);
      if (token < this.#firstToken) continue;
      this.#prober.ready(token, this.#epoll.events(i), this.#ports.now());
    }
    this.#prober.expire(now, stalledSince);
    this.#obey(this.#board.due(now));
    if (now >= this.#lookAt) this.#lookAgain();
    this.#openSome();
    this.#lastTurn = this.#ports.now();
    this.#planned = this.deadline;
  }

  /** Ends all probes. */
  close(): void {
    this.#line.length = this.#lineMark = 0;
    this.#astray.clear();
    this.#lookAt = Infinity;
    this.#prober.close();
  }

  #obey(effects: readonly BoardEffect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case "start": {
          const asker = this.#checks.get(effect.id)!;
          asker.timeout = effect.timeout;
          asker.due = this.#ports.now() - effect.late;
          asker.probe = effect.probe;
          asker.waits = true;
          this.#line.push(asker);
          break;
        }
        case "cancel":
          this.#cancel(effect);
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
    if (this.#checks.get(standing.check)?.check.tracked === true) this.#tellProtocol(standing);
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

  #cancel({ id, probe }: { readonly id: string; readonly probe: number }): void {
    const asker = this.#checks.get(id);
    if (asker?.probe !== probe) return;
    this.#prober.cancel(asker);
    asker.rest();
  }

  #openSome(): void {
    const end = Math.min(this.#line.length, this.#lineMark + STARTS);
    while (this.#lineMark < end) this.#open(this.#line[this.#lineMark++]!);
    // Seldom more than a few: moving the rest costs nothing.
    this.#line.splice(0, this.#lineMark);
    this.#lineMark = 0;
  }

  #open(asker: Asker): void {
    // Called off since.
    if (!asker.waits) return;
    const now = this.#ports.now();
    const { end } = asker.check;
    const astray = end.towards !== undefined && !this.leads(wayOf(end));
    // There in a moment, as a rule: at the start, or while the table is read again.
    if (astray && now - asker.due < AWAITED) {
      this.#astray.add(asker);
      this.#lookAt = Math.min(this.#lookAt, now + LOOK);
      return;
    }
    asker.waits = false;
    this.#lateness.record(now - asker.due);
    if (astray) {
      asker.began = now;
      return this.#finish(asker, voided("the load balancer leads nowhere yet"), now);
    }
    const outcome = asker.open(this.#prober, now);
    if (outcome !== null) this.#finish(asker, outcome, now);
  }

  #lookAgain(): void {
    this.#lookAt = Infinity;
    this.#line.push(...this.#astray);
    this.#astray.clear();
  }

  #ended(asker: Asker, outcome: Outcome): void {
    const now = this.#ports.now();
    const said = asker.follow(this.#prober, outcome, now);
    if (said !== null) this.#finish(asker, said, now);
  }

  #finish(asker: Asker, outcome: Outcome, now: Micros): void {
    const { probe, began, check: { id, task } } = asker;
    asker.rest();
    if (outcome.result === "unasked") {
      this.#ports.say("warning", ["checks"], `Cannot ask: ${outcome.reason}`, { check: id });
    }
    this.#tally.record(id, task.type, outcome.result, now - began);
    this.#obey(this.#board.finished(id, probe, outcome, now - began, now));
  }
}

/** The service that leads a probe to its real server. */
function wayOf({ address, mark }: Way): string {
  return serviceName({ family: address.includes(":") ? 6 : 4, mark: mark ?? 0 });
}
