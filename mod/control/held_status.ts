/**
 * What is held, in the status document: addresses, routes and rules, each with what keeps it away.
 *
 * @module
 */

import { describeRoute, describeRule } from "../netlink/mod.ts";
import type { AddressReport, KernelRouter, ObjectReport } from "../plane/messages.ts";

/** What a router, or `[static]`, is to hold, and what is known of it. */
export interface HeldFacts {
  readonly holding: KernelRouter | undefined;
  readonly report: AddressReport | undefined;
}

/** A route or rule in words of `ip`. */
export interface ObjectStatus {
  readonly text: string;
  /** The kernel has it. */
  readonly held: boolean;
  /** Why it is not held though it should be; null: nothing is wrong. */
  readonly reason: string | null;
}

/** What the sessions of one router hold together; the first holds what is of no family. */
export function mergeFacts(all: readonly HeldFacts[]): HeldFacts {
  const [first = { holding: undefined, report: undefined }] = all;
  if (all.length < 2) return first;
  const reports = all.flatMap(({ report }) => report ?? []);
  const { holding, report = reports[0] } = first;
  const trouble = reports.find(({ virtualMacProblem }) => virtualMacProblem !== undefined);
  const links = all.flatMap((one) => one.holding?.virtualLinks ?? []);
  return {
    holding: holding && {
      ...holding,
      addresses: all.flatMap((one) => one.holding?.addresses ?? []),
      ...(links.length === 0 ? {} : { virtualLinks: links }),
    },
    report: report && {
      ...report,
      ...(trouble === undefined ? {} : { virtualMacProblem: trouble.virtualMacProblem }),
      present: reports.flatMap(({ present }) => present),
      failed: reports.flatMap(({ failed }) => failed),
      duplicates: reports.flatMap(({ duplicates = [] }) => duplicates),
      repairs: reports.reduce((sum, { repairs }) => sum + repairs, 0),
      announcements: reports.reduce((sum, { announcements }) => sum + announcements, 0),
    },
  };
}

/** What a router's status says of what it holds. */
export function heldStatus({ holding, report }: HeldFacts, wallTime: (at: number) => string) {
  const addresses = holding?.addresses ?? [];
  const texts = (excluded: boolean) =>
    addresses.filter((held) => (held.excluded === true) === excluded)
      .map((held) => `${held.address}/${held.prefixLength}`);
  return {
    addresses: texts(false),
    excluded_addresses: texts(true),
    virtual_mac: virtualMacOf(holding),
    virtual_mac_problem: report?.virtualMacProblem ?? null,
    address_lease_ms: (holding?.lease ?? 0) * 1000,
    addresses_held: report?.present ?? [],
    addresses_failed: report?.failed ?? [],
    accept: holding?.accept ?? true,
    accept_problem: report?.open ?? null,
    duplicate_holders: (report?.duplicates ?? []).map(({ address, mac, since }) => ({
      address,
      mac,
      since: wallTime(since),
    })),
    ...routingStatus({ holding, report }),
    repairs: report?.repairs ?? 0,
    announcements: report?.announcements ?? 0,
  };
}

/** The interfaces that carry the addresses, one for each family; null: those of the host do. */
function virtualMacOf(holding: KernelRouter | undefined) {
  const links = holding?.virtualLinks;
  return links === undefined ? null : links.map(({ name, type, mac }) => {
    return { interface: name, type, mac: mac ?? null };
  });
}

/** What the status says of `[static]`. */
export function staticStatus({ holding, report }: HeldFacts) {
  const present = new Set(report?.present);
  return {
    addresses: (holding?.addresses ?? []).map((held) => {
      const failed = report?.failed.find(({ address }) => address === held.address);
      return {
        address: `${held.address}/${held.prefixLength}`,
        interface: held.interface,
        held: present.has(held.address),
        reason: failed?.reason ?? null,
      };
    }),
    ...routingStatus({ holding, report }),
    repairs: report?.repairs ?? 0,
  };
}

function routingStatus({ holding, report }: HeldFacts) {
  const { routes = [], rules = [] } = holding ?? {};
  return {
    routes: routes.map((route) => objectStatus(describeRoute(route), report?.routes)),
    rules: rules.map((rule) => objectStatus(describeRule(rule), report?.rules)),
  };
}

function objectStatus(text: string, report: ObjectReport | undefined): ObjectStatus {
  const failed = report?.failed.find((one) => one.text === text);
  return { text, held: report?.present.includes(text) ?? false, reason: failed?.reason ?? null };
}

/** What could not be held, a line each. @param who holds it, such as the name of a router */
export function heldTroubles(
  who: string,
  { routes, rules }: {
    readonly routes: readonly ObjectStatus[];
    readonly rules: readonly ObjectStatus[];
  },
): string[] {
  const line = (what: string) => ({ text, reason }: ObjectStatus) =>
    reason === null ? [] : [`${who} cannot hold ${what} ${text}: ${reason}`];
  return [...routes.flatMap(line("route")), ...rules.flatMap(line("rule"))];
}
