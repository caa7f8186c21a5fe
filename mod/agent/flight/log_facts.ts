/**
 * What is said in the log alone, as events of the flight recorder: refused packets, refusals of the
 * kernel, planes that died, the agent's own comings and goings. What reaches the recorder as a fact
 * of its own is left out. Pure.
 *
 * @module
 */

import type { EventDetails, EventType } from "../../events/mod.ts";
import type { LogRecord } from "../../plane/messages.ts";
import { routerOfSession } from "../../plane/sessions.ts";
import type { Fact } from "./facts.ts";

const TYPES: Readonly<Record<string, EventType>> = {
  vrrp: "vrrp",
  bfd: "bfd",
  checks: "check",
  trackers: "tracker",
  kernel: "kernel",
  ipvs: "ipvs",
  notify: "notify",
  control: "agent",
};

/** Kinds of tracked things, by which their log names them. */
const TRACKED = ["script", "process", "file", "route", "address", "interface"] as const;

/** Properties that tell the cause. */
const CAUSES = ["reason", "found", "error", "output"] as const;
/** Properties that nobody wants to see again: they stand elsewhere, or are for developers. */
const HIDDEN = new Set<string>(["stack", "suppressed", "packets", ...CAUSES]);

/** The event that a line of the log stands for; undefined: it stands for none. */
export function logFact(record: LogRecord): Fact | undefined {
  const { level, category, message, properties = {} } = record;
  const [subsystem = "", about] = category;
  const type = TYPES[subsystem];
  if (type === undefined || level === "debug") return undefined;
  if (type === "tracker") return trackerFact(record);
  // It was counted, and its event was a change of state or of the agent.
  if (record.repeated !== undefined && type === "agent") return undefined;
  // Orders are recorded where they come in.
  if (level === "info" && /on request$/.test(message)) return undefined;
  // Of the agent all is told, of others what is wrong; changes of state come as facts.
  if (level === "info" && type !== "agent" && type !== "ipvs") return undefined;
  if (type === "check" && about !== undefined) return undefined;
  if (type === "bfd" && / → /.test(message)) return undefined;
  const cause = causeOf(properties);
  const fact: Fact = {
    type: type === "kernel" && about !== undefined ? "vrrp" : type,
    name: about === undefined ? null : routerOfSession(about),
    level,
    event: eventOf(type, message),
    text: message,
    cause,
    ...detailsOf(properties),
  };
  if (type === "agent") return fact;
  const packets = typeof properties.packets === "number" ? properties.packets : 1;
  const own = record.repeated === undefined ? packets : 0;
  return { ...fact, count: own + (record.suppressed ?? 0), folded: true };
}

/** A word for programs, as far as a line of the log has one. */
function eventOf(type: EventType, message: string): string {
  if (/refused: /.test(message)) return "refused";
  if (type !== "agent") return "log";
  if (/^halb .* starts/.test(message)) return "started";
  if (/^halb ends/.test(message)) return "ended";
  if (/plane died$/.test(message)) return "plane_died";
  if (/plane runs again$/.test(message)) return "plane_runs";
  if (message === "Has taken over") return "taken_over";
  return "log";
}

function trackerFact({ level, message, properties = {} }: LogRecord): Fact {
  const kind = TRACKED.find((one) => properties[one] !== undefined);
  const name = kind === undefined ? null : String(properties[kind]);
  const turned = kind !== undefined && message.startsWith("Tracked ");
  const fails = level !== "info";
  return {
    type: "tracker",
    name,
    level: level === "debug" ? "info" : level,
    event: turned ? "transition" : "log",
    text: turned ? `${kind} ${fails ? "fails" : "is healthy"}` : message,
    cause: causeOf(properties),
    ...(turned ? { to: fails ? "down" : "up" } : { folded: true, count: 1 }),
    ...detailsOf(properties),
  };
}

function causeOf(properties: NonNullable<LogRecord["properties"]>): string | null {
  const told = CAUSES.filter((key) => properties[key] !== undefined && properties[key] !== "")
    .map((key) => String(properties[key]));
  return told.length === 0 ? null : told.join(": ");
}

function detailsOf(
  properties: NonNullable<LogRecord["properties"]>,
): { details?: EventDetails } {
  const shown = Object.entries(properties).filter(([key]) => !HIDDEN.has(key));
  return shown.length === 0 ? {} : { details: Object.fromEntries(shown) };
}
