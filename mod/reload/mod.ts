/**
 * Reloads that wait: for a confirmation, or for their time. Pure.
 *
 * @module
 */

export {
  type Awaiting,
  type Due,
  type Known,
  type Moment,
  type Refused,
  ReloadMachine,
  type ReloadMemory,
  resume,
  type Resumed,
  type Scheduled,
} from "./machine.ts";
