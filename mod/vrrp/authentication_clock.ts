/**
 * What a wrong clock looks like to those who sign adverts with a time, whose it may be, and when
 * our own is to be believed anew (PROTOCOL.md section 5).
 *
 * Stamps go by the wall clock as it was at the start (`authentication_stamp.ts`), so that nobody
 * who sets it while we run makes us refuse our peers. But it may have been wrong at the start, and
 * have been set right since; or everybody else has been started anew after it was set. Then nobody
 * is believed, and the peers that are refused agree with our wall clock of now: we go by that one
 * from there on. As long as anybody is believed we do not, or else whoever can set our clock back
 * could have us believe what he has recorded.
 *
 * @module
 */

import type { HmacSettings, HmacState, Mark } from "./authentication_hmac.ts";
import { isAfter, secondsAhead, type Stamp, stampAt } from "./authentication_stamp.ts";
import type { ClockNotice } from "./authentication_types.ts";
import type { Micros } from "./types.ts";

/** Senders remembered, of each kind. */
export const MOST_MARKS = 16;
/** Stale adverts in a row that make a clock wrong. */
const STREAK = 3;
/** After so much silence a sender is suspected of nothing any more. */
const SUSPICION: Micros = 60_000_000;

/** Whether a mark means anything still: what is older than the window is stale anyway. */
export function isLive(
  { stamp }: Pick<Mark, "stamp">,
  settings: HmacSettings,
  time: Micros,
): boolean {
  return settings.antiReplay === "monotonic" ||
    Math.abs(secondsAhead(stamp, stampAt(time))) <= settings.window;
}

/** Notes a stale advert that is genuine; the third in a row is told. */
export function suspect(
  settings: HmacSettings,
  state: HmacState,
  source: string,
  stamp: Stamp,
  ahead: number,
  time: Micros,
): ClockNotice | null {
  state.suspects = state.suspects.filter(({ heard }) => time - heard < SUSPICION);
  const known = state.suspects.find((one) => one.source === source);
  if (known === undefined) {
    if (state.suspects.length >= MOST_MARKS) state.suspects.shift();
    state.suspects.push({ source, stamp, streak: 1, ahead, heard: time });
    return null;
  }
  // A recording that is played again says nothing about a clock.
  if (!isAfter(stamp, known.stamp)) return null;
  Object.assign(known, { stamp, ahead, heard: time, streak: known.streak + 1 });
  return known.streak === STREAK
    ? { kind: "clock_wrong", text: clockAlarm(settings, state, time)! }
    : null;
}

/** Why adverts are refused for their time, in words, for status and alarm; null: they are not. */
export function clockAlarm(
  settings: HmacSettings,
  state: HmacState,
  time: Micros,
): string | null {
  const wrong = state.suspects.filter(({ streak, heard }) =>
    streak >= STREAK && time - heard < SUSPICION
  );
  if (wrong.length === 0) return null;
  const which = wrong.map(({ source, ahead }) =>
    `clock of ${source} is ${Math.abs(ahead)} s ${ahead > 0 ? "ahead of" : "behind"} ours`
  ).join(", ");
  const believed = state.marks.some((mark) => isLive(mark, settings, time));
  const sides = new Set(wrong.map(({ ahead }) => Math.sign(ahead)));
  // Nobody agrees with us, and they all with each other: it is us.
  const ours = !believed && wrong.length > 1 && sides.size === 1;
  const cause = ours ? "our clock is wrong" : believed ? "its clock is wrong" : "one is wrong";
  return `The ${which}, and ${settings.window} s are allowed: ${cause}; its adverts are refused`;
}

/** A clock that is off by more than half the window is told once, until it is right again. */
export function noticeSkew(
  settings: HmacSettings,
  state: HmacState,
  source: string,
  ahead: number,
): ClockNotice | null {
  const told = state.skewed.includes(source);
  const skewed = settings.antiReplay === "time" && Math.abs(ahead) * 2 > settings.window;
  if (skewed === told) return null;
  state.skewed = state.skewed.filter((one) => one !== source);
  if (!skewed) return null;
  if (state.skewed.length >= MOST_MARKS) state.skewed.shift();
  state.skewed.push(source);
  const direction = ahead > 0 ? "ahead of" : "behind";
  const text = `The clock of ${source} is ${Math.abs(ahead)} s ${direction} ours, and ` +
    `${settings.window} s are allowed: synchronise them`;
  return { kind: "clock_skew", text };
}

/**
 * Whether to go by the wall clock as it is now: a peer that has just been refused for its time
 * agrees with it, and none agrees with us.
 *
 * @param time of `stampTime`, of the refused advert
 * @param wall microseconds since 1970
 */
export function mustFollowWallClock(
  settings: HmacSettings,
  state: HmacState,
  time: Micros,
  wall: Micros,
): boolean {
  if (settings.antiReplay !== "time") return false;
  if (state.marks.some((mark) => isLive(mark, settings, time))) return false;
  const now = stampAt(wall);
  return state.suspects.some(({ heard, stamp, streak }) =>
    heard === time && streak >= STREAK && Math.abs(secondsAhead(stamp, now)) <= settings.window
  );
}

/** Nothing that was learned by another clock counts: it is all too old or not yet. */
export function forgetClock(state: HmacState): void {
  state.marks = [];
  state.floor = null;
  state.suspects = [];
  state.skewed = [];
}
