/**
 * A check as the kernel plane asks it: what all of its probes have alike, worked out once, and the
 * probe that runs or is in line. A check has one probe at most.
 *
 * @module
 */

import { type Destination, destinationOf, openingFailure } from "../check/drivers/open.ts";
import type { MakeConversation, SocketProber } from "../check/drivers/sockets.ts";
import { failed, type Micros, type Outcome } from "../check/mod.ts";
import { exchangeConversation, taskConversation, type TaskMeans } from "../check/task.ts";
import type { HttpConversation, HttpExchange } from "../check/types/http.ts";
import { HttpTurns } from "../check/types/http_turns.ts";
import type { KernelCheck } from "../plane/checks.ts";

export class Asker {
  #check: KernelCheck;
  /** Number of the probe that runs or is in line; 0: none. */
  probe = 0;
  /** It is in line for its socket. */
  waits = false;
  /** When the probe should have begun. */
  due: Micros = 0;
  began: Micros = 0;
  timeout: Micros = 0;
  readonly #means: TaskMeans;
  readonly #make: MakeConversation;
  /** By port: the exchanges of http may go to several. */
  readonly #destinations = new Map<number, Destination>();
  /** Of http: requests as bytes. */
  readonly #requests = new Map<HttpExchange, Uint8Array>();
  /** Of http: what comes after what. */
  #turns: HttpTurns | null = null;
  #exchange: HttpExchange | null = null;
  #conversation: HttpConversation | null = null;

  constructor(check: KernelCheck, means: TaskMeans) {
    this.#check = check;
    this.#means = means;
    this.#make = (raw) => {
      const { task } = this.#check;
      if (task.type !== "http") return taskConversation(task, raw, this.#means);
      const { digest } = this.#means;
      const exchange = this.#exchange!;
      return this.#conversation = exchangeConversation(
        exchange,
        task.version,
        digest,
        this.#requests,
      );
    };
  }

  get check(): KernelCheck {
    return this.#check;
  }

  /** The same target, asked otherwise than before: a probe that runs goes on. */
  renew(check: KernelCheck): void {
    this.#check = check;
    this.#destinations.clear();
    this.#requests.clear();
  }

  /**
   * Opens the probe's first socket.
   *
   * @returns what has ended it before there was one; else the prober reports
   */
  open(prober: SocketProber<Asker>, now: Micros): Outcome | null {
    const { task } = this.check;
    this.began = now;
    if (task.type !== "http") return this.#start(prober, null, this.timeout, now);
    this.#turns = new HttpTurns({ exchanges: task.exchanges, redirects: 0 });
    return this.#ask(prober, this.#turns.first, this.timeout, now);
  }

  /**
   * After a socket has served: its outcome is the probe's, unless another exchange follows.
   *
   * @returns `null`: the probe goes on
   */
  follow(prober: SocketProber<Asker>, outcome: Outcome, now: Micros): Outcome | null {
    const [turns, exchange] = [this.#turns, this.#exchange];
    if (turns === null || exchange === null) return outcome;
    const turn = turns.next(exchange, this.#conversation?.response ?? null, outcome);
    if (turn.exchange === undefined) {
      const silent = outcome.result === "void" || outcome.result === "unasked";
      return silent ? outcome : turn.outcome;
    }
    const left = this.began + this.timeout - now;
    if (left <= 0) return failed("the responses did not all come in time");
    return this.#ask(prober, turn.exchange, left, now);
  }

  /** The probe is over: nothing of it is kept. */
  rest(): void {
    this.probe = 0;
    this.waits = false;
    this.#turns = this.#exchange = this.#conversation = null;
  }

  /** One exchange of HTTP, within what is left of the time. */
  #ask(
    prober: SocketProber<Asker>,
    exchange: HttpExchange,
    timeout: Micros,
    now: Micros,
  ): Outcome | null {
    this.#exchange = exchange;
    this.#conversation = null;
    return this.#start(prober, exchange.port, timeout, now);
  }

  /** @param port `null`: the check's own */
  #start(
    prober: SocketProber<Asker>,
    port: number | null,
    timeout: Micros,
    now: Micros,
  ): Outcome | null {
    const { end } = this.check;
    let destination = this.#destinations.get(port ?? end.port);
    if (destination === undefined) {
      try {
        destination = destinationOf(port === null ? end : { ...end, port });
      } catch (error) {
        return openingFailure(error);
      }
      this.#destinations.set(port ?? end.port, destination);
    }
    prober.start(this, destination, this.#make, timeout, now);
    return null;
  }
}
