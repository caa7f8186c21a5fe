/**
 * BFD sessions as text: a table of all, or everything about one.
 *
 * @module
 */

import { escapeText } from "../text/mod.ts";
import type { reflectorStatus, SessionStatus, unsolicitedStatus } from "../control/bfd_status.ts";
import {
  ageText,
  type Colour,
  counterRows,
  formatTable,
  type Paint,
  paintColumn,
  reasonsText,
} from "./table.ts";

const STATE_COLOUR: Record<string, Colour> = {
  up: "green",
  init: "yellow",
  down: "red",
  "admin-down": "yellow",
};
const STATE_COLUMN = 3;

interface UnconfiguredStatus {
  /** Packets that no session could be charged with, by reason. */
  readonly bfd_dropped: Readonly<Record<string, number>>;
  readonly bfd_reflector: ReturnType<typeof reflectorStatus>;
  readonly bfd_unsolicited: ReturnType<typeof unsolicitedStatus>;
}

/** All sessions, a line each, and below them why those are not up that are not. */
export function formatSessions(
  sessions: readonly SessionStatus[],
  now: number,
  paint: Paint,
): string {
  const rows = sessions.map((session) => [
    session.name,
    session.peer,
    session.interface ?? (session.multihop ? "multihop" : "-"),
    session.state,
    ageText(session.since, now),
    session.detection_time_ms === null ? "-" : `${session.detection_time_ms} ms`,
    String(session.transitions),
  ]);
  const header = ["SESSION", "PEER", "INTERFACE", "STATE", "FOR", "DETECTION", "CHANGES"];
  return formatTable([header, ...rows], paintColumn(paint, STATE_COLUMN, STATE_COLOUR));
}

/** What is wrong, a line each: text from outside, to be escaped. */
export function sessionTroubles(session: SessionStatus): string[] {
  const { name, state, reason, waiting_for } = session;
  if (state === "up") return waiting_for.map((wait) => `${name} is up, and lacks: ${wait}`);
  const waits = waiting_for.length === 0 ? "" : `; waits for: ${waiting_for.join("; ")}`;
  return [`${name} is ${state}: ${reason}${waits}`];
}

/** What answers those that no session is with, a line each; empty: nothing does. */
export function formatUnconfigured(
  { bfd_dropped, bfd_reflector: reflector, bfd_unsolicited: unsolicited }: UnconfiguredStatus,
): string[] {
  const lines: string[] = [];
  const refused = reasonsText(bfd_dropped);
  if (refused !== "") lines.push(`BFD packets that were for no session: ${refused}`);
  if (reflector !== null) {
    const { packets_received: asked, packets_sent: answered } = reflector.counters;
    lines.push(`Seamless BFD reflector: ${answered} of ${asked} questions answered`);
  }
  if (unsolicited !== null) {
    const { sessions, limit } = unsolicited;
    lines.push(`Unsolicited BFD sessions: ${sessions} of at most ${limit}`);
  }
  return lines;
}

/** What they lack, a line each: text from outside, to be escaped. */
export function unconfiguredTroubles(
  { bfd_reflector: reflector, bfd_unsolicited: unsolicited }: Omit<
    UnconfiguredStatus,
    "bfd_dropped"
  >,
): string[] {
  return [
    ...(reflector?.waiting_for ?? []).map((wait) => `the BFD reflector waits for: ${wait}`),
    ...(unsolicited?.waiting_for ?? []).map((wait) => `unsolicited BFD waits for: ${wait}`),
  ];
}

/** Everything about one session. */
export function formatSession(session: SessionStatus, now: number): string {
  const { remote, configured, counters, demand, tracked_as: told } = session;
  const { dropped, unsent, ...counts } = counters;
  const heard = session.remote_discriminator !== 0;
  const rows: string[][] = [
    ["BFD session", `${session.name} with ${session.peer} (${hopsText(session)})`],
    ["state", `${session.state} for ${ageText(session.since, now)}`],
    ["reason", session.reason],
    ["diagnostic", `${session.diagnostic} (the other side: ${session.remote_diagnostic})`],
    ["changes", String(session.transitions)],
    ["source", `${session.source ?? "as routed"}, port ${session.source_port || "none"}`],
    ["discriminators", `own ${session.local_discriminator}, other ${session.remote_discriminator}`],
    ["sends every", interval(session.transmit_interval_ms, configured.transmit_interval_ms)],
    ["accepts every", interval(session.receive_interval_ms, configured.receive_interval_ms)],
    ["detection time", detectionText(session)],
    ["multiplier", `own ${session.detect_multiplier}, other ${remote.detect_multiplier}`],
    ...(heard ? [["the other side", remoteText(remote)]] : []),
    ...(session.unsolicited ? [["begun by", "the other side (RFC 9468)"]] : []),
    ...(session.passive ? [["passive", "yes"]] : []),
    ...(demand === null ? [] : [["demand mode", `looks every ${demand.poll_interval_ms} ms`]]),
    ...(session.echo === null ? [] : [["echo", echoText(session.echo)]]),
    ["authentication", session.authentication ?? "none"],
    ["tracked as", told === null ? "nothing yet" : trackedText(told)],
    ...counterRows(counts),
    ["unsent", reasonsText(unsent) || "none"],
    ["refused", reasonsText(dropped) || "none"],
  ];
  const troubles = sessionTroubles(session).map((trouble) => `\n${escapeText(trouble)}`);
  return formatTable(rows) + troubles.join("");
}

function hopsText(session: SessionStatus): string {
  const { multihop, interface: own, vrf, namespace, min_ttl } = session;
  const kind = session.seamless ? "Seamless BFD, " : "";
  const hops = multihop ? `several hops, TTL ${min_ttl} and more` : "one hop";
  const places = [
    own === null ? [] : [`on ${own}`],
    vrf === undefined ? [] : [`VRF ${vrf}`],
    namespace === undefined ? [] : [`namespace ${namespace}`],
  ].flat();
  return kind + [hops, ...places].join(", ");
}

function interval(used: number, configured: number): string {
  return used === configured ? `${used} ms` : `${used} ms (configured: ${configured} ms)`;
}

function detectionText({ detection_time_ms: time }: SessionStatus): string {
  return time === null ? "none: nobody is heard" : `${time} ms`;
}

function remoteText(remote: SessionStatus["remote"]): string {
  const { state, transmit_interval_ms: tx, receive_interval_ms: rx, demand } = remote;
  return `says ${state}, sends every ${tx} ms at most, accepts every ${rx} ms` +
    (demand ? ", demand mode" : "");
}

function echoText(echo: NonNullable<SessionStatus["echo"]>): string {
  const { unaffiliated, active, rtt_ms, sent, returned, reflected, forwarded } = echo;
  const kind = unaffiliated ? "unaffiliated" : active ? "active" : "not active";
  const trip = rtt_ms === null ? "" : `, round trip ${rtt_ms} ms`;
  const theirs = reflected + forwarded === 0
    ? ""
    : `; of the other side ${reflected} sent back, ${forwarded} forwarded by the kernel`;
  return `${kind}, ${returned} of ${sent} back${trip}${theirs}`;
}

function trackedText({ healthy, reason }: NonNullable<SessionStatus["tracked_as"]>): string {
  return `${healthy ? "healthy" : "failed"}: ${reason}`;
}
