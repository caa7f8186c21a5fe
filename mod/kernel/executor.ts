/**
 * Carries out what the books have planned: requests in one buffer, each answer handed back to the
 * book that asked, what was refused said in words, and what a removal took along of the host's own
 * put back.
 *
 * @module
 */

import { type Acknowledgement, EADDRNOTAVAIL, EEXIST } from "../netlink/mod.ts";
import { textOf } from "../text/mod.ts";
import type { ConnectedRoutes } from "./connected.ts";
import { type Guard, guardsOf } from "./guard.ts";
import type { LeaseBook } from "./lease.ts";
import {
  describeOperation,
  encodeOperation,
  failureOf,
  isIpv6,
  type Operation,
} from "./operation.ts";
import type { Requester } from "./requester.ts";
import type { RoutingBook } from "./routing.ts";
import { isRoutingOperation } from "./routing_operation.ts";
import type { Say, Tables } from "./tables.ts";
import type { NamespaceView } from "./view.ts";

/** What it needs of its namespace. */
export interface ExecutorWorld {
  readonly requester: Requester;
  readonly tables: Tables;
  readonly view: NamespaceView;
  readonly book: LeaseBook;
  readonly routes: ConnectedRoutes;
  readonly routing: RoutingBook;
  readonly say: Say;
  now(): number;
  /** What can be said of the router may be different now. */
  changed(router: string): void;
}

export class Executor {
  readonly #world: ExecutorWorld;

  constructor(world: ExecutorWorld) {
    this.#world = world;
  }

  /** Does all of it, in order. */
  execute(operations: readonly Operation[]): void {
    const { requester, now } = this.#world;
    const guards = this.#guards(operations);
    let sent = 0;
    requester.transact(
      operations.map((operation) => (writer, sequence) =>
        encodeOperation(writer, sequence, operation)
      ),
      (position, answer) => {
        const operation = operations[position];
        if (operation !== undefined) this.#answered(operation, answer, sent);
      },
      () => sent = now(),
    );
    this.#restore(guards, operations);
  }

  /** Leases do not wait until a table can be read: without a look at it nothing can be put back. */
  #guards(operations: readonly Operation[]): readonly Guard[] {
    const { view, requester, book, say } = this.#world;
    try {
      return guardsOf(operations, view, requester, book.ownership);
    } catch (error) {
      say("warning", ["kernel"], "Cannot note the host's own routes", { reason: textOf(error) });
      return [];
    }
  }

  #restore(guards: readonly Guard[], operations: readonly Operation[]): void {
    if (guards.length === 0) return;
    const { view, tables, say } = this.#world;
    const gone = new Set(
      operations.flatMap((one) => one.type === "delete_address" ? [one.address] : []),
    );
    tables.follow();
    for (const guard of guards) {
      for (const words of guard.restore(view, gone)) {
        const level = words.startsWith("could not") ? "error" : "info";
        const name = view.link(guard.index)?.name ?? `${guard.index}`;
        say(level, ["kernel"], `The host's own on ${name}: ${words}`);
      }
    }
  }

  #answered(operation: Operation, answer: Acknowledgement, sent: number): void {
    const { tables, book, routes, routing, say, changed } = this.#world;
    const failure = failureOf(operation, answer);
    if (operation.type === "delete_address" && answer.errno === 0 && isIpv6(operation.address)) {
      tables.expectRemoval(operation.index, operation.address);
    }
    if (isRoutingOperation(operation)) {
      if (!routing.settle(operation, failure, answer.errno, sent)) return;
    } else if (operation.type === "add_route") routes.settle(operation, failure, sent);
    else book.settle(operation, failure, sent);
    const router = "router" in operation ? operation.router : "";
    if (operation.type !== "refresh_address") changed(router);
    // An address that we see is not there: what we know is out of date.
    if (operation.type === "delete_address" && answer.errno === EADDRNOTAVAIL) tables.distrust();
    if (failure === undefined) return;
    say("warning", router === "" ? ["kernel"] : ["kernel", router], "The kernel refused", {
      operation: describeOperation(operation),
      reason: failure,
    });
    // It is there and we do not know it: what we know is out of date.
    if (operation.type === "add_address" && answer.errno === EEXIST) tables.distrust();
  }
}
