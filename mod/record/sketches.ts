/**
 * What the recorder has to know of each kind of machine: what of its memory and its inputs is written
 * down. Secrets, and numbers that decide nothing, are not.
 *
 * @module
 */

import type { ControlPacket, Session, SessionEvent } from "../bfd/mod.ts";
import type { Outcome, Verdict } from "../check/mod.ts";
import type { Group, GroupEvent, Router, RouterEvent } from "../vrrp/mod.ts";
import { isAlike, relative } from "./alike.ts";
import { blankPool, blankVerdict } from "./blank.ts";
import { dueOfGroup, dueOfRouter } from "./due.ts";
import type { CheckEvent, MachineKind, Memories } from "./types.ts";

/** How machines of one kind are recorded. */
export interface Sketch<Memory> {
  /** What is written of its memory; undefined: it is too large to be recorded. */
  write(memory: Memory): unknown;
  /** An input as it is recorded. */
  copy(input: unknown): unknown;
  /** Whether the copy of an input would be what is recorded; makes nothing. */
  isSame(recorded: unknown, input: unknown): boolean;
  /** From when the times in its decision count; null, or absent: from the step. */
  due?(memory: Memory, input: unknown): number | null;
  /** Whether a change of state is among the effects. */
  isNotable(effect: unknown): boolean;
  /** Its steps are given chance. */
  readonly chance: boolean;
  /** What `write` gives is a copy that nothing changes: it becomes text when somebody asks for it. */
  readonly isCopy: boolean;
  /** Closed segments that are kept of one machine. */
  readonly mostClosed: number;
}

type Typed = { readonly type: string };

const same = (memory: unknown): unknown => memory;
const always = (): boolean => true;
const never = (): boolean => false;

/** As most are. */
const PLAIN = {
  copy: (input: unknown): unknown => relative(input, 0),
  isSame: (recorded: unknown, input: unknown): boolean => isAlike(recorded, input, 0),
  isNotable: (effect: unknown): boolean => (effect as Typed).type === "transition",
  chance: false,
  isCopy: false,
  mostClosed: 6,
} as const;

// ===== virtual routers, and groups ===============================================================

/**
 * Members of a group that is recorded: the memory of all is written at once, by a thread that must
 * not be late, 3 microseconds each, and again after so many steps as there are different inputs.
 */
const MOST_MEMBERS = 100;

/**
 * Numbers and stamps of authentication decide nothing here, and are nobody's business. (A function
 * that leaves them out while JSON is written would be asked about each field, and take most of the
 * time.)
 */
function withoutAuthentication(router: Router): unknown {
  return { ...router, authentication: undefined };
}

function writeGroup(group: Group): unknown {
  if (group.members.length > MOST_MEMBERS) return undefined;
  const members = group.members.map((one) => ({
    ...one,
    router: withoutAuthentication(one.router),
  }));
  return { ...group, members };
}

function isGroupNotable(effect: unknown): boolean {
  const { type, effect: inner } = effect as Typed & { readonly effect?: unknown };
  if (type === "member") return isGroupNotable(inner);
  return type === "transition" || type === "group_transition";
}

// ===== BFD sessions ==============================================================================

/** What authentication remembers, which decides nothing in a step. */
const NO_SEQUENCE = Object.freeze({ transmit: 0, receive: 0, known: false });

/** A session without keys, and without what others than its steps change in it. */
export function writeSession(session: Session): Session {
  return {
    ...session,
    settings: session.settings.authentication === null
      ? session.settings
      : { ...session.settings, authentication: null },
    remote: { ...session.remote },
    sequence: NO_SEQUENCE,
    sequenceGrew: null,
    sequenceContent: 0,
  };
}

/** Of a packet, all that a step looks at. */
function copyPacket(packet: Readonly<ControlPacket>): Partial<ControlPacket> {
  const { state, diagnostic, poll, final, demand, detectMultiplier, myDiscriminator } = packet;
  const { yourDiscriminator, desiredMinTx, requiredMinRx, requiredMinEchoRx } = packet;
  return {
    state,
    diagnostic,
    poll,
    final,
    demand,
    detectMultiplier,
    myDiscriminator,
    yourDiscriminator,
    desiredMinTx,
    requiredMinRx,
    requiredMinEchoRx,
  };
}

function copySessionEvent(input: unknown): unknown {
  const event = input as SessionEvent;
  switch (event.type) {
    case "packet":
      return { type: "packet", packet: copyPacket(event.packet) };
    case "configure":
      return { type: "configure", settings: { ...event.settings, authentication: null } };
    default:
      return { ...event };
  }
}

/** Thousands a second are compared: field by field, which a loop over keys takes ten times as long for. */
function isSameSessionEvent(recorded: unknown, input: unknown): boolean {
  const [one, other] = [recorded as SessionEvent, input as SessionEvent];
  if (one.type !== other.type) return false;
  if (one.type === "timer") return true;
  if (one.type !== "packet" || other.type !== "packet") {
    return isAlike(one, copySessionEvent(other), 0);
  }
  const [a, b] = [one.packet, other.packet];
  return a.state === b.state && a.diagnostic === b.diagnostic && a.poll === b.poll &&
    a.final === b.final && a.demand === b.demand && a.detectMultiplier === b.detectMultiplier &&
    a.myDiscriminator === b.myDiscriminator && a.yourDiscriminator === b.yourDiscriminator &&
    a.desiredMinTx === b.desiredMinTx && a.requiredMinRx === b.requiredMinRx &&
    a.requiredMinEchoRx === b.requiredMinEchoRx;
}

// ===== health checks, trackers, virtual servers ==================================================

/** Of what was said last a verdict looks at the warnings alone. */
export function writeVerdict(verdict: Verdict): unknown {
  const { last } = verdict;
  return {
    ...blankVerdict(verdict),
    last: last === null ? null : { warnings: last.outcome.warnings },
  };
}

function outcomeOf(input: unknown): CheckEvent {
  const { outcome: { result, reason, warnings } } = input as { readonly outcome: Outcome };
  return { type: "outcome", result, reason, warnings };
}

export const SKETCHES: { readonly [Kind in MachineKind]: Sketch<Memories[Kind]> } = {
  router: {
    ...PLAIN,
    write: withoutAuthentication,
    due: (router, input) => dueOfRouter(router, input as RouterEvent),
  },
  group: {
    ...PLAIN,
    write: writeGroup,
    isNotable: isGroupNotable,
    due: (group, input) => dueOfGroup(group, input as GroupEvent),
  },
  bfd: {
    ...PLAIN,
    write: writeSession,
    copy: copySessionEvent,
    isSame: isSameSessionEvent,
    chance: true,
    isCopy: true,
  },
  check: {
    ...PLAIN,
    write: writeVerdict,
    copy: outcomeOf,
    isSame: (recorded, input) => isAlike(recorded, outcomeOf(input), 0),
    isNotable: (effect) => (effect as Typed).type === "state",
    mostClosed: 3,
  },
  script: { ...PLAIN, write: same, isNotable: always, mostClosed: 3 },
  trackers: { ...PLAIN, write: same, isNotable: never, mostClosed: 3 },
  virtual_server: {
    ...PLAIN,
    write: blankPool,
    isNotable: (effect) => ["step", "quorum"].includes((effect as Typed).type),
    mostClosed: 3,
  },
};
