/**
 * One event and all that comes of it. What an event changes is noted here; what follows from it
 * (sums, quorums, the wanted table) is settled once at the end, so that however much an event
 * changes, each consequence is told once.
 *
 * @module
 */

import type { VirtualServer } from "../ipvs/mod.ts";
import type {
  Balance,
  BalanceChange,
  BalanceEffect,
  Micros,
  RealServerEntry,
  VirtualServerEntry,
} from "./types.ts";
import { wantedOf } from "./wanted.ts";

/** What of a virtual server is to be looked at. */
export interface Touched {
  /** Real servers; or all. */
  readonly some: Set<RealServerEntry>;
  /** What was wanted before all of it came into question; absent: only `some` has. */
  before?: VirtualServer | null;
  /** It is new: those who track it do not know its quorum. */
  created: boolean;
}

/** One step of the machine. */
export interface Turn {
  readonly balance: Balance;
  readonly now: Micros;
  readonly touched: Map<VirtualServerEntry, Touched>;
  /** Virtual servers whose wanted table has changed, or that are gone. */
  readonly programmed: Set<string>;
  readonly withdrawn: BalanceEffect[];
  readonly steps: BalanceEffect[];
  readonly answers: BalanceEffect[];
}

export function createTurn(balance: Balance, now: Micros): Turn {
  return {
    balance,
    now,
    touched: new Map(),
    programmed: new Set(),
    withdrawn: [],
    steps: [],
    answers: [],
  };
}

function noted(turn: Turn, server: VirtualServerEntry): Touched {
  let noted = turn.touched.get(server);
  if (noted === undefined) {
    noted = { some: new Set(), created: false };
    turn.touched.set(server, noted);
  }
  return noted;
}

/** Notes that a real server is to be looked at. */
export function touch(turn: Turn, server: VirtualServerEntry, real: RealServerEntry): void {
  noted(turn, server).some.add(real);
}

/** Notes that all of a virtual server is to be looked at. Before it is changed, not after. */
export function touchWhole(turn: Turn, server: VirtualServerEntry, created = false): void {
  const note = noted(turn, server);
  if (note.before === undefined) note.before = wantedOf(server);
  if (created) note.created = true;
}

/** Notes something that happened, for events, scripts and the log. */
export function tell(turn: Turn, server: VirtualServerEntry, what: BalanceChange): void {
  turn.steps.push({ type: "step", server: server.settings.name, what });
}

/** Something is due at that time. */
export function wakeAt(balance: Balance, at: Micros): void {
  balance.due = Math.min(balance.due, at);
}
