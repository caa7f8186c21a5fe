/**
 * What the planes tell, as events of the flight recorder. Pure: a message goes in, events come out.
 *
 * @module
 */

import type { EventDraft, EventType } from "../../events/mod.ts";
import { diagnosticName, stateName } from "../../control/bfd_status.ts";
import type { BalanceStep } from "../../plane/balance.ts";
import type { BfdChanged } from "../../plane/bfd.ts";
import type { CheckStep } from "../../plane/checks.ts";
import type { GroupStepRecord } from "../../plane/groups.ts";
import type { AddressReport, InterfaceChanged, InterfaceState } from "../../plane/messages.ts";
import type { LateRemark, Remark } from "../../plane/remarks.ts";
import { routerOfSession } from "../../plane/sessions.ts";
import type { StepRecord } from "../../plane/steps.ts";

/** An event and how it is kept: `folded` ones are told once and then counted. */
export interface Fact extends EventDraft {
  readonly folded?: true;
  /** When it happened, microseconds on CLOCK_MONOTONIC; absent: now. */
  readonly at?: number;
}

/** Addresses that one text names. */
const MOST_NAMED = 8;

/** What a step did to a virtual router; what the log says of it anyway is left to the log. */
export function routerFacts(step: StepRecord): Fact[] {
  const { router: session, at, event, cause } = step;
  const { prefix, ...head } = headOf("vrrp", session, at);
  const trigger = triggerOf(event);
  return step.effects.flatMap(({ id, effect }): Fact[] => {
    switch (effect.type) {
      case "transition": {
        const { from, to, reason } = effect;
        return [{
          ...head,
          level: to === "fault" ? "warning" : "info",
          event: "transition",
          text: `${prefix}${from} → ${to}`,
          cause: reason,
          from,
          to,
          id,
          ...(cause === null ? {} : { cause_id: cause }),
          details: { ...head.details, ...trigger },
        }];
      }
      case "send":
        if (effect.priority !== 0) return [];
        return [{ ...head, ...plain("resigned", `${prefix}resigns: sends priority 0`, id) }];
      case "announce": {
        const text = `${prefix}announces its addresses again`;
        return [{ ...head, ...plain("announced", text, id), folded: true }];
      }
      default:
        return [];
    }
  });
}

function plain(event: string, text: string, id: string) {
  return { level: "info", event, text, cause: null, id } as const;
}

function headOf(type: EventType, session: string, at: number) {
  const name = routerOfSession(session);
  const second = session === name ? "" : session.slice(name.length + 1);
  const prefix = second === "" ? "" : `${second}: `;
  return { type, name, at, prefix, details: second === "" ? {} : { session } };
}

/** What kind of event moved a router, and who sent it. */
function triggerOf(event: StepRecord["event"]) {
  switch (event.type) {
    case "advertisement": {
      const { source, priority } = event.advertisement;
      return { trigger: "advertisement", source, source_priority: priority };
    }
    case "group":
      return { trigger: event.event, group: event.group };
    case "stall":
      return { trigger: "stall", late_us: event.length };
    default:
      return { trigger: event.type };
  }
}

/** What a step did to a group. */
export function groupFacts(step: GroupStepRecord): Fact[] {
  return step.effects.flatMap(({ id, effect }): Fact[] => {
    if (effect.type !== "group_transition") return [];
    const { from, to, reason } = effect;
    return [{
      type: "group",
      name: step.group,
      at: step.at,
      level: to === "fault" ? "warning" : "info",
      event: "transition",
      text: `${from} → ${to}`,
      cause: reason,
      from,
      to,
      id,
    }];
  });
}

/** A session has another state. */
export function sessionFact({ session, at, id, from, to, ...rest }: BfdChanged): Fact {
  const { cause, reason, reaction, memory } = rest;
  const [was, is] = [stateName(from), stateName(to)];
  return {
    type: "bfd",
    name: session,
    at,
    level: from === "up" && to === "down" ? "warning" : "info",
    event: "transition",
    text: `${was} → ${is}`,
    cause: reason,
    from: was,
    to: is,
    id,
    details: {
      trigger: cause,
      peer: memory.path.peer,
      diagnostic: diagnosticName(memory.session.diagnostic),
      remote_diagnostic: diagnosticName(memory.session.remote.diagnostic),
      reaction_us: reaction,
    },
  };
}

