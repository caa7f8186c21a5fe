/**
 * Virtual servers in what one process tells another, see `memory_schema.ts`: keys in the order in
 * which halb writes them.
 *
 * @module
 */

import * as v from "valibot";
import { GREATEST_WEIGHT, LARGEST_RANGE } from "../ipvs/mod.ts";
import { daemonRole, daemonSettings } from "./memory_balance_plan.ts";
import { count, micros, name, text, u32, vsSettings, whole } from "./memory_values.ts";

/** More than anybody balances on one host. */
const MOST_SERVERS = 65_536;
/** One of each role is what the kernel runs. */
const MOST_DAEMONS = 8;
/** Of services, with ranges of addresses. */
const MOST_SERVICES = 16 * LARGEST_RANGE;

const drain = v.nullable(v.strictObject({
  since: micros,
  until: v.nullable(micros),
  done: v.exactOptional(v.boolean()),
  counted: v.exactOptional(v.nullable(v.strictObject({ active: count, inactive: count }))),
}));

/** What a server says about its weight. */
export const opinion = v.strictObject({
  kind: v.picklist(["absolute", "percent", "add"]),
  value: v.pipe(v.number(), v.finite()),
});

const realServer = v.strictObject({
  name,
  up: v.boolean(),
  undecided: v.exactOptional(v.literal(true)),
  since: micros,
  transitions: count,
  override: v.nullable(whole(0, GREATEST_WEIGHT)),
  drain,
  risingSince: v.nullable(micros),
});

const names = v.pipe(v.array(text), v.maxLength(MOST_SERVICES));

const virtualServer = v.strictObject({
  name,
  met: v.boolean(),
  since: micros,
  transitions: count,
  servers: v.pipe(v.array(realServer), v.maxLength(MOST_SERVERS)),
});

const originals = v.strictObject({
  timeouts: v.nullable(v.strictObject({ tcp: u32, tcpFin: u32, udp: u32 })),
  settings: vsSettings,
});

const daemon = v.strictObject({ role: daemonRole, ...daemonSettings });

/** Virtual servers with those of their real servers that operators have said something about. */
export const orderedServers = v.pipe(v.array(virtualServer), v.maxLength(MOST_SERVERS));

/** What a check has said. */
export const checkFinding = v.strictObject({
  check: text,
  health: v.picklist(["up", "down"]),
  reason: text,
  weight: v.nullable(opinion),
});

export const checkFindings = v.pipe(v.array(checkFinding), v.maxLength(MOST_SERVERS));

/** What the balancer remembers: a `BalanceMemory`. */
export const balanceMemory = v.strictObject({
  servers: orderedServers,
  checks: checkFindings,
  own: names,
  originals: v.exactOptional(originals),
});

/** What is written down for the case that we are killed: a `BalanceNote`. */
export const balanceNote = v.strictObject({
  namespace: text,
  own: names,
  originals,
  daemons: v.pipe(v.array(daemon), v.maxLength(MOST_DAEMONS)),
});

/** Lines of lists by command, by virtual server. */
export const serverLists = v.record(name, v.pipe(v.array(text), v.maxLength(MOST_SERVERS)));
