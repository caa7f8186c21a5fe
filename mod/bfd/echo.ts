/**
 * The Echo function (RFC 5880 sections 6.4, 6.8.8, 6.8.9): packets to ourselves that the other
 * side's forwarding plane sends back. What is in them is our own affair (section 5):
 *
 * ```text
 *   "halb"  discriminator  key  sequence  time sent (64 bits)       seven words of 32 bits
 * ```
 *
 * The key is a random number of this activation: who cannot see our echoes cannot answer for them.
 *
 * An echo function that has never seen an echo come back is on trial: the other side says that it
 * sends them back, while what does so is its forwarding plane, which may have other orders (a Linux
 * host forwards nothing unless told to). On trial control packets go on as ever, nothing fails, and
 * the operator is told. From the first echo that has come back on, loss is a failure.
 *
 * A session whose echoes have failed would come up again within a round trip, since its control
 * packets are well, and fail again, some times a second. So it is held down after a failure, each
 * time longer (a hysteresis, as RFC 5882 section 3.2 has it), and those who depend on it are told
 * that it is up when an echo has come back, not before: `doubtful` until then.
 *
 * As with the session, deadlines follow from what is remembered: `echoDeadline` says which one is
 * next. The driver tells after each step of the session what it allows (`follow`), and passes the
 * effects `echo` and `failed` on to it.
 *
 * @module
 */

import { read32, write32 } from "./packet.ts";
import { STALL_SHARE, waitAfterStall } from "./timing.ts";
import type { Micros } from "./types.ts";

export const ECHO_LENGTH = 28;
const MAGIC = 0x68616c62;
const WORD = 0x1_0000_0000;
/** How long the session is held down after a failure; twice as long after the next, and so on. */
const FIRST_HOLD: Micros = 1_000_000;
const LONGEST_HOLD: Micros = 8_000_000;
/** Least time without an echo before the operator is told. */
const TRIAL: Micros = 1_000_000;

export interface EchoSettings {
  /** Between two of our echoes, unless the other side wants fewer. */
  readonly transmitInterval: Micros;
  /** So many missing in a row are a failure. */
  readonly detectMultiplier: number;
}

export interface Echo {
  settings: EchoSettings;
  readonly discriminator: number;
  /** Of this activation. */
  key: number;
  /** Echoes are being sent. */
  active: boolean;
  /** One has come back, in this activation or an earlier one. */
  proven: boolean;
  /** The session was told that echoes look after the path: their loss is a failure. */
  relied: boolean;
  /** It was told that none come back, since one did or the activation began. */
  missed: boolean;
  /** Failures since an echo has come back. */
  failures: number;
  /** What the other side takes at most often, microseconds. */
  remoteMinimum: Micros;
  sequence: number;
  lastSent: Micros | null;
  jitter: number;
  /** Since when nothing has come back. */
  silentSince: Micros;
  /** How far detection has been put off since by stalls of ours, and how much of it was given. */
  grace: Micros;
  graceGiven: Micros;
  sent: number;
  returned: number;
  /** Round trips, microseconds; null: none yet. `smoothed` moves by an eighth each time. */
  roundTrip: { last: Micros; least: Micros; most: Micros; smoothed: Micros } | null;
}

/** What came back. */
export interface EchoPacket {
  discriminator: number;
  key: number;
  sequence: number;
  sentAt: Micros;
}

export type EchoEvent =
  /** The session is up or not, and what its peer's Required Min Echo RX Interval is; 0: none. */
  | { readonly type: "follow"; readonly up: boolean; readonly remoteMinimum: Micros }
  | { readonly type: "timer" }
  | { readonly type: "returned"; readonly packet: Readonly<EchoPacket> }
  | { readonly type: "stall"; readonly length: Micros }
  | { readonly type: "configure"; readonly settings: EchoSettings };

