/**
 * Who is believed when adverts are signed (PROTOCOL.md section 5): keys and their rotation, modes
 * for the way there, freshness, and what a wrong clock looks like.
 *
 * Everything fails closed. Settings that could not sign, or accept what they should not, are told
 * by `hmacProblems` and refused here, never repaired. In every mode an advert that is signed and
 * wrong is dropped.
 *
 * A stamp is fresh when it is within the window around our clock (`anti_replay = "time"`) and after
 * what its sender has said before. These marks move only after everything else has been found
 * right. There is room for sixteen senders; whoever makes room leaves its mark as a floor for
 * strangers, so that nothing recorded becomes new by being forgotten.
 *
 * Two clocks that differ by more than the window make two masters, each deaf to the other. An old
 * recording looks the same for one packet, but does not go on growing: three stale adverts in a row
 * that are signed and newer each time are a clock, and the operator is told whose.
 *
 * @module
 */

import { isLive, MOST_MARKS, noticeSkew, suspect } from "./authentication_clock.ts";
import {
  type AntiReplay,
  isAfter,
  nextStamp,
  secondsAhead,
  type Stamp,
  stampAt,
} from "./authentication_stamp.ts";
import {
  appendTrailer4,
  appendTrailer6,
  isGenuine,
  type Opened,
  openTrailer4,
  openTrailer6,
  readTrailer,
  type Trailer,
} from "./authentication_trailer.ts";
import { type Authenticated, disbelieve, type Hmac, locate } from "./authentication_types.ts";
import { type Decoded, type DecodeOptions, PROTOCOL_VRRP, VRRP_HEADER } from "./message.ts";
import { decodeAdvertisement } from "./packet.ts";
import { decodeAdvertisement6, type Ipv6Origin } from "./packet6.ts";
import type { Secret } from "../secret/mod.ts";
import type { Micros } from "./types.ts";

const LONGEST_WINDOW = 300;
const [SHORTEST_KEY, LONGEST_KEY] = [32, 64];

/**
 * `permissive` signs and accepts what is not signed; `receive-only` does not sign either. Both are
 * for the time in which not all nodes have the key.
 */
export type HmacMode = "enforce" | "permissive" | "receive-only";

export interface HmacKey {
  /** 1 to 255. */
  readonly id: number;
  /** 32 to 64 bytes. */
  readonly key: Secret;
}

export interface HmacSettings {
  /** All are accepted: a rotation adds the new one everywhere before any node signs with it. */
  readonly keys: readonly HmacKey[];
  /** Id of the key to sign with. */
  readonly activeKey: number;
  readonly mode: HmacMode;
  readonly antiReplay: AntiReplay;
  /** Seconds, 1 to 300. */
  readonly window: number;
  /** Unicast: nobody else may sign. null: multicast. */
  readonly peers: readonly string[] | null;
}

/** How far a sender has come. */
export interface Mark {
  readonly source: string;
  stamp: Stamp;
  /** Id of the key that it signed with. */
  keyId: number;
}

/** A sender whose clock disagrees with ours. */
export interface Suspect {
  readonly source: string;
  stamp: Stamp;
  /** Stale adverts in a row, each newer than the one before. */
  streak: number;
  /** By how many seconds its clock is ahead; negative: behind. */
  ahead: number;
  /** When it was last heard, by our clock. */
  heard: Micros;
}

/** What is remembered for one session. Plain data without keys: it may be in a snapshot. */
export interface HmacState {
  sent: Stamp | null;
  /** The newest stamp of each sender; the sender heard last is at the end. */
  marks: Mark[];
  /** Strangers must be newer than this; null: anything fresh will do. */
  floor: Stamp | null;
  suspects: Suspect[];
  /** Senders of whom it was told that their clock is ahead or behind by half the window. */
  skewed: string[];
}

export function createHmacState(): HmacState {
  return { sent: null, marks: [], floor: null, suspects: [], skewed: [] };
}

/** Window unless configured: three intervals, at least five seconds. */
export function defaultWindow(interval: Micros): number {
  return Math.min(LONGEST_WINDOW, Math.max(3 * Math.floor(interval / 1_000_000), 5));
}

/** What is wrong with settings, in words without secrets; empty: nothing. */
export function hmacProblems(settings: HmacSettings): string[] {
  const problems: string[] = [];
  const ids = settings.keys.map(({ id }) => id);
  for (const { id, key } of settings.keys) {
    if (!Number.isInteger(id) || id < 1 || id > 255) problems.push(`key id ${id} is not 1 to 255`);
    if (key.length < SHORTEST_KEY || key.length > LONGEST_KEY) {
      problems.push(`key ${id} has ${key.length} bytes, not ${SHORTEST_KEY} to ${LONGEST_KEY}`);
    }
  }
  for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) {
    problems.push(`key id ${id} is given twice`);
  }
  if (!ids.includes(settings.activeKey)) {
    problems.push(`the active key ${settings.activeKey} is not among the keys`);
  }
  const { window } = settings;
  if (!Number.isInteger(window) || window < 1 || window > LONGEST_WINDOW) {
    problems.push(`a time window of ${window} s is not 1 to ${LONGEST_WINDOW} s`);
  }
  return problems;
}

// ===== signing ===================================================================================