/** What the protocol plane remarks beside changes of state. */
export function remarkFact(remark: Remark | LateRemark): Fact {
  const { at } = remark;
  if (remark.type === "late") {
    const head = { type: "agent", name: null, at, level: "warning", event: "late" } as const;
    const text = "its own real-time loop was held up";
    const cause = `${(remark.length / 1000).toFixed(1)} ms late`;
    return { ...head, text, cause, details: { late_us: remark.length }, folded: true };
  }
  const { id, router } = remark;
  const { prefix, ...head } = headOf("vrrp", router, at);
  switch (remark.type) {
    case "priority_changed": {
      const { from, to } = remark;
      return { ...head, ...plain("priority", `${prefix}priority ${from} → ${to}`, id) };
    }
    case "peer": {
      const { address, priority, before } = remark;
      const details = { ...head.details, source: address, source_priority: priority };
      const [event, text] = before === null
        ? ["peer_heard", `hears ${address} for the first time, priority ${priority}`]
        : priority === 0
        ? ["peer_resigned", `hears ${address} resign`]
        : ["peer_priority", `hears ${address} with priority ${priority}, before ${before}`];
      return { ...head, ...plain(event, prefix + text, id), details };
    }
    case "lower_priority": {
      const { address, priority } = remark;
      const text = `${prefix}${address} advertises, too, with a lower priority`;
      const details = { ...head.details, source: address, source_priority: priority };
      return {
        ...head,
        ...plain("second_master", text, id),
        level: "warning",
        details,
        folded: true,
      };
    }
  }
}

/**
 * What is held now that was not, and the other way round.
 *
 * @param before the report before it; undefined: there was none
 */
export function holdingFacts(report: AddressReport, before: AddressReport | undefined): Fact[] {
  const { prefix, ...head } = headOf("vrrp", report.router, 0);
  const { at: _, ...about } = head;
  const facts: Fact[] = [];
  const add = (fact: Omit<Fact, "type" | "name" | "cause">, cause: string | null = null): void => {
    facts.push({ ...about, ...fact, text: prefix + fact.text, cause });
  };
  const put = without(report.present, before?.present);
  const removed = without(before?.present ?? [], report.present);
  const link = { level: "info", id: report.id, cause_id: report.cause } as const;
  if (put.length > 0) {
    const text = `${named(put)} put on the interface`;
    add({ ...link, event: "addresses_put", text, details: { addresses: put } });
  }
  if (removed.length > 0) {
    const wanted = report.wanted;
    const text = wanted
      ? `${named(removed)} gone from the interface, though wanted there`
      : `${named(removed)} taken off the interface`;
    const event = wanted ? "addresses_lost" : "addresses_removed";
    const level = wanted ? "warning" : "info";
    add({ ...link, level, event, text, details: { addresses: removed } });
  }
  const known = new Map(before?.failed.map(({ address, reason }) => [address, reason]));
  for (const { address, reason } of report.failed) {
    if (known.get(address) === reason) continue;
    const text = `${address} cannot be put on the interface`;
    add({ ...link, level: "warning", event: "address_failed", text, folded: true }, reason);
  }
  const counted = before?.repairs ?? 0;
  // A plane that was started anew counts from 0.
  const repairs = report.repairs < counted ? report.repairs : report.repairs - counted;
  if (repairs > 0) {
    const text = "what somebody else had removed was put back";
    add({ ...link, level: "warning", event: "repaired", text, count: repairs, folded: true });
  }
  return facts;
}

function without(all: readonly string[], others: readonly string[] = []): string[] {
  const known = new Set(others);
  return all.filter((one) => !known.has(one));
}

function named(addresses: readonly string[]): string {
  const more = addresses.length - MOST_NAMED;
  const shown = addresses.slice(0, MOST_NAMED).join(", ");
  return more > 0 ? `${shown} and ${more} more` : shown;
}

/** What an interface was told of last. */
export type KnownInterface = Pick<InterfaceState, "index" | "up" | "running" | "ipv4" | "mac">;

