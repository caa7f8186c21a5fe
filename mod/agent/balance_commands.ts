/**
 * What operators ask of virtual servers over the control socket, and what they get for an answer.
 *
 * @module
 */

import type { BalanceRequest, ListRequest } from "../control/balance_protocol.ts";
import { balanceStatus, type RealServerStatus } from "../control/balance_status.ts";
import type { BalanceOrder } from "../plane/balance.ts";
import type { Balancing } from "./balancing.ts";
import { wallTime } from "./clock.ts";
import { log } from "./logging.ts";
import { textOf } from "../text/mod.ts";

/** A request about one real server. */
type ServerRequest = Exclude<BalanceRequest, ListRequest>;

/** How a real server stands. */
export interface RealServerResult {
  readonly virtual_server: string;
  readonly real_server: RealServerStatus;
  /** Connections that its last drain has left; null: it has not been drained, or goes on. */
  readonly left: number | null;
}

/** What is listed for a virtual server. */
export interface ListResult {
  readonly virtual_server: string;
  readonly servers: readonly RealServerStatus[];
  /** What of its lists cannot be used; null: nothing. */
  readonly problem: string | null;
}

/** Whether nothing changes by it. */
function isQuestion(request: BalanceRequest): boolean {
  if (request.command === "servers") return request.action === undefined;
  return request.command === "real_server";
}

/** What the desk needs of the service. */
export interface DeskSurroundings {
  readonly balancing: Balancing;
  /** Applies the site again, with what is listed now. */
  apply(): Promise<unknown>;
  /** One change at a time. */
  inTurn<T>(change: () => Promise<T>): Promise<T>;
}

/** Where orders come in: they wait for each other as any change does; a question is no change. */
export class BalanceDesk {
  readonly #env: DeskSurroundings;

  constructor(env: DeskSurroundings) {
    this.#env = env;
  }

  /** @throws {Error} in words where it cannot be done; nothing has changed then */
  answer(request: BalanceRequest): Promise<RealServerResult | ListResult> {
    const { balancing, inTurn, apply } = this.#env;
    const answer = (): Promise<RealServerResult | ListResult> =>
      request.command === "servers"
        ? answerList(request, balancing, apply)
        : answerBalance(request, balancing);
    return isQuestion(request) ? answer() : inTurn(answer);
  }

  /** A list has changed: as a reload of the same file. */
  relist(): void {
    const { inTurn, apply } = this.#env;
    inTurn(apply).catch((error) => {
      log("error", ["ipvs"], `Cannot apply what is listed: ${textOf(error)}`);
    });
  }
}

/**
 * @param apply applies the site again, with what is listed now
 * @throws {Error} in words where it cannot be done; nothing has changed then
 */
async function answerList(
  { virtual_server: server, action, lines = [] }: ListRequest,
  balancing: Balancing,
  apply: () => Promise<unknown>,
): Promise<ListResult> {
  if (action === undefined) balancing.require(server);
  else {
    balancing.list(server, action, lines);
    await apply();
    log("info", ["ipvs", server], `Servers listed by command: ${action}`, {
      lines: lines.join(", "),
    });
  }
  const { virtual_servers: all } = balanceStatus(await balancing.facts(), wallTime);
  const found = all.find(({ name }) => name === server);
  const servers = found?.real_servers.filter(({ listed }) => listed) ?? [];
  return { virtual_server: server, servers, problem: found?.list_problem ?? null };
}

/** @throws {Error} in words where it cannot be done */
export async function answerBalance(
  request: ServerRequest,
  balancing: Balancing,
): Promise<RealServerResult> {
  const { virtual_server: server, real_server: realServer } = request;
  if (request.command === "real_server") balancing.require(server, realServer);
  else {
    const order = orderOf(request);
    await balancing.order(server, realServer, order);
    log("info", ["ipvs", server], `${wordOf(order)} of ${realServer}, on request`);
  }
  const { virtual_servers: all } = balanceStatus(await balancing.facts(), wallTime);
  const found = all.find(({ name }) => name === server)?.real_servers
    .find(({ address }) => address === realServer);
  // A reload may have taken it away meanwhile.
  if (found === undefined) throw new Error(`${server} has no real server ${realServer} any more`);
  return { virtual_server: server, real_server: found, left: balancing.left(server, realServer) };
}

function orderOf(request: Exclude<ServerRequest, { command: "real_server" }>): BalanceOrder {
  switch (request.command) {
    case "drain": {
      const { timeout_ms: timeout } = request;
      return { order: "drain", timeout: timeout === undefined ? null : Math.round(timeout * 1000) };
    }
    case "undrain":
      return { order: "undrain" };
    case "weight":
      return { order: "weight", weight: request.weight };
  }
}

function wordOf(order: BalanceOrder): string {
  switch (order.order) {
    case "drain":
      return "Drain";
    case "undrain":
      return "End of the drain";
    case "weight":
      return order.weight === null ? "Configured weight" : `Weight ${order.weight}`;
  }
}
