/**
 * The balancer without the kernel: what is wanted of virtual servers by health, orders and quorum.
 * Start reading at `machine.ts`.
 *
 * @module
 */

export { createBalance, step, stepping } from "./machine.ts";
export {
  isNoNews,
  type Pool,
  type PoolEffect,
  poolEffects,
  type PoolEvent,
  poolEvents,
  type PoolMemory,
  poolOf,
  type PoolWeights,
  revivePool,
  stepPool,
  weightsOf,
} from "./pool.ts";
export { tellingFindings } from "./real_server.ts";
export { refuseServers } from "./refuse.ts";
export { type BalanceSlice, joinSlices, sliceBalance, type Statistics } from "./report.ts";
export type { RealServerSettings, SorryServerSettings, VirtualServerSettings } from "./settings.ts";
export type {
  Balance,
  BalanceChange,
  BalanceEffect,
  BalanceEvent,
  BalanceOrder,
  ConnectionCount,
  MachineMemory,
  RealServerReport,
  RealServerState,
  VirtualServerReport,
} from "./types.ts";
export { wantedServer } from "./wanted.ts";