/** The stamp and key for one advert; null: this mode does not sign. */
function nextSignature(settings: HmacSettings, state: HmacState, time: Micros) {
  if (settings.mode === "receive-only") return null;
  const active = settings.keys.find(({ id }) => id === settings.activeKey);
  if (active === undefined) {
    throw new RangeError(`Cannot sign: there is no key ${settings.activeKey}`);
  }
  state.sent = nextStamp(state.sent, time, settings.antiReplay, settings.window);
  return { trailer: { keyId: active.id, stamp: state.sent }, key: active.key };
}

/**
 * A plain IPv4 packet, signed; the same bytes may go to every unicast peer of one source, apart
 * from the IP destination and what depends on it.
 *
 * @param time of `stampTime`
 * @throws {RangeError} when the active key is missing
 */
export function sealHmac4(
  packet: Uint8Array<ArrayBuffer>,
  settings: HmacSettings,
  state: HmacState,
  time: Micros,
  hmac: Hmac,
): Uint8Array<ArrayBuffer> {
  const next = nextSignature(settings, state, time);
  return next === null ? packet : appendTrailer4(packet, next.trailer, next.key, hmac);
}

/** The same for a message over IPv6 from `source`, sixteen bytes. */
export function sealHmac6(
  message: Uint8Array<ArrayBuffer>,
  source: Uint8Array,
  settings: HmacSettings,
  state: HmacState,
  time: Micros,
  hmac: Hmac,
): Uint8Array<ArrayBuffer> {
  const next = nextSignature(settings, state, time);
  return next === null ? message : appendTrailer6(message, source, next.trailer, next.key, hmac);
}

// ===== receiving =================================================================================

/** Decodes an IPv4 packet that must be signed, or may be. Never throws. */
export function receiveHmac4(
  packet: Uint8Array,
  length: number,
  options: DecodeOptions,
  settings: HmacSettings,
  state: HmacState,
  time: Micros,
  hmac: Hmac,
): Authenticated {
  const found = locate(packet, length, PROTOCOL_VRRP);
  if (found === null) return disbelieve("truncated");
  const opened = openTrailer4(packet.subarray(0, length), found);
  const decoded = decodeAdvertisement(opened.plain, opened.plain.length, options);
  return judge(decoded, opened, settings, state, time, hmac);
}

/** The same for what a raw IPv6 socket delivered. */
export function receiveHmac6(
  message: Uint8Array,
  length: number,
  from: Ipv6Origin,
  options: DecodeOptions,
  settings: HmacSettings,
  state: HmacState,
  time: Micros,
  hmac: Hmac,
): Authenticated {
  if (length < VRRP_HEADER || length > message.length) return disbelieve("truncated");
  const opened = openTrailer6(message.subarray(0, length), from.source);
  const decoded = decodeAdvertisement6(opened.plain, opened.plain.length, from, options);
  return judge(decoded, opened, settings, state, time, hmac);
}

/** The cheap checks of the codec have been made; what a stranger can know nothing of comes now. */
function judge(
  decoded: Decoded,
  opened: Opened,
  settings: HmacSettings,
  state: HmacState,
  time: Micros,
  hmac: Hmac,
): Authenticated {
  if (!decoded.ok) return decoded;
  if (opened.trailer === null) {
    if (settings.mode === "enforce") return disbelieve("authentication_missing");
    return { ...decoded, signed: false };
  }
  const trailer = readTrailer(opened.trailer);
  if (trailer === null) return disbelieve("authentication_malformed");
  const { source } = decoded.advertisement;
  if (settings.peers !== null && !settings.peers.includes(source)) {
    return disbelieve("authentication_source");
  }
  const key = settings.keys.find(({ id }) => id === trailer.keyId);
  const ahead = secondsAhead(trailer.stamp, stampAt(time));
  if (settings.antiReplay === "time" && Math.abs(ahead) > settings.window) {
    // Stale whatever its digest is; that decides only whether it tells of a clock.
    const genuine = key !== undefined && isGenuine(opened, key.key, hmac);
    const notice = genuine ? suspect(settings, state, source, trailer.stamp, ahead, time) : null;
    return { ok: false, drop: "authentication_stale", ...(notice === null ? {} : { notice }) };
  }
  if (key === undefined) return disbelieve("authentication_unknown_key");
  if (!isGenuine(opened, key.key, hmac)) return disbelieve("authentication_invalid");
  if (!advanceMark(settings, state, source, trailer, time)) {
    return disbelieve("authentication_replay");
  }
  state.suspects = state.suspects.filter((one) => one.source !== source);
  const notice = noticeSkew(settings, state, source, ahead);
  return { ...decoded, signed: true, ...(notice === null ? {} : { notice }) };
}

/** Moves a sender's mark; false: it has been as far already. */
function advanceMark(
  settings: HmacSettings,
  state: HmacState,
  source: string,
  { stamp, keyId }: Trailer,
  time: Micros,
): boolean {
  const known = state.marks.find((mark) => mark.source === source);
  const last = known !== undefined && isLive(known, settings, time) ? known.stamp : state.floor;
  if (last !== null && !isAfter(stamp, last)) return false;
  state.marks = state.marks.filter((mark) => mark !== known);
  if (state.marks.length >= MOST_MARKS) {
    const live = state.marks.filter((mark) => isLive(mark, settings, time));
    const forgotten = live.length >= MOST_MARKS ? live.shift() : undefined;
    if (forgotten && (state.floor === null || isAfter(forgotten.stamp, state.floor))) {
      state.floor = forgotten.stamp;
    }
    state.marks = live;
  }
  state.marks.push({ source, stamp, keyId });
  return true;
}
