/**
 * One network namespace as the kernel plane works on it: the view of its tables, the lease book,
 * the connected routes, the announcements and the interface watch, and the sockets between them
 * and the kernel.
 *
 * `settle` is the heart: read every notification that is queued, ask the book what is to be done,
 * do it, and begin again until nothing is left. All notifications are read before anything is
 * planned, so the echoes of our own requests are never mistaken for somebody else's doing.
 *
 * @module
 */

import type { AnnounceGroup, KernelRouter, WatchedInterface } from "../plane/messages.ts";
import { blockedOf, Blocklist } from "./blocklist.ts";
import { ConnectedRoutes } from "./connected.ts";
import type { Pulse } from "./gate.ts";
import type { WatchedAddress } from "./duplicates.ts";
import { Executor } from "./executor.ts";
import { Herald } from "./herald.ts";
import type { KernelIo, NamespaceIo } from "./io.ts";
import { LeaseBook } from "./lease.ts";
import { type LeasedRouter, starvation } from "./leased.ts";
import type { Operation } from "./operation.ts";
import { Promotion } from "./promotion.ts";
import { Requester } from "./requester.ts";
import { exposure, type ReportContent, reportOf, troubleOf } from "./report.ts";
import { RoutingBook } from "./routing.ts";
import { type Say, Tables } from "./tables.ts";
import { targetsOf } from "./targets.ts";
import { Neighbourhood } from "./neighbourhood.ts";
import { NamespaceView } from "./view.ts";
import { VirtualLinks } from "./virtual_links.ts";
import { Memberships } from "./memberships.ts";
import { type InterfaceNews, InterfaceWatch } from "./watch.ts";
import { textOf } from "../text/mod.ts";

/** Rounds of plan and do in one call; the rest waits for the next turn. */
const ROUNDS = 20;
/** Operations in one round, so that announcements and a drop never wait for thousands. */
const BATCH = 128;
const ROUTING_BATCH = 512;
/** A call that has lasted so long ends after its round. */
const LONG = 30_000;
/** How long after something unforeseen, or a table that cannot be read, it is tried again. */
const PAUSE = 200_000;
/** How long an address of a router that nobody has decided about is left alone, microseconds. */
const ADOPTION = 3_000_000;

/** Everything of one namespace. */
export class NamespaceDriver {
  readonly name: string;
  readonly book: LeaseBook;
  readonly routing: RoutingBook;
  readonly herald: Herald;
  readonly watch: InterfaceWatch;
  /** Routers whose report may have changed since `takeChanged`. */
  #changed = new Set<string>();
  readonly #clock: KernelIo;
  readonly #io: NamespaceIo;
  readonly #say: Say;
  readonly #requester: Requester;
  readonly #view = new NamespaceView();
  readonly #tables: Tables;
  readonly #routes: ConnectedRoutes;
  readonly #memberships: Memberships;
  readonly #links: VirtualLinks;
  readonly #promotion: Promotion;
  readonly #blocklist: Blocklist;
  readonly #neighbourhood: Neighbourhood;
  readonly #executor: Executor;
  /** Another process does the work: notifications are read, and nothing is changed or sent. */
  resting = false;
  #started = false;
  #again = false;
  /** What of ours is there and unknown is still to be found out. */
  #uncollected = false;
  /** Nothing is planned before this time: something unforeseen happened. */
  #pausedUntil = 0;
  /** Tables that could not be read are not asked for before this time. */
  #readAt = 0;
  #watchDirty = true;

