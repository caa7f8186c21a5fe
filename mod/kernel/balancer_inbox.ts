/**
 * Which messages the balancer hears.
 *
 * @module
 */

import type { ToKernel } from "../plane/messages.ts";
import { textOf } from "../text/mod.ts";
import type { Balancer } from "./balancer.ts";
import type { Say } from "./tables.ts";

/**
 * Gives the balancer a message that concerns it; what goes wrong with it ends here, in the log.
 *
 * @returns whether it is for nobody else
 */
export function hear(balancer: Balancer, message: ToKernel, say: Say): boolean {
  try {
    return dispatch(balancer, message);
  } catch (error) {
    say("error", ["ipvs"], "Cannot carry out message", {
      message: message.type,
      id: message.id,
      error: textOf(error),
    });
    return false;
  }
}

function dispatch(balancer: Balancer, message: ToKernel): boolean {
  switch (message.type) {
    case "check":
      balancer.check(message, message.id);
      return true;
    case "order_balance":
      balancer.order(message);
      return true;
    case "query_balance":
      balancer.query(message);
      return true;
    case "balance_noted":
      balancer.noted(message.cause);
      return true;
    case "configure":
      balancer.configure(message);
      return false;
    case "hold":
    case "drop":
      balancer.decide(message.router, message.type === "hold", message.id);
      return false;
    case "rest":
      balancer.rest(message.rest);
      return false;
    case "stop":
      balancer.stop(message.keep);
      return false;
    default:
      return false;
  }
}
