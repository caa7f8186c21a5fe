/**
 * What may be in a recording of health checks, trackers and virtual servers, as schemas.
 *
 * @module
 */

import * as v from "valibot";
import { GREATEST_WEIGHT } from "../../ipvs/mod.ts";
import { checkFinding, checkFindings } from "../memory_balance.ts";
import { virtualServer } from "../memory_balance_plan.ts";
import { trackerKind } from "../memory_schema.ts";
import { count, micros, name, text, whole } from "../memory_values.ts";

const health = v.picklist(["up", "down"]);
const finite = v.pipe(v.number(), v.finite());
const positive = whole(1, Number.MAX_SAFE_INTEGER);

// ===== health checks =============================================================================

export const verdictMemory = v.strictObject({
  settings: v.strictObject({
    rise: positive,
    fall: positive,
    holdDown: micros,
    damping: v.nullable(v.strictObject({
      suppress: finite,
      reuse: finite,
      halfLife: positive,
      longest: positive,
    })),
  }),
  state: health,
  since: micros,
  probed: v.boolean(),
  streak: v.strictObject({ result: v.picklist(["passed", "failed"]), count }),
  held: v.nullable(v.picklist(["hold-down", "flapping"])),
  voids: count,
  points: finite,
  pointsAt: micros,
  flapping: v.boolean(),
  last: v.nullable(v.strictObject({ warnings: v.array(text) })),
  lastError: v.nullable(v.strictObject({ reason: text, at: micros })),
  counters: v.strictObject({ passed: count, failed: count, voided: count, transitions: count }),
});

export const verdictEvent = v.variant("type", [v.strictObject({
  type: v.literal("outcome"),
  result: v.picklist(["passed", "failed", "void", "unasked"]),
  reason: text,
  warnings: v.array(text),
})]);

// ===== trackers ==================================================================================

export const scriptMemory = v.strictObject({
  rule: v.strictObject({ rise: positive, fall: positive, startFailed: v.boolean() }),
  verdict: v.strictObject({
    healthy: v.nullable(v.boolean()),
    reason: text,
    streak: count,
    since: micros,
  }),
});

export const scriptEvent = v.strictObject({
  type: v.literal("result"),
  healthy: v.boolean(),
  reason: text,
});

export const trackersEvent = v.strictObject({
  type: v.literal("found"),
  members: v.array(v.array(v.strictObject({
    kind: trackerKind,
    name,
    weight: whole(-0x7fff_ffff, 0x7fff_ffff),
    reverse: v.exactOptional(v.literal(true)),
    healthy: v.boolean(),
    reason: text,
    value: v.exactOptional(whole(-0x7fff_ffff, 0x7fff_ffff)),
  }))),
});

// ===== virtual servers ===========================================================================

const weight = whole(0, GREATEST_WEIGHT);
const connections = { active: count, inactive: count };

export const poolMemory = v.pipe(
  v.strictObject({
    settings: virtualServer,
    active: v.boolean(),
    met: v.boolean(),
    since: micros,
    transitions: count,
    total: count,
    announced: v.boolean(),
    servers: v.array(v.strictObject({
      twin: v.boolean(),
      healthy: v.boolean(),
      reason: text,
      weight,
      override: v.nullable(weight),
      drain: v.nullable(v.strictObject({
        since: micros,
        until: v.nullable(micros),
        done: v.boolean(),
        counted: v.nullable(v.strictObject(connections)),
      })),
      risingSince: v.nullable(micros),
      state: v.picklist(["up", "down", "draining"]),
      undecided: v.boolean(),
      since: micros,
      transitions: count,
      placed: v.nullable(weight),
      share: count,
    })),
    rising: v.array(text),
    draining: v.array(text),
    held: v.array(name),
    findings: checkFindings,
  }),
  v.check(
    ({ settings, servers }) => settings.servers.length === servers.length,
    "its servers are not those of its settings",
  ),
);

const server = { server: name, realServer: text };

export const poolEvent = v.variant("type", [
  v.strictObject({ type: v.literal("check"), finding: checkFinding }),
  v.strictObject({ type: v.literal("holding"), holding: name, held: v.boolean() }),
  v.strictObject({
    type: v.literal("order"),
    ...server,
    what: v.variant("order", [
      v.strictObject({ order: v.literal("drain"), timeout: v.nullable(finite) }),
      v.strictObject({ order: v.literal("undrain") }),
      v.strictObject({ order: v.literal("weight"), weight: v.nullable(finite) }),
    ]),
  }),
  v.strictObject({
    type: v.literal("connections"),
    counts: v.array(v.strictObject({ ...server, ...connections })),
  }),
  v.strictObject({ type: v.literal("timer"), tick: micros }),
]);
