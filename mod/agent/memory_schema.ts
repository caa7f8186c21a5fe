/**
 * What one process may tell another one, as schemas: every value is checked before it is believed,
 * for a file can be corrupt and a program can be another version.
 *
 * Keys stand in the order in which halb writes them, so that what was read compares equal to what
 * is planned anew. Who adds a field to a router, a plan or a memory adds it here: as optional where
 * a version that does not know it may be the one that hands over, else with another `FORMAT`.
 *
 * @module
 */

import * as v from "valibot";
import { address, count, interfaceName, micros, name, text, u32, whole } from "./memory_values.ts";
import { MAX_ROUTERS } from "../plane/shared.ts";
import { balanceMemory, opinion } from "./memory_balance.ts";
import { balancePlan } from "./memory_balance_plan.ts";
import { bfdMemories, bfdPlan } from "./memory_bfd.ts";
import { heldAddress, heldRoute, heldRule } from "./memory_holdings.ts";
import { TRACKER_KINDS } from "../vrrp/mod.ts";

const mac = v.pipe(v.string(), v.regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/));
export const contribution = whole(-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
const slot = whole(0, MAX_ROUTERS - 1);
const family = v.picklist(["ipv4", "ipv6"]);
export const version = v.picklist([2, 3]);
export const rule = v.picklist(["rfc9568", "rfc5798", "none"]);

/** Health checks; more than anybody has on one host. */
const checkMemories = v.pipe(
  v.array(v.strictObject({
    check: text,
    health: v.picklist(["up", "down"]),
    reason: text,
    weight: v.nullable(opinion),
    target: text,
    since: micros,
    transitions: count,
    lastError: v.nullable(v.strictObject({ reason: text, at: micros })),
  })),
  v.maxLength(100_000),
);

export const trackerKind = v.picklist(TRACKER_KINDS);
const thing = { kind: trackerKind, namespace: text, name };
const finding = v.strictObject({ healthy: v.boolean(), reason: text });

export const settings = v.strictObject({
  name,
  version,
  family,
  version2: v.boolean(),
  virtualRouterId: whole(1, 255),
  priority: whole(1, 255),
  advertisementInterval: whole(10_000, 255_000_000),
  addresses: v.array(address),
  preempt: v.boolean(),
  preemptDelay: micros,
  downAdverts: whole(1, 100),
  answersLowerPriority: v.boolean(),
  advertisesBeforeYielding: v.boolean(),
  ownerIgnoresAdverts: v.boolean(),
  checksum: v.picklist(["auto", "rfc9568", "rfc5798", "ignore"]),
  unicast: v.exactOptional(v.literal(true)),
});

const ttl = whole(1, 255);

const protocolRouter = v.strictObject({
  router: v.exactOptional(name),
  slot,
  namespace: text,
  interface: interfaceName,
  source: v.exactOptional(address),
  group: v.exactOptional(address),
  unicast: v.exactOptional(v.strictObject({
    peers: v.array(v.strictObject({
      address,
      minTtl: v.exactOptional(ttl),
      maxTtl: v.exactOptional(ttl),
    })),
    ttl,
    checkSource: v.boolean(),
  })),
  vrf: v.exactOptional(interfaceName),
  virtualInterface: v.exactOptional(interfaceName),
  sourceMac: v.exactOptional(mac),
  trackers: v.array(v.strictObject({
    kind: trackerKind,
    name,
    weight: whole(-0x7fff_ffff, 0x7fff_ffff),
    reverse: v.exactOptional(v.literal(true)),
  })),
  trackOwn: v.exactOptional(v.literal(false)),
  authentication: v.exactOptional(v.picklist(["pass", "ah", "hmac"])),
  settings,
});

const kernelRouter = v.strictObject({
  name,
  slot,
  namespace: text,
  addresses: v.array(heldAddress),
  routes: v.exactOptional(v.array(heldRoute)),
  rules: v.exactOptional(v.array(heldRule)),
  always: v.exactOptional(v.literal(true)),
  decidedBy: v.exactOptional(v.literal("balancer")),
  lease: whole(0, 0xffff_ffff),
  announce: v.strictObject({
    repeat: count,
    delay: micros,
    refresh: micros,
    refreshRepeat: count,
    interval: micros,
    neighbourInterval: v.exactOptional(micros),
    lowerPriority: v.exactOptional(v.strictObject({ repeat: count, delay: micros })),
    form: v.exactOptional(v.picklist(["request", "reply", "both"])),
    elsewhere: v.exactOptional(v.strictObject({ home: interfaceName, refresh: micros })),
  }),
  virtualLinks: v.exactOptional(v.array(v.strictObject({
    name: interfaceName,
    base: interfaceName,
    type: v.picklist(["macvlan", "ipvlan"]),
    mac: v.exactOptional(mac),
  }))),
  accept: v.exactOptional(v.literal(false)),
  promoteSecondaries: v.exactOptional(v.literal(true)),
});

export const groupSettings = v.strictObject({
  name,
  members: v.pipe(v.array(name), v.maxLength(MAX_ROUTERS)),
  need: v.union([v.picklist(["all", "any"]), whole(1, MAX_ROUTERS)]),
  sessions: v.exactOptional(v.pipe(v.array(v.array(name)), v.maxLength(MAX_ROUTERS))),
});

/** What the planes were told: a `SitePlan`. */
export const planSchema = v.strictObject({
  routers: v.pipe(v.array(protocolRouter), v.maxLength(MAX_ROUTERS)),
  holdings: v.pipe(v.array(kernelRouter), v.maxLength(MAX_ROUTERS)),
  statics: v.exactOptional(kernelRouter),
  groups: v.optional(v.pipe(v.array(groupSettings), v.maxLength(MAX_ROUTERS)), () => []),
  interfaces: v.array(v.strictObject({
    namespace: text,
    name: interfaceName,
    groups: v.array(text),
  })),
  announceGroups: v.exactOptional(v.array(v.strictObject({
    namespace: text,
    interfaces: v.array(interfaceName),
    interval: micros,
    neighbourInterval: micros,
  }))),
  // An agent that knows no trackers but interfaces leaves them out.
  delays: v.optional(v.array(v.strictObject({ ...thing, up: micros, down: micros })), []),
  presences: v.optional(
    v.array(v.union([
      v.strictObject({
        ...thing,
        kind: v.literal("route"),
        to: address,
        prefixLength: whole(0, 128),
        table: whole(1, 0xffff_ffff),
        via: v.exactOptional(address),
        interface: v.exactOptional(interfaceName),
      }),
      v.strictObject({
        ...thing,
        kind: v.literal("address"),
        address,
        interface: v.exactOptional(interfaceName),
      }),
    ])),
    [],
  ),
  bfd: v.exactOptional(bfdPlan),
  balance: v.exactOptional(balancePlan),
  announced: v.exactOptional(v.pipe(v.array(kernelRouter), v.maxLength(MAX_ROUTERS))),
});

const timer = v.strictObject({
  name: v.picklist(["advertisement", "master_down", "release"]),
  generation: count,
  at: micros,
});

const checksum = v.strictObject({
  sending: v.picklist(["rfc9568", "rfc5798"]),
  streak: count,
  changed: v.nullable(micros),
});

const peer = v.strictObject({
  address,
  priority: whole(0, 255),
  lastHeard: micros,
  checksum: rule,
  version,
  interval: micros,
  sending: v.exactOptional(checksum),
});

const stamp = v.strictObject({ seconds: u32, fraction: u32 });
/** More than a router remembers of them. */
const MOST_SENDERS = 64;

function senders<T extends v.GenericSchema>(sender: T) {
  return v.pipe(v.array(sender), v.maxLength(MOST_SENDERS));
}

const authentication = v.strictObject({
  header: v.strictObject({ sequence: v.nullable(whole(0, Number.MAX_SAFE_INTEGER)) }),
  hmac: v.strictObject({
    sent: v.nullable(stamp),
    marks: senders(v.strictObject({ source: address, stamp, keyId: whole(1, 255) })),
    floor: v.nullable(stamp),
    suspects: senders(v.strictObject({
      source: address,
      stamp,
      streak: count,
      ahead: whole(-0x8000_0000, 0x7fff_ffff),
      heard: micros,
    })),
    skewed: senders(address),
  }),
  anchor: v.nullable(v.strictObject({ wall: micros, monotonic: micros })),
});

export const router = v.strictObject({
  settings,
  state: v.picklist(["init", "backup", "master", "fault"]),
  since: micros,
  transitions: count,
  waitingFor: v.array(text),
  contribution,
  source: v.nullable(address),
  masterInterval: micros,
  master: v.nullable(v.strictObject({ address, priority: whole(0, 255) })),
  timer: v.nullable(timer),
  generation: count,
  timerBase: whole(-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  wait: v.picklist(["down", "skew", "listen"]),
  graceUsed: v.boolean(),
  healthySince: micros,
  preemptAt: v.nullable(micros),
  releasing: v.boolean(),
  epoch: whole(0, 0x7fff_ffff),
  lastSent: v.nullable(micros),
  lastAnswered: v.nullable(micros),
  lastAdvert: v.nullable(v.strictObject({ to: address, heard: count, at: micros })),
  ownerConflict: v.nullable(v.strictObject({ since: micros, last: micros })),
  demoted: v.boolean(),
  lastAnnounced: v.nullable(micros),
  announceOwed: v.boolean(),
  peers: v.array(peer),
  checksum,
  authentication: v.exactOptional(authentication),
  complained: v.strictObject({
    address_list_mismatch: v.exactOptional(micros),
    not_link_local: v.exactOptional(micros),
    interval_mismatch: v.exactOptional(micros),
    checksum_contradiction: v.exactOptional(micros),
    owner_conflict: v.exactOptional(micros),
    duplicate_source: v.exactOptional(micros),
  }),
});

const groupMemory = v.strictObject({
  settings: groupSettings,
  state: v.picklist(["init", "backup", "master", "fault"]),
  since: micros,
  override: v.nullable(v.picklist(["release", "claim"])),
  until: v.nullable(micros),
  members: v.pipe(
    v.array(v.strictObject({
      name,
      health: v.nullable(v.strictObject({
        type: v.literal("health"),
        waitingFor: v.array(text),
        source: v.nullable(address),
        contribution,
      })),
      expired: v.boolean(),
      lonely: v.exactOptional(v.boolean()),
      rival: v.nullable(v.strictObject({ since: micros, last: micros })),
    })),
    v.maxLength(MAX_ROUTERS),
  ),
});

/** What the routers remember, and what was counted of each. */
export const memorySchema = v.strictObject({
  routers: v.pipe(v.array(router), v.maxLength(MAX_ROUTERS)),
  groups: v.exactOptional(v.pipe(v.array(groupMemory), v.maxLength(MAX_ROUTERS))),
  silentSince: micros,
  trackers: v.optional(
    v.array(v.strictObject({
      ...thing,
      believed: finding,
      pending: v.nullable(v.strictObject({ finding, at: micros })),
      value: v.exactOptional(whole(-0x7fff_ffff, 0x7fff_ffff)),
    })),
    [],
  ),
  bfd: v.exactOptional(bfdMemories),
  counters: v.record(name, v.record(name, count)),
  unread: v.exactOptional(v.array(text)),
  balance: v.exactOptional(balanceMemory),
  checks: v.exactOptional(checkMemories),
});
