/**
 * Virtual and real servers as the balancer takes them, with what most tests do not ask for.
 *
 * @module
 */

import {
  type Balance,
  type BalanceSlice,
  joinSlices,
  type MachineMemory,
  type RealServerSettings,
  sliceBalance,
  type Statistics,
  type VirtualServerReport,
  type VirtualServerSettings,
} from "../../mod/balance/mod.ts";
import type { RealServer } from "../../mod/ipvs/mod.ts";
import type { BalancePlan } from "../../mod/plane/balance.ts";

/** A real server by NAT, with weight 1. */
export function serverOf(address: string, more: Partial<RealServer> = {}): RealServer {
  return {
    address,
    forward: "nat",
    tunnel: null,
    weight: 1,
    upperThreshold: 0,
    lowerThreshold: 0,
    ...more,
  };
}

/** A real server without checks. */
export function realServerOf(
  name: string,
  server: RealServer,
  more: Partial<RealServerSettings> = {},
): RealServerSettings {
  return {
    name,
    server,
    checks: [],
    require: "all",
    onFailure: "remove",
    startDown: false,
    slowStart: 0,
    drainTimeout: 0,
    ...more,
  };
}

/** A virtual server on TCP port 80, with `wlc`. */
export function virtualServerOf(
  name: string,
  address: string,
  servers: readonly RealServerSettings[],
  more: Partial<VirtualServerSettings> = {},
): VirtualServerSettings {
  return {
    name,
    listen: [{ protocol: "tcp", address, port: 80 }],
    service: {
      scheduler: "wlc",
      schedulerFlags: 0,
      onePacket: false,
      persistence: null,
      engine: "",
    },
    follow: [],
    quorum: 1,
    hysteresis: 0,
    sorryServer: null,
    announce: false,
    servers,
    ...more,
  };
}

/** These virtual servers and nothing else, removed at the end. */
export function planOf(
  servers: readonly VirtualServerSettings[],
  more: Partial<BalancePlan> = {},
): BalancePlan {
  return {
    namespace: "",
    servers,
    announce: [],
    syncDaemons: [],
    settings: {},
    flush: false,
    onStop: "remove",
    ...more,
  };
}

function whole(balance: Balance, now: number, statistics?: Statistics): BalanceSlice {
  return joinSlices([...sliceBalance(balance, now, statistics, Infinity)]);
}

/** How all virtual servers stand, in one part. */
export function reportBalance(
  balance: Balance,
  now: number,
  statistics?: Statistics,
): readonly VirtualServerReport[] {
  return whole(balance, now, statistics).servers;
}

/** What is remembered, in one part. */
export function rememberBalance(balance: Balance): MachineMemory {
  return whole(balance, 0).memory;
}
