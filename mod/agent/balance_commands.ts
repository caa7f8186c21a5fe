/**
 * What operators ask of virtual servers over the control socket, and what they get for an answer.
 *
 * @module
 */

import type { BalanceRequest } from "../control/balance_protocol.ts";
import { balanceStatus, type RealServerStatus } from "../control/balance_status.ts";
import type { BalanceOrder } from "../plane/balance.ts";
import type { Balancing } from "./balancing.ts";
import { wallTime } from "./clock.ts";
import { log } from "./logging.ts";

/** How a real server stands. */
export interface RealServerResult {
  readonly virtual_server: string;
  readonly real_server: RealServerStatus;
  /** Connections that its last drain has left; null: it has not been drained, or goes on. */
  readonly left: number | null;
}

/** Whether nothing changes by it. */
export function isQuestion({ command }: BalanceRequest): boolean {
  return command === "real_server";
}

/** @throws {Error} in words where it cannot be done */
export async function answerBalance(
  request: BalanceRequest,
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

function orderOf(request: Exclude<BalanceRequest, { command: "real_server" }>): BalanceOrder {
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
