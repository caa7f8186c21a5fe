/**
 * What may be in a recording: memories and inputs of the machines, as schemas. Decisions are compared
 * and shown, and never acted upon.
 *
 * @module
 */

import * as v from "valibot";
import { MOST_ALIKE, MOST_STEPS } from "../../record/types.ts";
import {
  diagnostic,
  discriminator,
  interval,
  octet,
  session,
  sessionSettings,
  sessionState,
} from "../memory_bfd.ts";
import {
  contribution,
  groupSettings,
  router as routerMemory,
  rule,
  settings,
  version,
} from "../memory_schema.ts";
import {
  poolEvent,
  poolMemory,
  scriptEvent,
  scriptMemory,
  trackersEvent,
  verdictEvent,
  verdictMemory,
} from "./recording_verdicts.ts";
import { address, count, micros, name, text, u32, whole } from "../memory_values.ts";

// ===== virtual routers, and groups ===============================================================

const health = v.strictObject({
  type: v.literal("health"),
  waitingFor: v.array(text),
  contribution,
  source: v.nullable(address),
});

const routerEvent = v.variant("type", [
  health,
  v.strictObject({
    type: v.literal("advertisement"),
    advertisement: v.strictObject({
      version,
      source: address,
      virtualRouterId: whole(0, 255),
      priority: whole(0, 255),
      interval: micros,
      addresses: v.array(address),
      checksum: rule,
    }),
  }),
  v.strictObject({ type: v.literal("timer") }),
  v.strictObject({ type: v.literal("stall"), length: micros }),
  v.strictObject({ type: v.literal("configure"), settings }),
  v.strictObject({ type: v.literal("stop"), now: v.boolean() }),
  v.strictObject({
    type: v.literal("resume"),
    age: micros,
    exact: v.exactOptional(v.boolean()),
  }),
]);

const groupEvent = v.variant("type", [
  v.strictObject({ type: v.literal("member"), name, event: routerEvent }),
  v.strictObject({ type: v.literal("release"), until: v.nullable(micros) }),
  v.strictObject({ type: v.literal("claim") }),
  v.strictObject({ type: v.literal("timer") }),
]);

const groupMemory = v.pipe(
  v.strictObject({
    settings: groupSettings,
    members: v.array(v.strictObject({
      router: routerMemory,
      settings,
      health: v.nullable(health),
      expired: v.boolean(),
      rival: v.nullable(v.strictObject({ since: micros, last: micros })),
      lonely: v.boolean(),
      stopping: v.boolean(),
    })),
    state: v.picklist(["init", "backup", "master", "fault"]),
    since: micros,
    override: v.nullable(v.picklist(["release", "claim"])),
    until: v.nullable(micros),
  }),
  v.check(
    ({ settings: { members }, members: all }) =>
      members.length === all.length && members.every((one, i) => all[i]!.settings.name === one),
    "its members are not those of its settings",
  ),
);

// ===== BFD sessions ==============================================================================

const sessionEvent = v.variant("type", [
  v.strictObject({
    type: v.literal("packet"),
    packet: v.strictObject({
      state: sessionState,
      diagnostic,
      poll: v.boolean(),
      final: v.boolean(),
      demand: v.boolean(),
      detectMultiplier: octet,
      myDiscriminator: discriminator,
      yourDiscriminator: discriminator,
      desiredMinTx: interval,
      requiredMinRx: interval,
      requiredMinEchoRx: interval,
    }),
  }),
  v.strictObject({ type: v.literal("timer") }),
  v.strictObject({ type: v.literal("stall"), length: micros }),
  v.strictObject({ type: v.literal("configure"), settings: sessionSettings }),
  v.strictObject({ type: v.literal("admin"), down: v.boolean() }),
  v.strictObject({ type: v.literal("stop"), now: v.boolean() }),
  v.strictObject({
    type: v.literal("echo"),
    active: v.boolean(),
    confirmed: v.exactOptional(v.literal(true)),
  }),
  v.strictObject({
    type: v.literal("echo_failed"),
    hold: v.exactOptional(micros),
    failures: v.exactOptional(count),
  }),
  v.strictObject({ type: v.literal("forwarding_reset") }),
  v.strictObject({ type: v.literal("concatenated"), diagnostic: v.picklist([0, 6, 8]) }),
  v.strictObject({ type: v.literal("resume"), age: micros }),
]);

// ===== segments ==================================================================================

const common = {
  /** Longer than that of a router: a check without a name is known by what it asks. */
  name: v.pipe(text, v.nonEmpty()),
  follows: v.boolean(),
  decisions: v.pipe(
    v.array(v.array(v.looseObject({ type: v.string() }))),
    v.maxLength(MOST_ALIKE),
  ),
  begin: micros,
  steps: v.pipe(
    v.array(v.strictTuple([micros, whole(0, MOST_ALIKE - 1), whole(0, MOST_ALIKE - 1)])),
    v.minLength(1),
    v.maxLength(MOST_STEPS),
  ),
};

/** Memory and inputs of one kind of machine. */
function machine<
  Kind extends string,
  Memory extends v.GenericSchema,
  Input extends v.GenericSchema,
>(kind: Kind, memory: Memory, input: Input) {
  const inputs = v.pipe(v.array(input), v.maxLength(MOST_ALIKE));
  return { kind: v.literal(kind), ...common, memory, inputs };
}

/** One line of a recording but the first. */
export const segmentSchema = v.pipe(
  v.variant("kind", [
    v.strictObject(machine("router", routerMemory, routerEvent)),
    v.strictObject(machine("group", groupMemory, groupEvent)),
    v.strictObject({
      ...machine("bfd", session, sessionEvent),
      chance: v.pipe(v.array(u32), v.maxLength(MOST_STEPS)),
    }),
    v.strictObject(machine("check", verdictMemory, verdictEvent)),
    v.strictObject(machine("script", scriptMemory, scriptEvent)),
    v.strictObject(machine("trackers", v.null(), trackersEvent)),
    v.strictObject(machine("virtual_server", poolMemory, poolEvent)),
  ]),
  v.check(
    ({ inputs, decisions, steps }) =>
      steps.every(([, input, decision]) => input < inputs.length && decision < decisions.length),
    "a step has an input or a decision that is not there",
  ),
  v.check(
    ({ begin, steps }) => Number.isSafeInteger(steps.reduce((at, [since]) => at + since, begin)),
    "its times are too large",
  ),
  v.check(
    (one) => one.kind !== "bfd" || one.chance.length === one.steps.length,
    "its steps and their chance are not as many",
  ),
);
