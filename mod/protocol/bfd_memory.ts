/**
 * What leaves the protocol plane of a BFD session: its memory and its report, without keys; and how
 * two configurations of one are compared.
 *
 * @module
 */

import type { AuthenticationSettings, Client, Session } from "../bfd/mod.ts";
import type { BfdMemory, BfdPath, BfdReport, ProtocolBfd } from "../plane/bfd.ts";
import { sendFaultText } from "./bfd_sender.ts";
import type { BfdEntry } from "./bfd_entry.ts";

function withoutKeys(session: Session): Session {
  return { ...session, settings: { ...session.settings, authentication: null } };
}

/** For a plane or process that goes on with it. */
export function memoryOf(
  { session, config, sender, formerPort, slot }: BfdEntry,
  client: Client,
): BfdMemory {
  const sourcePort = sender?.port ?? formerPort;
  return { path: config.path, session: withoutKeys(session), client, sourcePort, slot };
}

/** For status. */
export function reportOf(entry: BfdEntry, { told }: Client): BfdReport {
  const { session, config: { path, paddedPduSize: padded }, sender, echo } = entry;
  const authentication = session.settings.authentication?.type ?? entry.config.authentication;
  const { packetsSent, packetsReceived, sendErrors, stallGraces, dropped } = entry;
  return {
    session: withoutKeys(session),
    path,
    ...(authentication === undefined ? {} : { authentication }),
    ...(entry.config.unsolicited === true ? { unsolicited: true } : {}),
    ...(told === null ? {} : { told }),
    waitingFor: waitsFor(entry),
    ...(echo === null ? {} : { echo: echo.report() }),
    sourcePort: sender?.port ?? 0,
    packetsSent,
    packetsReceived,
    sendErrors,
    ...(sendErrors === 0 ? {} : { sendFailures: { ...entry.sendFailures } }),
    ...(padded === undefined ? {} : { paddedPduSize: padded }),
    stallGraces,
    dropped: dropped as Readonly<Record<string, number>>,
  };
}

/** The session itself, and its echoes. */
function waitsFor(entry: BfdEntry): readonly string[] {
  const { waitingFor, echoProblem, echo, sendFault, session, vrfProblem } = entry;
  const problem = echoProblem === "" ? [] : [echoProblem];
  if (vrfProblem !== "" && session.state !== "up") problem.push(vrfProblem);
  if (sendFault !== 0) problem.push(`its packets to leave: ${sendFaultText(sendFault)}`);
  return [...waitingFor, ...problem, ...(echo?.waitingFor ?? [])];
}

/** Whether a session between these ends is the same one. */
export function samePath(a: BfdPath, b: BfdPath): boolean {
  const keys = Object.keys(a) as (keyof BfdPath)[];
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

/** Whether a session of the one configuration can go on with the other. */
export function isSameSession(a: ProtocolBfd, b: ProtocolBfd): boolean {
  return samePath(a.path, b.path) && a.settings.unaffiliated === b.settings.unaffiliated;
}

/** Whether two configurations want the same of echoes, but for what the session negotiates. */
export function haveSameEchoes(a: ProtocolBfd, b: ProtocolBfd): boolean {
  return a.echo?.transmitInterval === b.echo?.transmitInterval &&
    a.settings.detectMultiplier === b.settings.detectMultiplier &&
    (a.settings.echoReceiveInterval === 0) === (b.settings.echoReceiveInterval === 0);
}

/** Whether two ways to authenticate are the same, keys and their order included. */
export function sameAuthentication(
  a: AuthenticationSettings | null,
  b: AuthenticationSettings | null,
): boolean {
  if (a === null || b === null) return a === b;
  return a.type === b.type && a.construction === b.construction &&
    a.keys.length === b.keys.length &&
    a.keys.every(({ id, secret }, i) => {
      const other = b.keys[i]!;
      return id === other.id && secret.length === other.secret.length &&
        secret.every((byte, j) => byte === other.secret[j]);
    });
}
