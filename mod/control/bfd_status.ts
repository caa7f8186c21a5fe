/**
 * BFD sessions in the status document: what is negotiated, why a session is not up, and what it
 * waits for. Durations in milliseconds; names of states and diagnostics are those of RFC 9127
 * (`iana-bfd-types`).
 *
 * @module
 */

import {
  detectionTime,
  type DropReason,
  type Session,
  type StateName,
  transmitInterval,
} from "../bfd/mod.ts";
import type { BfdReport } from "../plane/bfd.ts";
import type { ReflectorReport, UnsolicitedReport } from "../plane/bfd_strangers.ts";

/** The diagnostics of RFC 5880 section 4.1 and RFC 6428, by their number. */
const DIAGNOSTICS = [
  "none",
  "control-expiry",
  "echo-failed",
  "neighbor-down",
  "forwarding-reset",
  "path-down",
  "concatenated-path-down",
  "admin-down",
  "reverse-concatenated-path-down",
  "mis-connectivity-defect",
] as const;

/** The name of a diagnostic; one that nobody has named is `reserved-17`. */
export function diagnosticName(code: number): string {
  return DIAGNOSTICS[code] ?? `reserved-${code}`;
}

/** Why a session is in its state, where nothing but its diagnostic is left to say so. */
const REASONS: Readonly<Record<string, string>> = {
  none: "has not been up yet",
  "control-expiry": "nothing was heard for its detection time",
  "echo-failed": "echo packets did not come back",
  "neighbor-down": "the other side said that it is down",
  "forwarding-reset": "the forwarding plane was reset",
  "admin-down": "taken down by command",
};

/** What packets of the peer were refused for, in words for whoever looks for the reason. */
const REFUSALS: Readonly<Partial<Record<DropReason, string>>> = {
  ttl: "their TTL is below the least that is accepted",
  own_packet: "they are our own, sent back by a loop",
  authentication_unexpected: "they are authenticated, and no `auth` is configured here",
  authentication_missing: "they are not authenticated",
  authentication_type: "their type of authentication is another one",
  authentication_length: "the length of their key is not that of ours, or the section is broken",
  authentication_key: "they name a key that is not configured here",
  authentication_sequence: "their sequence numbers are not the next ones",
  authentication_digest: "they do not match the key",
};

/** As the field writes a state. */
export function stateName(state: StateName): string {
  return state === "admin_down" ? "admin-down" : state;
}

/** Times on the wall clock, RFC 3339; and why a session changed last, undefined: nobody knows. */
export interface BfdSurroundings {
  wallTime(micros: number): string;
  reasonOf(session: string): { readonly to: StateName; readonly reason: string } | undefined;
}

/** One session in the status document. */
export type SessionStatus = ReturnType<typeof sessionStatus>;

export function sessionStatus(report: BfdReport, env: BfdSurroundings) {
  const { session, path, told } = report;
  const { settings, remote } = session;
  const { seamless } = settings;
  // Whom an initiator asks it knows before anybody answers.
  const heard = seamless === undefined
    ? session.remoteDiscriminator !== 0
    : session.lastReceived !== null;
  const diagnostic = diagnosticName(session.diagnostic);
  return {
    name: settings.name,
    state: stateName(session.state),
    /** Why it came into this state, in words. */
    reason: reasonFor(session, env),
    /** What keeps it from being up, in words. */
    waiting_for: waitingFor(report),
    peer: path.peer,
    source: path.source === "" ? null : path.source,
    source_port: report.sourcePort,
    interface: path.interface === "" ? null : path.interface,
    ...(path.vrf === undefined ? {} : { vrf: path.vrf }),
    ...(path.namespace === "" ? {} : { namespace: path.namespace }),
    multihop: path.multihop,
    min_ttl: path.minimumTtl,
    passive: settings.passive,
    ...(seamless === undefined ? {} : { seamless: true }),
    ...(report.unsolicited === true ? { unsolicited: true } : {}),
    local_discriminator: session.localDiscriminator,
    remote_discriminator: session.remoteDiscriminator,
    diagnostic,
    remote_diagnostic: diagnosticName(remote.diagnostic),
    since: env.wallTime(session.since),
    transitions: session.transitions,
    detect_multiplier: settings.detectMultiplier,
    /** Between our packets, and between those of the other side, as it is agreed now. */
    transmit_interval_ms: transmitInterval(session) / 1000,
    receive_interval_ms: Math.max(session.requiredMinRxUsed, remote.desiredMinTx) / 1000,
    /** How long the other side may be silent; null: nobody is heard. */
    detection_time_ms: heard ? detectionTime(session) / 1000 : null,
    configured: {
      transmit_interval_ms: settings.transmitInterval / 1000,
      receive_interval_ms: settings.receiveInterval / 1000,
    },
    /** What the other side says; of no meaning while its discriminator is 0. */
    remote: {
      state: stateName(remote.state),
      transmit_interval_ms: remote.desiredMinTx / 1000,
      receive_interval_ms: remote.requiredMinRx / 1000,
      echo_receive_interval_ms: remote.requiredMinEchoRx / 1000,
      detect_multiplier: remote.detectMultiplier,
      demand: remote.demand,
    },
    demand: settings.demand === null
      ? null
      : { poll_interval_ms: settings.demand.pollInterval / 1000 },
    polling: session.polling,
    echo: echoStatus(report),
    padded_pdu_size: report.paddedPduSize ?? null,
    authentication: report.authentication ?? null,
    /** What those who track it were told last; null: nothing yet. */
    tracked_as: told ?? null,
    counters: {
      packets_sent: report.packetsSent,
      packets_received: report.packetsReceived,
      send_errors: report.sendErrors,
      /** By the name of the error. */
      unsent: report.sendFailures ?? {},
      stall_graces: report.stallGraces,
      dropped: report.dropped,
    },
  };
}

