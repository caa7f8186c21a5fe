/**
 * What happens to virtual and real servers, as records of log. Pure.
 *
 * @module
 */

import type { BalanceStep } from "../plane/balance.ts";
import type { LogRecord } from "../plane/messages.ts";

/** The record of one step: what matters to somebody who is woken by it is a warning. */
export function stepRecord({ server, what }: BalanceStep): LogRecord {
  const record = (
    level: LogRecord["level"],
    message: string,
    properties: NonNullable<LogRecord["properties"]>,
  ): LogRecord => ({ type: "log", level, category: ["ipvs", server], message, properties });
  switch (what.kind) {
    case "real_server": {
      const { realServer, state, reason } = what;
      const level = state === "down" ? "warning" : "info";
      return record(level, `Real server ${realServer} is ${state}`, { reason });
    }
    case "quorum": {
      const [level, word] = what.met ? ["info", "met"] as const : ["error", "lost"] as const;
      return record(level, `The quorum is ${word}`, { reason: what.reason });
    }
    case "active": {
      const word = what.active ? "in the kernel's table" : "no longer in the kernel's table";
      return record("info", `Virtual server is ${word}`, { reason: what.reason });
    }
    case "drained": {
      const { realServer, connections } = what;
      const left = connections === 0 ? "its connections are over" : "its time is over";
      return record("info", `Real server ${realServer} is drained: ${left}`, { connections });
    }
  }
}
