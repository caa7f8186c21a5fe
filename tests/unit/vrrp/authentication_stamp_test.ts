/** Stamps: 64 bits on a circle, made of a clock that no step of the wall clock moves. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  isAfter,
  nextStamp,
  secondsAhead,
  type Stamp,
  stampAt,
  stampTime,
} from "../../../mod/vrrp/authentication_stamp.ts";
import { forSeeds } from "../../lib/random.ts";

const HALF = 0x8000_0000;
const T = 0x68000000;

function stamp(seconds: number, fraction = 0): Stamp {
  return { seconds, fraction };
}

/** The same on one number. */
function asBigInt({ seconds, fraction }: Stamp): bigint {
  return (BigInt(seconds) << 32n) | BigInt(fraction);
}

Deno.test("a stamp is seconds, and 65,536ths with a counter of zero", () => {
  deepStrictEqual(stampAt(T * 1e6 + 500_000), stamp(T, 0x8000_0000));
  deepStrictEqual(stampAt(T * 1e6), stamp(T));
  deepStrictEqual(stampAt(T * 1e6 + 999_999), stamp(T, 0xffff_0000));
  // 7 February 2106: the seconds begin anew.
  deepStrictEqual(stampAt(2 ** 32 * 1e6 + 3e6), stamp(3));
});

Deno.test("stamps compare as serial numbers of 64 bits do (RFC 1982)", () => {
  forSeeds(2000, (random) => {
    const word = () => random.pick([0, 1, HALF - 1, HALF, 0xffff_ffff, random.int(0, 0xffff_ffff)]);
    const [a, b] = [stamp(word(), word()), stamp(word(), word())];
    const apart = BigInt.asUintN(64, asBigInt(a) - asBigInt(b));
    strictEqual(isAfter(a, b), apart > 0n && apart < 1n << 63n, JSON.stringify([a, b]));
    ok(!(isAfter(a, b) && isAfter(b, a)));
  });
  strictEqual(isAfter(stamp(5), stamp(5)), false);
});

Deno.test("seconds ahead are counted over the end of the circle", () => {
  strictEqual(secondsAhead(stamp(2), stamp(0xffff_fffe)), 4);
  strictEqual(secondsAhead(stamp(0xffff_fffe), stamp(2)), -4);
  strictEqual(secondsAhead(stamp(T + 3600), stamp(T)), 3600);
});

Deno.test("each stamp is newer than the last, also within one tick and over every carry", () => {
  const now = T * 1e6;
  let last: Stamp | null = null;
  for (let i = 0; i < 70_000; i++) {
    const next: Stamp = nextStamp(last, now, "time", 5);
    if (last !== null && !isAfter(next, last)) ok(false, `${i}: ${JSON.stringify([last, next])}`);
    last = next;
  }
  deepStrictEqual(last, stamp(T, 69_999));
  deepStrictEqual(nextStamp(stamp(T, 0xffff_ffff), now, "time", 5), stamp(T + 1));
  deepStrictEqual(nextStamp(stamp(0xffff_ffff, 0xffff_ffff), 0, "monotonic", 5), stamp(0));
});

Deno.test("a clock put back a little is waited for, one put back by more than the window followed", () => {
  const last = stamp(T + 5, 7);
  deepStrictEqual(nextStamp(last, T * 1e6, "time", 5), stamp(T + 5, 8));
  deepStrictEqual(nextStamp(last, (T - 1) * 1e6, "time", 5), stamp(T - 1));
  deepStrictEqual(nextStamp(last, (T - 1000) * 1e6, "monotonic", 5), stamp(T + 5, 8));
});

Deno.test("stamps go by the wall clock at start and what has passed since", () => {
  const anchor = { wall: T * 1e6, monotonic: 77e6 };
  strictEqual(stampTime(anchor, 77e6), T * 1e6);
  strictEqual(stampTime(anchor, 80e6), (T + 3) * 1e6);
});
