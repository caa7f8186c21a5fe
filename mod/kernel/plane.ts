/**
 * The kernel plane: whatever may block on the kernel. An address change takes the kernel's global
 * configuration lock and its caller sleeps as long as others hold it, so this happens on a thread
 * of its own that nobody waits for.
 *
 * The plane is a synchronous object without a loop: `handle` takes one message, `turn` does what
 * follows from the messages, what is due, and what the kernel's notifications ask for; `deadline`
 * says when to turn again. So the addresses of many routers go to the kernel in one buffer. Its world
 * comes in as `KernelIo`, so that a test drives it with a model kernel in virtual time. An
 * exception in a message or in one namespace is logged and ends there.
 *
 * @module
 */

import { sleep } from "../plane/crash.ts";
import { IdSource } from "../plane/ids.ts";
import { LogLimiter } from "../plane/log_limiter.ts";
import type {
  AddressReport,
  AnnounceGroup,
  ConfigureKernel,
  DropAddresses,
  EventId,
  HoldAddresses,
  InjectFault,
  KernelRouter,
  StopPlane,
  ToKernel,
} from "../plane/messages.ts";
import { Departures, finish, RETIREMENTS } from "./departures.ts";
import type { KernelIo } from "./io.ts";
import { NamespaceDriver } from "./namespace.ts";
import { Places } from "./places.ts";
import type { KernelPorts, KernelWords } from "./ports.ts";
import { sameReport } from "./report.ts";
import type { InterfaceNews } from "./watch.ts";
import { textOf } from "../text/mod.ts";

/** The plane turns at least this often: its own heartbeat, and how a stall is noticed. */
const LONGEST_SLEEP = 500_000;
/** A turn so late means that the process stood still. */
const STALL = 1_500_000;
/** Announcements in one turn, so that a drop never waits for thousands of frames. */
const FRAMES = 256;
/** How long after a failure a namespace is opened again. */
const REOPEN = 1_000_000;

/** A fault that was asked for: the one exception that leaves `handle`. */
export class InjectedFault extends Error {
  override readonly name = "InjectedFault";
}

export interface KernelPlaneOptions {
  /** Whether `inject_fault` is obeyed. */
  readonly faultInjection: boolean;
  /** Begin at rest: another process still does the work. */
  readonly resting?: boolean;
}

/** The kernel plane without its loop. */
export class KernelPlane {
  readonly #io: KernelIo;
  readonly #words: KernelWords;
  readonly #ports: KernelPorts;
  readonly #options: KernelPlaneOptions;
  readonly #ids = new IdSource("k");
  readonly #log: LogLimiter;
  readonly #drivers = new Map<string, NamespaceDriver>();
  #routers: readonly KernelRouter[] = [];
  /** Namespace of each router. */
  #namespaces: ReadonlyMap<string, string> = new Map();
  #interfaces: ConfigureKernel["interfaces"] = [];
  #announceGroups: readonly AnnounceGroup[] = [];
  /** Last hold or drop of each router. It may come before the configuration that knows it. */
  readonly #decisions = new Map<string, HoldAddresses | DropAddresses>();
  readonly #reports = new Map<string, AddressReport>();
  readonly #places: Places;
  readonly #departures: Departures;
  /** Namespaces that could not be opened, and when to try again. */
  readonly #closed = new Map<string, { readonly at: number; readonly reason: string }>();
  #configuredBy: EventId = "";
  #lastTurn: number;
  /** Follows and changes nothing (see `mod/plane/hand_over.ts`). */
  #resting: boolean;
  #stopped = false;

  constructor(
    io: KernelIo,
    words: KernelWords,
    ports: KernelPorts,
    options: KernelPlaneOptions = { faultInjection: false },
  ) {
    this.#io = io;
    this.#words = words;
    this.#ports = ports;
    this.#options = options;
    this.#places = new Places(io);
    this.#departures = new Departures(io, (...record) => this.#say(...record));
    this.#resting = options.resting ?? false;
    this.#log = new LogLimiter((record) => ports.control(record), () => io.now());
    this.#lastTurn = io.now();
  }

  /** `stop` was obeyed: the loop may end. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** A `configure` was carried out. */
  get configured(): boolean {
    return this.#configuredBy !== "";
  }