  /** @throws where the namespace does not exist or may not be entered */
  constructor(name: string, clock: KernelIo, pulse: Pulse, say: Say) {
    this.name = name;
    this.#clock = clock;
    this.#say = say;
    this.#io = clock.open(name);
    this.#requester = new Requester(this.#io);
    this.book = new LeaseBook(this.#view, pulse, {
      installed: (address) => {
        this.herald.installed(address.router.router.name, address.held.address);
      },
      starved: (router, beating) => say(...starvation(router, beating)),
      changed: (router) => this.#changed.add(router.router.name),
      faulted: (router) => {
        const properties = { error: router.fault ?? "" };
        this.#changed.add(router.router.name);
        say("error", ["kernel", router.router.name], "Router is in fault", properties);
      },
    });
    this.routing = new RoutingBook(this.#view, {
      changed: (router) => this.#changed.add(router.router.name),
    });
    this.#tables = new Tables(this.#io, this.#requester, this.#view, () => clock.now(), say, {
      removed: (address) => this.book.removedByOthers(address, clock.now()),
      routing: (message) => this.routing.take(message, this.#io.portId, clock.now()),
      lost: () => this.routing.verify(),
    });
    this.#routes = new ConnectedRoutes(this.#view, this.book);
    this.herald = new Herald({
      targets: (router) => targetsOf(this.book.router(router), this.#view, this.book.ownership),
      transmit: (index, frame) => this.#io.transmit(index, frame),
      failed: (router, index, errno) => {
        const where = this.#view.link(index)?.name ?? `${index}`;
        const properties = { interface: where, errno };
        say("warning", ["kernel", router], "Cannot send announcement", properties);
      },
    });
    this.#memberships = new Memberships(this.#io, this.#view, say);
    this.#promotion = new Promotion(this.#io, this.#view, say);
    this.#links = new VirtualLinks(
      { io: this.#io, requester: this.#requester, view: this.#view, tables: this.#tables },
      this.book,
      say,
      (router) => this.#changed.add(router),
    );
    this.#neighbourhood = new Neighbourhood({
      io: this.#io,
      say,
      held: () => [...this.book.routers].flatMap((router) => this.#held(router)),
      isOurs: (mac) => [...this.#view.links()].some((link) => link.mac === mac),
      changed: (router) => this.#changed.add(router),
    });
    this.#executor = new Executor({
      requester: this.#requester,
      tables: this.#tables,
      view: this.#view,
      book: this.book,
      routes: this.#routes,
      routing: this.routing,
      say,
      now: () => clock.now(),
      changed: (router) => this.#changed.add(router),
    });
    this.#blocklist = new Blocklist(this.#io, `halb_${this.#io.portId}`, say);
    this.watch = new InterfaceWatch(
      name,
      this.#view,
      (address) => this.book.ownership.isHosts(address),
      (index) => this.#memberships.groupsOf(index),
      (name) => this.#links.isVirtual(name),
    );
  }

  /** When `settle` or `announce` should be called though nothing happened. */
  get deadline(): number {
    if (this.resting) return Infinity;
    if (this.#again) return this.#pausedUntil;
    const { book, routing, herald } = this;
    const deadline = Math.min(
      ...[book, this.#routes, routing, herald, this.#links, this.#blocklist, this.#tables]
        .map(({ deadline }) => deadline),
      this.#memberships.deadline,
    );
    return Math.max(this.#pausedUntil, this.#unread ? Math.min(deadline, this.#readAt) : deadline);
  }

  /** Routers and watched interfaces from now on. The first time the kernel's tables are read. */
  configure(
    routers: readonly KernelRouter[],
    interfaces: readonly WatchedInterface[],
    now: number,
    groups: readonly AnnounceGroup[] = [],
  ): void {
    this.#blocklist.want(blockedOf(routers));
    if (!this.#started) this.#tables.read();
    this.#touchAll();
    this.book.configure(routers, now);
    this.#links.want(routers);
    this.#promotion.want(routers);
    this.herald.configure(routers, groups, now);
    this.#touchAll();
    this.routing.configure(this.book.routers);
    if (this.routing.used) this.#io.followRouting();
    if (!this.#started) this.#uncollected = this.#started = true;
    this.#memberships.want(interfaces);
    this.watch.watch(interfaces.map((one) => one.name));
    this.#watchDirty = true;
    this.#routes.touch();
    this.settle();
  }

  /** Rests, or goes on with what there is now: somebody else may have changed it. */
  rest(resting: boolean, now: number): void {
    this.resting = resting;
    if (resting) return;
    this.#uncollected = true;
    for (const router of this.book.routers) {
      // What nobody has decided about yet waits as it does after a start.
      if (!router.decided) router.adoptedUntil = now + ADOPTION;
    }
    this.#again = true;
  }

  /** What of ours is there that we do not know of. @throws {DumpFailed} */
  #collect(): void {
    const connected = this.#tables.ownRoutes();
    const routing = this.#tables.routing();
    this.book.collectLeftovers();
    this.#routes.adopt(connected);
    this.routing.see(routing);
    this.#uncollected = false;
  }

  /** Hold from now on; the next `settle` does it and announces, unless it was held before. */
  hold(router: string, epoch: number, now: number, heldSince = now): void {
    this.book.hold(router, epoch, now);
    this.herald.hold(router, now, heldSince);
    this.#touch(router);
  }

  /** Let go; the next `settle` does it. Nothing is announced any more. */
  drop(router: string, now: number): void {
    this.herald.drop(router);
    this.book.drop(router, now);
    this.#touch(router);
  }

  /** Somebody of a lower priority spoke: the next `settle` announces, as the links are then. */
  announceAgain(router: string): void {
    this.herald.contested(router);
    this.#again = true;
  }

  /** Let everything go, also what was adopted. */
  dropAll(now: number): void {
    for (const { router } of this.book.routers) this.drop(router.name, now);
    this.#links.want([]);
    this.#promotion.want([]);
  }

  /** What can wait: settings, and interfaces of ours that nobody needs, at most so many at once. */
  retire(most: number): void {
    if (this.resting || !this.#started) return;
    this.#promotion.settle();
    if (this.#links.retire(this.#clock.now(), most)) this.#again = true;
  }

  /** Something is left to be done by the next `settle`. */
  get unsettled(): boolean {
    return this.#again;
  }

  /** Reads what happened and does what follows, until nothing is left to do or it takes long. */
  settle(): void {
    this.#again = false;
    try {
      this.#settle();
    } catch (error) {
      // Whatever it was must not make us spin.
      this.#pausedUntil = this.#clock.now() + PAUSE;
      this.#again = true;
      this.#say("error", ["kernel"], "Cannot work in namespace", {
        namespace: this.name,
        error: textOf(error),
      });
    }
  }

  #settle(): void {
    const end = this.#clock.now() + LONG;
    for (let round = 0; round < ROUNDS; round++) {
      this.#tables.follow();
      const now = this.#clock.now();
      this.#digestChanges(now);
      if (this.resting) return;
      if (now < this.#pausedUntil) break;
      // What was made or brought up is seen before addresses are added to it.
      if (this.#links.act(now) && this.#clock.now() < end) continue;
      // Before the addresses: they are never held and open.
      if (this.#blocklist.settle(now)) this.#touchAll();
      const operations = this.#plan(now);
      if (operations.length === 0) return this.herald.flush(now);
      this.#executor.execute(operations);
      if (this.#clock.now() >= end) break;
    }
    this.herald.flush(this.#clock.now());
    this.#again = true;
  }

  /** Routes and rules go before addresses do, and come when all addresses are there. */
  #plan(now: number): Operation[] {
    const known = this.#readRouting(now);
    const { before, after } = this.#routes.plan(now);
    const operations: Operation[] = known ? this.routing.removals(now, ROUTING_BATCH) : [];
    operations.push(...before, ...this.book.plan(now, BATCH), ...after);
    if (operations.length > 0 || !known) return operations;
    return this.routing.additions(now, ROUTING_BATCH);
  }

  get #unread(): boolean {
    return this.#uncollected || this.routing.stale;
  }

  /** @returns whether what is known of routes and rules is right; addresses do not wait for that */
  #readRouting(now: number): boolean {
    if (!this.#unread) return true;
    if (now < this.#readAt) return false;
    try {
      if (this.#uncollected) this.#collect();
      else this.routing.see(this.#tables.routing());
      return true;
    } catch (error) {
      this.#readAt = now + PAUSE;
      this.#say("warning", ["kernel"], "Cannot read routes and rules", { reason: textOf(error) });
      return false;
    }
  }

  /** Sends announcements that are due. @returns whether some are left for the next turn */
  announce(now: number, budget: number): boolean {
    if (this.resting) return false;
    if (this.herald.send(now, budget, (router) => this.#changed.add(router))) return true;
    // It opens sockets, for which the announcements of a takeover must not wait.
    this.#neighbourhood.listen(now);
    return false;
  }

  /** What is known of a router now. */
  report(router: LeasedRouter): ReportContent {
    const { name } = router.router;
    return {
      ...reportOf(router, this.book, this.herald.sent(name), this.routing),
      ...exposure(this.#blocklist.openness(router.router), this.#neighbourhood.of(name)),
      ...troubleOf(this.#links.problemOf(name)),
    };
  }

  #touchAll(): void {
    for (const { router } of this.book.routers) this.#changed.add(router.name);
  }

  #held(router: LeasedRouter): WatchedAddress[] {
    const { name } = router.router;
    const targets = targetsOf(router, this.#view, this.book.ownership);
    return targets.map((target) => ({ ...target, router: name }));
  }

  /** Names of routers whose report may have changed since the last call. */
  takeChanged(): ReadonlySet<string> {
    const changed = this.#changed;
    if (changed.size > 0) this.#changed = new Set();
    return changed;
  }

  /** What changed about the watched interfaces since the last call. */
  takeNews(): InterfaceNews[] {
    const now = this.#clock.now();
    if (!this.#watchDirty && now < this.#memberships.deadline) return [];
    this.#watchDirty = false;
    this.#memberships.settle(now);
    return this.watch.changes();
  }

  close(): void {
    this.#memberships.close();
    this.#blocklist.close();
    this.#neighbourhood.close();
    this.#io.close();
  }

  #touch(router: string): void {
    this.#routes.touch();
    this.routing.touch();
    this.#changed.add(router);
    this.#again = true;
  }

  #digestChanges(now: number): void {
    for (const index of this.#view.takeChanges()) {
      this.#watchDirty = true;
      this.#routes.verify(index);
      this.routing.verify(index);
      this.#promotion.changed(index);
      this.book.interfaceChanged(index, now);
      const anew = this.herald.isAnew(index, this.#view.link(index));
      for (const { router, addresses } of this.book.routers) {
        const here = addresses.filter((address) =>
          address.index === index || this.#view.indexOf(address.held.interface) === index
        );
        if (here.length === 0) continue;
        this.#changed.add(router.name);
        if (anew) {
          this.herald.again(router.name, new Set(here.map((one) => one.held.address)));
        }
      }
    }
  }
}