/** An interface stands otherwise. @param before how it stood; undefined: it was not there */
export function interfaceFacts(
  { state }: Pick<InterfaceChanged, "state">,
  before: KnownInterface | undefined,
): Fact[] {
  const { namespace, name, index, up, running, ipv4 } = state;
  const details = { index, ...(namespace === "" ? {} : { namespace }) };
  const fact = (level: "info" | "warning", event: string, text: string): Fact => {
    return { type: "interface", name, level, event, text, cause: null, details };
  };
  if (before === undefined || before.index !== index) {
    const now = running ? "up" : up ? "without carrier" : "down";
    const text = before === undefined
      ? `is there, ${now}`
      : `is another one of the same name now, ${now}`;
    return [fact("info", before === undefined ? "appeared" : "recreated", text)];
  }
  const facts: Fact[] = [];
  if (before.up !== up) {
    facts.push(up ? fact("info", "up", "set up") : fact("warning", "down", "set down"));
  }
  if (before.running !== running) {
    facts.push(
      running
        ? fact("info", "carrier", "has carrier")
        : fact("warning", "no_carrier", up ? "has lost its carrier" : "is down"),
    );
  }
  if (before.ipv4.join() !== ipv4.join()) {
    const list = ipv4.length === 0 ? "none" : named(ipv4);
    facts.push(fact("info", "addresses", `its own IPv4 addresses are now: ${list}`));
  }
  return facts;
}

/** An interface is gone. */
export function interfaceGoneFact(name: string, namespace: string): Fact {
  const details = namespace === "" ? {} : { namespace };
  const head = { type: "interface", name, level: "warning", details } as const;
  return { ...head, event: "gone", text: "is gone", cause: null };
}

/** Something happened to a virtual or real server. */
export function balanceFact({ server, what, at, id, cause: cause_id }: BalanceStep): Fact {
  const head = { at, id, cause_id } as const;
  switch (what.kind) {
    case "real_server": {
      const { realServer, from, state, reason } = what;
      const level = state === "down" ? "warning" : "info";
      const about = { ...head, ...realServerHead(server, realServer), level } as const;
      const change = from === undefined ? { to: state } : { from, to: state };
      return { ...about, event: "transition", text: state, cause: reason, ...change };
    }
    case "drained": {
      const { realServer, connections } = what;
      const text = connections === 0
        ? "is drained: no connections are left"
        : `its drain is over, ${connections} connections were left`;
      const about = { ...head, ...realServerHead(server, realServer), level: "info" } as const;
      return { ...about, event: "drained", text, cause: null, details: { connections } };
    }
    case "quorum": {
      const { met, reason } = what;
      const to = met ? "met" : "lost";
      const level = met ? "info" : "warning";
      const about = { ...head, type: "virtual_server", name: server, level } as const;
      return { ...about, event: "quorum", text: `quorum ${to}`, cause: reason, to };
    }
    case "active": {
      const { active, reason } = what;
      const text = active ? "put into the kernel's table" : "taken out of the kernel's table";
      const about = { ...head, type: "virtual_server", name: server, level: "info" } as const;
      return { ...about, event: active ? "active" : "inactive", text, cause: reason };
    }
  }
}

function realServerHead(server: string, realServer: string) {
  return { type: "real_server", name: `${server} ${realServer}` } as const;
}

/** Something happened to a check. @param names of the servers that live by it */
export function checkFact({ check, what, at, id }: CheckStep): Fact {
  const head = { type: "check", name: check, at, id } as const;
  switch (what.kind) {
    case "found": {
      const { health, reason } = what.memory;
      const level = health === "up" ? "info" : "warning";
      const text = health === "up" ? "passes" : "fails";
      return { ...head, level, event: "transition", text, cause: reason, to: health };
    }
    case "flapping": {
      const text = what.flapping ? "flaps: it stays down" : "flaps no longer";
      const level = what.flapping ? "warning" : "info";
      return { ...head, level, event: "flapping", text, cause: null };
    }
    case "warning":
      return {
        ...head,
        level: "warning",
        event: "warning",
        text: what.text,
        cause: null,
        folded: true,
      };
  }
}