export type EchoEffect =
  | { readonly type: "send_echo" }
  /** For the session: its control packets may be rare, or not any more. */
  | { readonly type: "echo"; readonly active: boolean }
  /** For the session: the path is broken; it is not to come up again for `hold`. */
  | { readonly type: "failed"; readonly hold: Micros }
  /** After a failure: the path works again, as far as echoes can tell. */
  | { readonly type: "confirmed" }
  /** On trial, and none has come back for a while: told once. */
  | { readonly type: "missing" };

const SEND: EchoEffect = Object.freeze({ type: "send_echo" });

export function createEcho(settings: EchoSettings, discriminator: number): Echo {
  return {
    settings,
    discriminator,
    key: 0,
    active: false,
    proven: false,
    relied: false,
    missed: false,
    failures: 0,
    remoteMinimum: 0,
    sequence: 0,
    lastSent: null,
    jitter: 0,
    silentSince: 0,
    grace: 0,
    graceGiven: 0,
    sent: 0,
    returned: 0,
    roundTrip: null,
  };
}

/** @param random a fresh number in [0, 1) */
export function stepEcho(
  echo: Echo,
  event: EchoEvent,
  now: Micros,
  random: number,
  effects: EchoEffect[] = [],
): EchoEffect[] {
  switch (event.type) {
    case "follow":
      follow(echo, event.up, event.remoteMinimum, now, random, effects);
      break;
    case "timer":
      onTimer(echo, now, random, effects);
      break;
    case "returned":
      onReturned(echo, event.packet, now, effects);
      break;
    case "stall":
      if (echo.active) onStall(echo, event.length, now);
      break;
    case "configure":
      echo.settings = event.settings;
      break;
  }
  return effects;
}

/** Only in Up, and only where the other side sends echoes back (6.8.9). */
function follow(
  echo: Echo,
  up: boolean,
  remoteMinimum: Micros,
  now: Micros,
  random: number,
  effects: EchoEffect[],
): void {
  const active = up && remoteMinimum > 0;
  // Nobody sends echoes back any more: what is left is what control packets say.
  if (up && remoteMinimum === 0) confirm(echo, effects);
  echo.remoteMinimum = remoteMinimum;
  if (active === echo.active) return;
  echo.active = active;
  echo.missed = false;
  echo.lastSent = null;
  echo.silentSince = now;
  echo.grace = echo.graceGiven = 0;
  if (active) echo.key = Math.floor(random * WORD);
  const relied = active && echo.proven;
  if (relied === echo.relied) return;
  echo.relied = relied;
  effects.push({ type: "echo", active: relied });
}

/** The last failure is over. */
function confirm(echo: Echo, effects: EchoEffect[]): void {
  if (!isDoubtful(echo)) return;
  echo.failures = 0;
  effects.push({ type: "confirmed" });
}

/** Goes on from what a session in a snapshot knew of its echoes. */
export function resumeEcho(echo: Echo, relied: boolean, failures: number): void {
  echo.proven = relied || failures > 0;
  echo.failures = failures;
}

/** Echoes have failed, and none has come back since. */
export function isDoubtful(echo: Echo): boolean {
  return echo.failures > 0;
}

function onTimer(echo: Echo, now: Micros, random: number, effects: EchoEffect[]): void {
  if (!echo.active) return;
  if (now >= detectAt(echo)) {
    echo.active = echo.relied = false;
    const hold = Math.min(LONGEST_HOLD, FIRST_HOLD * 2 ** echo.failures);
    echo.failures++;
    effects.push({ type: "failed", hold });
    return;
  }
  if (isMissing(echo, now)) {
    echo.missed = true;
    effects.push({ type: "missing" });
  }
  if (now < transmitAt(echo)) return;
  // Nobody can miss what was never sent.
  if (echo.lastSent === null) echo.silentSince = now;
  echo.lastSent = now;
  echo.jitter = random;
  echo.sequence = (echo.sequence + 1) >>> 0;
  echo.sent++;
  effects.push(SEND);
}

