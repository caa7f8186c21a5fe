/** When our own clock is to be believed anew, and when an attacker would only like us to. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { forgetClock, mustFollowWallClock } from "../../../mod/vrrp/authentication_clock.ts";
import {
  createHmacState,
  type HmacState,
  receiveHmac4,
  sealHmac4,
} from "../../../mod/vrrp/authentication_hmac.ts";
import { hmac, hmacSettings, plain3, V3, VECTOR_TIME, verdict } from "./authentication_fixtures.ts";

const SECOND = 1_000_000;
const HOUR = 3600 * SECOND;
const SETTINGS = hmacSettings();

function advert(source: string, state: HmacState, time: number): Uint8Array<ArrayBuffer> {
  return sealHmac4(plain3({ source }), SETTINGS, state, time, hmac);
}

function judge(packet: Uint8Array, state: HmacState, time: number): string {
  return verdict(receiveHmac4(packet, packet.length, V3, SETTINGS, state, time, hmac));
}

/** Adverts of a peer an hour ahead, one a second; what comes of each, and whether to follow. */
function hear(state: HmacState, wallStep: number, adverts: number) {
  const peer = createHmacState();
  return Array.from({ length: adverts }, (_, i) => {
    const time = VECTOR_TIME + i * SECOND;
    const result = judge(advert("192.0.2.2", peer, time + HOUR), state, time);
    return [result, mustFollowWallClock(SETTINGS, state, time, time + wallStep)];
  });
}

Deno.test("a clock that was wrong at the start and is right now is followed with the third advert", () => {
  const state = createHmacState();
  const stale = "authentication_stale";
  deepStrictEqual(hear(state, HOUR, 3), [[stale, false], [stale, false], [stale, true]]);
  forgetClock(state);
  const now = VECTOR_TIME + HOUR + 3 * SECOND;
  strictEqual(judge(advert("192.0.2.2", createHmacState(), now), state, now), "signed");
});

Deno.test("nobody is followed whose clock is not ours of now", () => {
  for (const step of [0, HOUR - 60 * SECOND, -HOUR]) {
    ok(hear(createHmacState(), step, 5).every(([, follow]) => follow === false), `${step}`);
  }
});

Deno.test("as long as somebody is believed, a clock that was set moves nothing", () => {
  const state = createHmacState();
  strictEqual(
    judge(advert("192.0.2.3", createHmacState(), VECTOR_TIME), state, VECTOR_TIME),
    "signed",
  );
  ok(hear(state, HOUR, 5).every(([, follow]) => follow === false));
});

Deno.test("a recording that is played again is no peer to follow", () => {
  const [state, peer] = [createHmacState(), createHmacState()];
  const recorded = advert("192.0.2.2", peer, VECTOR_TIME + HOUR);
  for (let i = 0; i < 5; i++) {
    judge(recorded, state, VECTOR_TIME + i);
    strictEqual(
      mustFollowWallClock(SETTINGS, state, VECTOR_TIME + i, VECTOR_TIME + HOUR),
      false,
    );
  }
});

Deno.test("the answer is of the advert that was just refused, not of an earlier one", () => {
  const state = createHmacState();
  hear(state, 0, 3);
  const later = VECTOR_TIME + 10 * SECOND;
  strictEqual(mustFollowWallClock(SETTINGS, state, later, later + HOUR), false);
});
