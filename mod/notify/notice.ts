/**
 * One thing that is told, and how it is written: as keepalived's FIFO has it, as JSON, as arguments
 * and environment of a program. Pure.
 *
 * @module
 */

/** What a router, group, BFD session or server can be said to be, or to have met. */
export type NoticeState =
  | "MASTER"
  | "BACKUP"
  | "FAULT"
  | "STOP"
  | "DELETED"
  | "MASTER_RX_LOWER_PRI"
  | "MASTER_PRIORITY"
  | "BACKUP_PRIORITY"
  | "UP"
  | "DOWN"
  | "ADMIN_DOWN"
  | "DRAINING";

/** What is told of a BFD session alone. */
export interface SessionDetails {
  readonly peer: string;
  readonly interface: string | null;
  /** The cause for programs: a `TransitionCause`, such as `detection_expired`. */
  readonly event: string;
  /** Of this side and of the other one, by the names of RFC 9127. */
  readonly diagnostic: string;
  readonly remote_diagnostic: string;
}

/** What is told of virtual and real servers alone. */
export interface ServerDetails {
  readonly virtual_server: string;
  /** null: it is about the virtual server. */
  readonly real_server: string | null;
  /** What keepalived calls it: `[198.51.100.11]:tcp:8080 [192.0.2.10]:tcp:80`. */
  readonly line: string;
  /** keepalived would say nothing: readers of JSON are told alone. */
  readonly quiet: boolean;
  /** What keepalived would have said last. */
  readonly plain: "UP" | "DOWN";
}

/** What is told of a check alone. */
export interface CheckDetails {
  /** Of a `[[check]]`; null: it is a server's own, and known by its id. */
  readonly name: string | null;
  /** `tcp`, `http` and so on. */
  readonly kind: string;
  /** Whom it asks; null: this host. */
  readonly server: string | null;
  /** null: it is asked no longer. */
  readonly healthy: boolean | null;
  /** Of the probe that decided, microseconds; null: none did. */
  readonly latency: number | null;
}

/** Something that somebody wants to know. */
export interface Notice {
  readonly type: "INSTANCE" | "GROUP" | "BFD" | "VS" | "RS" | "CHECK";
  /** Of a real server, with that of its virtual server before it; of a check, its id. */
  readonly name: string;
  readonly state: NoticeState;
  /** What was told before; null: nothing. */
  readonly previous: NoticeState | null;
  /** The effective priority, 1 to 255; 0 for a group or session. */
  readonly priority: number;
  /** Why, in words. */
  readonly cause: string;
  /** Wall clock, RFC 3339 in UTC. */
  readonly time: string;
  /** Of the configuration: counts reloads from 1. */
  readonly generation: number;
  /** Of a BFD session alone. */
  readonly session?: SessionDetails;
  /** Of a virtual or real server alone. */
  readonly server?: ServerDetails;
  /** Of a check alone. */
  readonly check?: CheckDetails;
}

/** Longest cause, characters: a line must fit into what a pipe takes at once (4096 bytes). */
export const CAUSE_LENGTH = 512;

/** What supersedes what while programs lag: states each other, priorities each other. */
export function kindOf({ state }: Notice): "state" | "priority" | "lower_priority" {
  if (state === "MASTER_RX_LOWER_PRI") return "lower_priority";
  return state.endsWith("_PRIORITY") ? "priority" : "state";
}

/** The line of keepalived's FIFO, and what it might write of a BFD session. */
export function fifoLine({ type, name, state, priority, server }: Notice): string {
  if (server !== undefined) return `${type} ${server.line} ${server.plain}\n`;
  if (type === "BFD") return `BFD "${name}" ${state}\n`;
  return `${type} "${name}" ${state} ${priority}\n`;
}

const JSON_TYPES: Readonly<Record<Notice["type"], string>> = {
  INSTANCE: "instance",
  GROUP: "group",
  BFD: "bfd",
  VS: "virtual_server",
  RS: "real_server",
  CHECK: "check",
};

/** The line of `json_fifo`. @param repeated a state that was told before, for a reader that is new */
export function jsonLine(notice: Notice, repeated: boolean): string {
  const { type, state, previous, priority, cause, time, generation, session, server } = notice;
  if (notice.check !== undefined) return checkLine(notice, notice.check, repeated);
  return `${
    JSON.stringify({
      type: JSON_TYPES[type],
      name: server?.real_server ?? notice.name,
      ...(type === "RS" ? { virtual_server: server?.virtual_server } : {}),
      state: state.toLowerCase(),
      previous_state: previous?.toLowerCase() ?? null,
      ...(server === undefined ? session ?? { priority } : {}),
      cause: cause.slice(0, CAUSE_LENGTH),
      time,
      generation,
      ...(repeated ? { repeated } : {}),
    })
  }\n`;
}

function checkLine(notice: Notice, check: CheckDetails, repeated: boolean): string {
  const { name: id, previous, cause, time, generation } = notice;
  const { name, kind, server, healthy, latency } = check;
  return `${
    JSON.stringify({
      type: JSON_TYPES[notice.type],
      name,
      id,
      check: kind,
      server,
      healthy,
      previous_healthy: previous === null ? null : previous === "UP",
      reason: cause.slice(0, CAUSE_LENGTH),
      latency_ms: latency === null ? null : latency / 1000,
      time,
      generation,
      ...(repeated ? { repeated } : {}),
    })
  }\n`;
}

/** What `any` gets behind its own arguments. */
export function argumentsOf({ type, name, state, priority }: Notice): string[] {
  return [type, name, state, String(priority)];
}

/** What every program finds in its environment. */
export function environmentOf(notice: Notice): Record<string, string> {
  return {
    HALB_TYPE: notice.type,
    HALB_NAME: notice.server?.real_server ?? notice.name,
    HALB_STATE: notice.state,
    HALB_PREVIOUS_STATE: notice.previous ?? "",
    HALB_PRIORITY: String(notice.priority),
    HALB_CAUSE: notice.cause.slice(0, CAUSE_LENGTH).replaceAll("\0", ""),
    ...sessionEnvironment(notice.session),
    ...(notice.type === "RS" ? { HALB_VIRTUAL_SERVER: notice.server?.virtual_server ?? "" } : {}),
  };
}

function sessionEnvironment(session: SessionDetails | undefined): Record<string, string> {
  if (session === undefined) return {};
  return {
    HALB_PEER: session.peer,
    HALB_EVENT: session.event,
    HALB_DIAGNOSTIC: session.diagnostic,
    HALB_REMOTE_DIAGNOSTIC: session.remote_diagnostic,
  };
}