/** As for the session: our stall is nobody's silence, one detection time at most in all. */
function onStall(echo: Echo, length: Micros, now: Micros): void {
  if (!echo.relied || length < STALL_SHARE * echoDetectionTime(echo)) return;
  waitAfterStall(echo, detectAt(echo), length, now, echoDetectionTime(echo));
}

function onReturned(
  echo: Echo,
  packet: Readonly<EchoPacket>,
  now: Micros,
  effects: EchoEffect[],
): void {
  if (!echo.active || packet.key !== echo.key || packet.discriminator !== echo.discriminator) {
    return;
  }
  const time = now - packet.sentAt;
  // Later than it was sent, and no older than what we would still wait for.
  if (time < 0 || packet.sentAt + echoDetectionTime(echo) + echo.grace < now) return;
  echo.silentSince = now;
  echo.grace = echo.graceGiven = 0;
  echo.returned++;
  echo.missed = false;
  confirm(echo, effects);
  if (!echo.relied) {
    echo.proven = echo.relied = true;
    effects.push({ type: "echo", active: true });
  }
  const before = echo.roundTrip;
  echo.roundTrip = before === null ? { last: time, least: time, most: time, smoothed: time } : {
    last: time,
    least: Math.min(before.least, time),
    most: Math.max(before.most, time),
    smoothed: Math.round(before.smoothed + (time - before.smoothed) / 8),
  };
}

/** Between two echoes, before jitter (6.8.9). */
export function echoInterval(echo: Echo): Micros {
  return Math.max(echo.settings.transmitInterval, echo.remoteMinimum);
}

export function echoDetectionTime(echo: Echo): Micros {
  return echo.settings.detectMultiplier * echoInterval(echo);
}

function transmitAt(echo: Echo): Micros {
  if (echo.lastSent === null) return echo.silentSince;
  return echo.lastSent + Math.max(1, Math.round(echoInterval(echo) * (0.75 + 0.25 * echo.jitter)));
}

/** On trial: so many were sent as would be a failure, for a second at least. */
function isMissing(echo: Echo, now: Micros): boolean {
  if (echo.relied || echo.missed || echo.lastSent === null) return false;
  return now - echo.silentSince >= Math.max(TRIAL, echoDetectionTime(echo));
}

/** When silence becomes a failure. */
function detectAt(echo: Echo): Micros {
  if (!echo.relied) return Infinity;
  return echo.silentSince + echoDetectionTime(echo) + echo.grace;
}

/** When `stepEcho` wants a timer event next; `Infinity`: not at all. */
export function echoDeadline(echo: Echo): Micros {
  return echo.active ? Math.min(transmitAt(echo), detectAt(echo)) : Infinity;
}

/** Writes the echo that a `send_echo` effect asks for. Returns its length. */
export function writeEcho(echo: Echo, bytes: Uint8Array, now: Micros): number {
  write32(bytes, 0, MAGIC);
  write32(bytes, 4, echo.discriminator);
  write32(bytes, 8, echo.key);
  write32(bytes, 12, echo.sequence);
  write32(bytes, 16, 0);
  write32(bytes, 20, Math.floor(now / WORD));
  write32(bytes, 24, now % WORD);
  return ECHO_LENGTH;
}

/** Reads an echo into `packet`. Returns whether it is one; never throws. */
export function decodeEcho(bytes: Uint8Array, length: number, packet: EchoPacket): boolean {
  if (!(length >= ECHO_LENGTH && length <= bytes.length)) return false;
  if (read32(bytes, 0) !== MAGIC || read32(bytes, 16) !== 0) return false;
  packet.discriminator = read32(bytes, 4);
  packet.key = read32(bytes, 8);
  packet.sequence = read32(bytes, 12);
  packet.sentAt = read32(bytes, 20) * WORD + read32(bytes, 24);
  return true;
}
