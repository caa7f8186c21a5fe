/**
 * KEEPALIVED-MIB, read-only: what dashboards made for keepalived ask of virtual routers and sync
 * groups. Tables are counted from 1 in the order of the configuration, as keepalived does. Pure.
 *
 * @module
 */

import { oid, type Row, scalarsOf, type Table, tableOf } from "../agentx/mod.ts";
import type { RouterStatus } from "../control/status.ts";
import { gauge, inet, inetType, integer, type SnmpFacts, text, truth } from "./facts.ts";

/** The module `keepalived` below Debian's number. */
export const KEEPALIVED = oid("1.3.6.1.4.1.9586.100.5");
const GLOBAL = [...KEEPALIVED, 1];
const VRRP = [...KEEPALIVED, 2];

/** Objects that notifications name. */
export const ROUTER_ID = [...GLOBAL, 2, 0];
export const GROUP = [...VRRP, 1, 1];
export const INSTANCE = [...VRRP, 3, 1];

/** VrrpState; a router that is stopped with the agent is `shutdown`. */
export const STATES: Readonly<Record<string, number>> = {
  init: 0,
  backup: 1,
  master: 2,
  fault: 3,
  stop: 5,
  deleted: 6,
};

/** One thing of a list, by its place in it. */
export function numbered<T>(list: readonly T[], before: readonly number[] = []): Row<T>[] {
  return list.map((of, i) => ({ index: [...before, i + 1], of }));
}

/** enabled(1) or what a MIB of its own calls so, else 2. */
const either = truth;

/** The state that it begins in: who owns the addresses begins as master. */
export function initialState(router: RouterStatus): number {
  return STATES[router.priority === 255 ? "master" : "backup"]!;
}

/** none(0), password(1), ah(2): HMAC has no name there. */
function authenticationType({ sessions }: RouterStatus): number {
  const type = sessions[0]?.authentication?.type;
  return type === "pass" ? 1 : type === "ah" ? 2 : 0;
}

function globals(facts: SnmpFacts): Table {
  return scalarsOf(GLOBAL, {
    1: ({ status }) => text(`halb ${status.version}`),
    2: ({ status }) => text(status.name),
    4: ({ traps }) => either(traps),
    7: () => truth(true),
    9: () => truth(false),
    10: () => truth(true),
  }, facts);
}

function groups({ status }: SnmpFacts): Table[] {
  const all = status.sync_groups;
  return [
    tableOf(GROUP, {
      2: ({ name }) => text(name),
      3: ({ state }) => integer(STATES[state] ?? 4),
    }, () => numbered(all)),
    tableOf(
      [...VRRP, 2, 1],
      { 2: (name: string) => text(name) },
      () => all.flatMap(({ members }, i) => numbered(members, [i + 1])),
    ),
  ];
}

function instances({ status }: SnmpFacts): Table {
  return tableOf<RouterStatus>(INSTANCE, {
    2: ({ name }) => text(name),
    3: (one) => gauge(one.virtual_router_id),
    4: ({ state }) => integer(STATES[state] ?? 4),
    5: (one) => integer(initialState(one)),
    6: ({ state }) => integer(STATES[state] ?? 4),
    7: ({ priority }) => integer(priority),
    8: (one) => integer(one.effective_priority),
    9: (one) => {
      const held = new Set(one.addresses_held);
      const all = [...one.addresses, ...one.excluded_addresses];
      return either(all.every((address) => held.has(address.slice(0, address.lastIndexOf("/")))));
    },
    10: (one) => text(one.interface),
    11: () => either(true),
    12: ({ version, advertisement_interval_ms: interval }) =>
      gauge(version === 2 ? interval / 1_000 : interval / 10),
    13: ({ preempt }) => either(preempt),
    14: (one) => gauge(one.preempt_delay_ms / 1_000),
    15: (one) => integer(authenticationType(one)),
    18: (one) => text(one.sync_group ?? ""),
    27: ({ accept }) => either(accept),
    30: ({ version }) => integer(version),
  }, () => numbered(status.vrrp));
}

/** An address of a router, or of `[static]`, whose index is 0. */
interface Held {
  readonly address: string;
  readonly length: number;
  readonly interface: string;
  readonly held: boolean;
  readonly advertised: boolean;
}

function heldBy(router: RouterStatus): Held[] {
  const present = new Set(router.addresses_held);
  const made = (advertised: boolean) => (written: string): Held => {
    const end = written.lastIndexOf("/");
    const address = written.slice(0, end);
    const length = Number(written.slice(end + 1));
    const { interface: name } = router;
    return { address, length, interface: name, held: present.has(address), advertised };
  };
  return [...router.addresses.map(made(true)), ...router.excluded_addresses.map(made(false))];
}

function addresses({ status }: SnmpFacts): Table {
  return tableOf<Held>([...VRRP, 6, 1], {
    2: ({ address }) => integer(inetType(address)),
    3: ({ address }) => inet(address),
    5: ({ length }) => gauge(length),
    10: ({ held }) => either(held),
    11: ({ advertised }) => either(advertised),
  }, () => {
    const statics = status.static.addresses.map(({ address, interface: name, held }) => {
      const end = address.lastIndexOf("/");
      const length = Number(address.slice(end + 1));
      return { address: address.slice(0, end), length, interface: name, held, advertised: false };
    });
    return [
      ...numbered(statics, [0]),
      ...status.vrrp.flatMap((router, i) => numbered(heldBy(router), [i + 1])),
    ];
  });
}

/** Scripts that routers track: init(1), bad(2), good(3). */
function scripts({ status }: SnmpFacts): Table {
  return tableOf<{ readonly name: string; readonly healthy: boolean | null }>([...VRRP, 9, 1], {
    2: ({ name }) => text(name),
    6: ({ healthy }) => integer(healthy === null ? 1 : healthy ? 3 : 2),
  }, () => {
    const all = status.vrrp.flatMap(({ trackers }) => trackers)
      .filter(({ kind }) => kind === "script");
    const byName = new Map(all.map(({ name, healthy }) => [name, { name, healthy }]));
    return numbered([...byName.values()]);
  });
}

export function keepalivedTables(facts: SnmpFacts): Table[] {
  return [globals(facts), ...groups(facts), instances(facts), addresses(facts), scripts(facts)];
}