  /** When to turn again at the latest, microseconds on CLOCK_MONOTONIC. */
  get deadline(): number {
    let deadline = Math.min(this.#lastTurn + LONGEST_SLEEP, this.#departures.deadline);
    for (const driver of this.#drivers.values()) deadline = Math.min(deadline, driver.deadline);
    for (const { at } of this.#closed.values()) deadline = Math.min(deadline, at);
    return deadline;
  }

  /** Says that the plane takes messages. */
  start(): void {
    this.#ports.control({ type: "ready", id: this.#ids.next() });
  }

  /**
   * Takes one message. What follows from it is done and told by the next `turn`; only
   * `configure` and `stop` work at once.
   *
   * @throws {InjectedFault} where a fault was asked for, nothing else
   */
  handle(message: ToKernel): void {
    this.#words.beatKernel();
    try {
      this.#dispatch(message);
    } catch (error) {
      if (error instanceof InjectedFault) throw error;
      const router = "router" in message ? [message.router] : [];
      this.#say("error", ["kernel", ...router], "Cannot carry out message", {
        message: message.type,
        id: message.id,
        error: textOf(error),
      });
    }
  }

  /** Does what is due, and what the kernel's notifications ask for. */
  turn(): void {
    const now = this.#io.now();
    this.#words.beatKernel();
    this.#log.tellDue(now);
    if (now - this.#lastTurn > STALL) {
      for (const driver of this.#drivers.values()) driver.book.distrust();
      this.#say("warning", ["kernel"], "Stood still", {
        milliseconds: (now - this.#lastTurn) / 1e3,
      });
    }
    this.#lastTurn = now;
    const moved = this.#resting ? [] : this.#places.moved(this.#drivers.keys());
    for (const namespace of moved) this.#leave(namespace);
    for (const [namespace, { at }] of this.#closed) if (at <= now) this.#open(namespace);
    for (const driver of this.#drivers.values()) {
      this.#attempt(driver, () => {
        driver.settle();
        driver.announce(this.#io.now(), FRAMES);
        driver.retire(RETIREMENTS);
      });
    }
    this.#departures.turn();
    this.#tell();
  }

  /** Closes all sockets. */
  close(): void {
    for (const driver of this.#drivers.values()) driver.close();
    this.#drivers.clear();
  }

  #dispatch(message: ToKernel): void {
    switch (message.type) {
      case "configure":
        return this.#configure(message);
      case "hold":
      case "drop":
        return this.#decide(message);
      case "announce":
        return this.#driverOf(message.router)?.announceAgain(message.router);
      case "hush":
        return this.#driverOf(message.router)?.herald.drop(message.router);
      case "rehearsal":
        return;
      case "rest":
        this.#resting = message.rest;
        for (const driver of this.#drivers.values()) {
          this.#attempt(driver, () => driver.rest(message.rest, this.#io.now()));
        }
        return this.#configured(message.id);
      case "stop":
        return this.#stop(message);
      case "inject_fault":
        return this.#injectFault(message);
      case "reconnect":
        this.#ports.reconnect(message.port);
        for (const driver of this.#drivers.values()) {
          for (const news of driver.watch.repeat()) this.#news(news, false);
        }
        return this.#configured(message.id);
    }
  }

  #configure(message: ConfigureKernel): void {
    const names = new Set(message.routers.map((router) => router.name));
    for (const { name } of this.#routers) {
      if (names.has(name)) continue;
      this.#decisions.delete(name);
      this.#reports.delete(name);
    }
    this.#routers = message.routers;
    this.#namespaces = new Map(message.routers.map((router) => [router.name, router.namespace]));
    this.#interfaces = message.interfaces;
    this.#announceGroups = message.announceGroups ?? [];
    this.#configuredBy = message.id;
    const wanted = new Set([
      ...message.routers.map((router) => router.namespace),
      ...message.interfaces.map((one) => one.namespace),
    ]);
    for (const [namespace, driver] of this.#drivers) {
      if (!wanted.has(namespace)) this.#close(namespace, driver);
    }
    for (const namespace of this.#closed.keys()) {
      if (!wanted.has(namespace)) this.#closed.delete(namespace);
    }
    for (const namespace of wanted) {
      const driver = this.#drivers.get(namespace);
      if (driver === undefined) this.#open(namespace);
      else this.#attempt(driver, () => this.#configureDriver(driver));
    }
    this.#configured(message.id);
  }

