/**
 * One thing that is told, and how it is written: as keepalived's FIFO has it, as JSON, as arguments
 * and environment of a program. Pure.
 *
 * @module
 */

/** What a router, group or BFD session can be said to be, or to have met. */
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
  | "ADMIN_DOWN";

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

/** Something that somebody wants to know. */
export interface Notice {
  readonly type: "INSTANCE" | "GROUP" | "BFD";
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
}

/** Longest cause, characters: a line must fit into what a pipe takes at once (4096 bytes). */
export const CAUSE_LENGTH = 512;

/** What supersedes what while programs lag: states each other, priorities each other. */
export function kindOf({ state }: Notice): "state" | "priority" | "lower_priority" {
  if (state === "MASTER_RX_LOWER_PRI") return "lower_priority";
  return state.endsWith("_PRIORITY") ? "priority" : "state";
}

/** The line of keepalived's FIFO, and what it might write of a BFD session. */
export function fifoLine({ type, name, state, priority }: Notice): string {
  if (type === "BFD") return `BFD "${name}" ${state}\n`;
  return `${type} "${name}" ${state} ${priority}\n`;
}

/** The line of `json_fifo`. @param repeated a state that was told before, for a reader that is new */
export function jsonLine(notice: Notice, repeated: boolean): string {
  const { type, name, state, previous, priority, cause, time, generation, session } = notice;
  return `${
    JSON.stringify({
      type: type.toLowerCase(),
      name,
      state: state.toLowerCase(),
      previous_state: previous?.toLowerCase() ?? null,
      ...(session ?? { priority }),
      cause: cause.slice(0, CAUSE_LENGTH),
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
    HALB_NAME: notice.name,
    HALB_STATE: notice.state,
    HALB_PREVIOUS_STATE: notice.previous ?? "",
    HALB_PRIORITY: String(notice.priority),
    HALB_CAUSE: notice.cause.slice(0, CAUSE_LENGTH).replaceAll("\0", ""),
    ...sessionEnvironment(notice.session),
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
