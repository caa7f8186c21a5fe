/**
 * What an agent remembers beyond its process: for another process that takes over while this one
 * lives, and in a file for the one that is started after it (`on_stop = "keep"`). One format for
 * both, with a number; what does not fit is refused in words and never believed in part.
 *
 * Times are on CLOCK_MONOTONIC, which all processes of one boot share: the boot's id stands beside.
 *
 * @module
 */

import * as v from "valibot";
import { readText } from "../../ffi/mod.ts";
import type { CheckMemory } from "../check/board.ts";
import type { BalanceMemory } from "../plane/balance.ts";
import type { Memory } from "../plane/hand_over.ts";
import { remoteDetectionTime } from "../bfd/mod.ts";
import { VERSION } from "../version.ts";
import { masterDown, type Router } from "../vrrp/mod.ts";
import { memorySchema, planSchema } from "./memory_schema.ts";
import type { SitePlan } from "./site_plan.ts";

/** The format that is written, and the only one that is read. */
export const FORMAT = 2;

/** Longest document that is read, bytes. */
export const LONGEST_DOCUMENT = 256 * 1024 * 1024;

/** What routers remember, with the counts of each by name. */
export interface AgentMemory extends Memory {
  readonly counters: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Paths of FIFOs whose readers were not told everything. */
  readonly unread?: readonly string[];
  /** Virtual servers; absent: there are none. */
  readonly balance?: BalanceMemory;
  /** Health checks; absent: nothing is known of any. */
  readonly checks?: readonly CheckMemory[];
}

/** An agent's plan and memory. */
export interface AgentDocument {
  readonly format: number;
  readonly version: string;
  readonly pid: number;
  /** Of the running kernel. */
  readonly boot: string;
  readonly plan: SitePlan;
  readonly memory: AgentMemory;
}

const documentSchema = v.strictObject({
  format: v.literal(FORMAT),
  version: v.pipe(v.string(), v.maxLength(100)),
  pid: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  boot: v.pipe(v.string(), v.maxLength(100)),
  plan: planSchema,
  memory: memorySchema,
});

/** The document is not believed, and why, in words. */
export class RefusedDocument extends Error {
  override readonly name = "RefusedDocument";
}

/** The document of an agent with this plan and memory, keys in the order of the schema. */
export function documentOf(
  plan: SitePlan,
  memory: Omit<AgentMemory, "balance" | "checks">,
  balance?: BalanceMemory,
  checks: readonly CheckMemory[] = [],
): AgentDocument {
  const { routers, groups = [], silentSince, trackers = [], bfd = [], counters } = memory;
  const { unread } = memory;
  const { pid } = Deno;
  return {
    format: FORMAT,
    version: VERSION,
    pid,
    boot: bootId(),
    plan,
    memory: {
      routers,
      groups,
      silentSince,
      trackers,
      // A version that knows no BFD must be able to take over.
      ...(bfd.length === 0 ? {} : { bfd }),
      counters,
      ...(unread === undefined ? {} : { unread }),
      ...(balance === undefined ? {} : { balance }),
      ...(checks.length === 0 ? {} : { checks }),
    },
  };
}

/** Id of this boot. @throws {SystemError} */
export function bootId(): string {
  return readText("/proc/sys/kernel/random/boot_id").trim();
}

/** @param boot the present one's id @throws {RefusedDocument} */
export function readDocument(data: unknown, boot: string): AgentDocument {
  if (typeof data !== "object" || data === null || !("format" in data)) {
    throw new RefusedDocument("it is no memory of halb");
  }
  if (data.format !== FORMAT) {
    const format = JSON.stringify(data.format)?.slice(0, 100);
    throw new RefusedDocument(`its format is ${format}, and this version reads ${FORMAT}`);
  }
  const document: AgentDocument = checked(documentSchema, data);
  if (document.boot !== boot) throw new RefusedDocument("it is from before the last boot");
  return { ...document, memory: ofPlan(document.memory, document.plan) };
}

/** @throws {RefusedDocument} */
export function readMemory(data: unknown, plan: SitePlan): AgentMemory {
  return ofPlan(checked(memorySchema, data), plan);
}

/** @param json JSON text @throws {RefusedDocument} */
export function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new RefusedDocument("it is not JSON");
  }
}

function checked<T>(schema: v.GenericSchema<unknown, T>, data: unknown): T {
  const result = v.safeParse(schema, data, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new RefusedDocument(`"${v.getDotPath(issue) ?? ""}" is wrong: ${issue.message}`);
}

/** Who is not in the plan cannot go on; the names of a plan are its own. */
function ofPlan(memory: AgentMemory, plan: SitePlan): AgentMemory {
  const planned = new Map(plan.routers.map((router) => [router.settings.name, router]));
  const slots = new Set(plan.holdings.map(({ slot }) => slot));
  const same = plan.holdings.length === plan.routers.length && slots.size === plan.routers.length &&
    plan.holdings.every(({ name, slot }) => planned.get(name)?.slot === slot);
  if (!same) throw new RefusedDocument("its two lists of routers differ");
  const routers = memory.routers.filter(({ settings }) => planned.has(settings.name));
  const members = plan.groups.flatMap((group) => group.members);
  if (new Set(members).size < members.length || !members.every((name) => planned.has(name))) {
    throw new RefusedDocument("its groups are not of its routers");
  }
  return { ...memory, routers };
}

/**
 * The document without routers whose last advert is older than their master-down interval, and
 * without BFD sessions whose other side has missed them by now: they begin anew.
 */
export function stillValid(document: AgentDocument, now: number): AgentDocument {
  const { plan, memory } = document;
  const young = memory.routers.filter((router) => now - memory.silentSince < patience(router));
  const bfd = (memory.bfd ?? []).filter(({ session }) =>
    session.state === "up" && now - memory.silentSince < remoteDetectionTime(session)
  );
  const names = new Set(young.map(({ settings }) => settings.name));
  return {
    ...document,
    plan: {
      ...plan,
      routers: plan.routers.filter(({ settings }) => names.has(settings.name)),
      holdings: plan.holdings.filter(({ name }) => names.has(name)),
      groups: plan.groups
        .map((group) => ({ ...group, members: group.members.filter((name) => names.has(name)) }))
        .filter(({ members }) => members.length > 0),
    },
    memory: { ...memory, routers: young, ...(memory.bfd === undefined ? {} : { bfd }) },
  };
}

function patience(router: Router): number {
  const { settings, state, masterInterval } = router;
  const interval = state === "master" ? settings.advertisementInterval : masterInterval;
  return masterDown(router, interval);
}