  /** What the protocol plane must know is on its way before control hears that it is configured. */
  #configured(cause: EventId): void {
    this.#tell();
    this.#ports.control({ type: "configured", id: this.#ids.next(), cause, changes: [] });
  }

  /** Lets go of all that is held in a namespace, and then of its sockets. */
  #close(namespace: string, driver: NamespaceDriver): void {
    this.#drivers.delete(namespace);
    this.#departures.add(driver);
  }

  /** The name leads to another namespace now, or to none: all begins anew there. */
  #leave(namespace: string): void {
    const driver = this.#drivers.get(namespace)!;
    this.#say("warning", ["kernel"], "The namespace is gone, or is another one", { namespace });
    for (const news of driver.watch.farewell()) this.#news(news, true);
    for (const [name, where] of this.#namespaces) {
      if (where === namespace) this.#decisions.delete(name);
    }
    this.#close(namespace, driver);
    this.#open(namespace);
  }

  #open(namespace: string): void {
    this.#closed.delete(namespace);
    this.#departures.finish(namespace);
    this.#places.note(namespace);
    try {
      const driver = new NamespaceDriver(
        namespace,
        this.#io,
        this.#words,
        (...record) => this.#say(...record),
      );
      this.#drivers.set(namespace, driver);
      driver.resting = this.#resting;
      this.#configureDriver(driver);
    } catch (error) {
      this.#drivers.get(namespace)?.close();
      this.#drivers.delete(namespace);
      const reason = textOf(error);
      this.#closed.set(namespace, { at: this.#io.now() + REOPEN, reason });
      this.#say("error", ["kernel"], "Cannot work in namespace", { namespace, reason });
    }
  }

  #configureDriver(driver: NamespaceDriver): void {
    const now = this.#io.now();
    const routers = this.#routers.filter((router) => router.namespace === driver.name);
    const interfaces = this.#interfaces.filter((one) => one.namespace === driver.name);
    const groups = this.#announceGroups.filter((one) => one.namespace === driver.name);
    driver.configure(routers, interfaces, now, groups);
    for (const { name } of routers) {
      // A decision that came before the router did.
      const decision = this.#decisions.get(name);
      if (decision !== undefined && driver.book.router(name)?.decided === false) {
        this.#decide(decision);
      }
    }
  }

  #decide(message: HoldAddresses | DropAddresses): void {
    this.#decisions.set(message.router, message);
    const driver = this.#driverOf(message.router);
    if (driver === undefined) return;
    const now = this.#io.now();
    if (message.type === "hold") driver.hold(message.router, message.epoch, now, message.heldSince);
    else driver.drop(message.router, now);
  }

  #stop(message: StopPlane): void {
    for (const driver of message.keep ? [] : this.#drivers.values()) {
      this.#attempt(driver, () => {
        driver.dropAll(this.#io.now());
        finish(driver, this.#io);
      });
    }
    this.#departures.finish();
    this.#tell();
    this.#stopped = true;
    this.#ports.control({ type: "stopped", id: this.#ids.next() });
  }

  #injectFault(message: InjectFault): void {
    if (!this.#options.faultInjection) {
      this.#say("warning", ["kernel"], "Fault injection is off", { id: message.id });
      return;
    }
    if (message.fault === "throw") throw new InjectedFault(`Injected by ${message.id}`);
    const duration = message.duration ?? LONGEST_SLEEP;
    if (message.fault === "wait") return sleep(duration);
    const end = this.#io.now() + duration;
    while (this.#io.now() < end);
  }

  #driverOf(router: string): NamespaceDriver | undefined {
    const namespace = this.#namespaces.get(router);
    return namespace === undefined ? undefined : this.#drivers.get(namespace);
  }

  /** Does something in one namespace; an exception ends there. */
  #attempt(driver: NamespaceDriver, work: () => void): void {
    try {
      work();
    } catch (error) {
      const properties = { namespace: driver.name, error: textOf(error) };
      this.#say("error", ["kernel"], "Cannot work in namespace", properties);
    }
  }

  /** Interface news and address reports that are due. */
  #tell(): void {
    for (const driver of this.#drivers.values()) {
      for (const news of driver.takeNews()) this.#news(news, true);
      for (const name of driver.takeChanged()) {
        const router = driver.book.router(name);
        if (router === undefined) continue;
        this.#report(name, driver.report(router));
      }
    }
    for (const router of this.#closed.size === 0 ? [] : this.#routers) {
      const reason = this.#closed.get(router.namespace)?.reason;
      if (reason === undefined) continue;
      const failed = router.addresses.map(({ address }) => ({ address, reason }));
      const wanted = this.#decisions.get(router.name)?.type === "hold";
      this.#report(router.name, { wanted, present: [], failed, repairs: 0, announcements: 0 });
    }
  }

  #report(
    router: string,
    content: Omit<AddressReport, "type" | "id" | "cause" | "router">,
  ): void {
    const said = this.#reports.get(router);
    if (said !== undefined && sameReport(said, content)) return;
    const cause = this.#decisions.get(router)?.id ?? this.#configuredBy;
    const id = this.#ids.next();
    const report: AddressReport = { type: "addresses", id, cause, router, ...content };
    this.#reports.set(router, report);
    this.#ports.control(report);
  }

  #news(news: InterfaceNews, everybody: boolean): void {
    const message = { ...news, id: this.#ids.next() };
    this.#ports.protocol(message);
    if (everybody) this.#ports.control(message);
  }

  #say(...record: Parameters<LogLimiter["log"]>): void {
    this.#log.log(...record);
  }
}