/** Echo packets, those of an unaffiliated session too; null: there are none. */
function echoStatus({ session, echo }: BfdReport) {
  const unaffiliated = session.settings.unaffiliated === true;
  if (echo === undefined) return null;
  const { active, roundTrip, sent, returned, reflected, forwarded, dropped } = echo;
  return {
    unaffiliated,
    /** They come back and look after the path. */
    active,
    /** Round trip, smoothed; null: none has come back. */
    rtt_ms: roundTrip === null ? null : roundTrip.smoothed / 1000,
    ...(roundTrip === null ? {} : {
      rtt_min_ms: roundTrip.least / 1000,
      rtt_max_ms: roundTrip.most / 1000,
    }),
    sent,
    returned,
    /** Those of the peer: sent back by us, and by our kernel. */
    reflected,
    forwarded,
    dropped,
  };
}

function reasonFor(session: Session, { reasonOf }: BfdSurroundings): string {
  const { state, diagnostic } = session;
  const last = reasonOf(session.settings.name);
  if (last?.to === state) return last.reason;
  if (state === "up" || state === "init") return "the other side is heard";
  return REASONS[diagnosticName(diagnostic)] ?? diagnosticName(diagnostic);
}

function waitingFor({ session, path, waitingFor, dropped }: BfdReport): string[] {
  const { state, remote, remoteDiscriminator, settings } = session;
  const { peer } = path;
  if (state === "up") return [...waitingFor];
  if (state === "admin_down") return [...waitingFor, `halb bfd up ${settings.name}`];
  if (waitingFor.length > 0) return [...waitingFor];
  if (settings.seamless !== undefined) {
    const refuses = remote.state === "admin_down";
    const what = refuses ? `${peer}, which says AdminDown` : `an answer of the reflector ${peer}`;
    return [what, ...refusals(dropped)];
  }
  return [
    settings.unaffiliated
      ? `a packet of our own that ${peer} forwards`
      : remoteDiscriminator === 0
      ? settings.passive ? `${peer} to speak first (passive)` : `a packet from ${peer}`
      : state === "init"
      ? `${peer} to hear us: it says ${stateName(remote.state)}`
      : remote.state === "admin_down"
      ? `${peer}, which says AdminDown`
      : `${peer} to answer: it says ${stateName(remote.state)}`,
    ...refusals(dropped),
  ];
}

function refusals(dropped: BfdReport["dropped"]): string[] {
  return Object.entries(REFUSALS).flatMap(([reason, words]) => {
    const count = dropped[reason] ?? 0;
    const were = count === 1 ? "1 was" : `${count} were`;
    return count === 0 ? [] : [`a packet that counts: ${were} refused, since ${words}`];
  });
}

/** `[bfd_reflector]` in the status document; null: there is none. */
export function reflectorStatus(report: ReflectorReport | undefined) {
  if (report === undefined) return null;
  const { waitingFor, packetsReceived, packetsSent, sendErrors, pauses, dropped } = report;
  return {
    waiting_for: waitingFor,
    counters: {
      packets_sent: packetsSent,
      packets_received: packetsReceived,
      send_errors: sendErrors,
      /** How often questions had to wait, since answers had taken their share of the time. */
      pauses,
      dropped,
    },
  };
}

/** `[bfd_unsolicited]` in the status document; null: nobody may begin a session. */
export function unsolicitedStatus(report: UnsolicitedReport | undefined) {
  if (report === undefined) return null;
  const { waitingFor, sessions, limit, refused } = report;
  return { waiting_for: waitingFor, sessions, limit, refused };
}
