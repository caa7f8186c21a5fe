/** Whom a router has heard, which checksum rule it learns from them, and what it complains about. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  checksumOf,
  type ChecksumRule,
  type Micros,
  type Router,
  step,
} from "../../../mod/vrrp/mod.ts";
import { advert, HIGHER, LOWER, SECOND, started } from "./fixtures.ts";

const THIRD = "198.51.100.200";

/** Hears one advert and returns the kinds of notices. */
function hear(router: Router, at: Micros, checksum: ChecksumRule, source = HIGHER): string[] {
  return step(router, advert({ checksum, source, priority: 200 }), at)
    .flatMap((effect) => effect.type === "notice" ? [effect.kind] : []);
}

Deno.test("[V7-6] auto: begins with the pseudo header, follows three adverts in a row", () => {
  const router = started();
  strictEqual(router.checksum.sending, "rfc5798");
  deepStrictEqual(hear(router, 1 * SECOND, "rfc9568"), []);
  deepStrictEqual(hear(router, 2 * SECOND, "rfc9568"), []);
  strictEqual(router.checksum.sending, "rfc5798");
  deepStrictEqual(
    step(router, advert({ checksum: "rfc9568", priority: 200 }), 3 * SECOND)[0],
    {
      type: "notice",
      kind: "checksum_changed",
      text: "Sending rfc9568 checksums from now on, as 198.51.100.11 does",
    },
  );
  deepStrictEqual(router.checksum, { sending: "rfc9568", streak: 0, changed: 3 * SECOND });
});

Deno.test("[V7-6] auto: two and one in between begin anew", () => {
  const router = started();
  for (
    const [i, rule] of (["rfc9568", "rfc9568", "rfc5798", "rfc9568", "rfc9568"] as const).entries()
  ) {
    deepStrictEqual(hear(router, i * SECOND, rule), []);
  }
  strictEqual(router.checksum.sending, "rfc5798");
});

Deno.test("auto: one forged advert flips nothing, not at any point of the sequence", () => {
  const router = started();
  for (let i = 0; i < 100; i++) {
    hear(router, i * SECOND, "rfc5798");
    hear(router, i * SECOND + 1, "rfc9568", THIRD);
    strictEqual(router.checksum.sending, "rfc5798");
  }
});

Deno.test("auto: never back within 60 s, and after that by three in a row again", () => {
  const router = started();
  for (const at of [1, 2, 3]) hear(router, at * SECOND, "rfc9568");
  const changed = 3 * SECOND;
  for (let at = changed + SECOND; at < changed + 60 * SECOND; at += SECOND) {
    deepStrictEqual(hear(router, at, "rfc5798"), []);
    strictEqual(router.checksum.sending, "rfc9568", `at ${at}`);
  }
  // Where the streak stood does not matter: within three adverts of the minute's end it goes back.
  const notices = [60, 61, 62].flatMap((at) => hear(router, changed + at * SECOND, "rfc5798"));
  deepStrictEqual(notices, ["checksum_changed"]);
  strictEqual(router.checksum.sending, "rfc5798");
});

Deno.test("auto: peers that contradict each other: keep, and raise the alarm", () => {
  const router = started();
  hear(router, 1 * SECOND, "rfc5798", LOWER);
  hear(router, 2 * SECOND, "rfc9568");
  hear(router, 3 * SECOND, "rfc9568");
  deepStrictEqual(
    step(router, advert({ checksum: "rfc9568", priority: 200 }), 4 * SECOND)[0],
    {
      type: "notice",
      kind: "checksum_contradiction",
      text: "198.51.100.11 sends rfc9568 checksums, 198.51.100.9 rfc5798: keeping rfc5798",
    },
  );
  strictEqual(router.checksum.sending, "rfc5798");
  // The loyal one is silent for a minute: nobody contradicts any more.
  for (let at = 5; at < 61; at++) {
    hear(router, at * SECOND, "rfc9568");
    strictEqual(router.checksum.sending, "rfc5798", `at ${at} s`);
  }
  for (let at = 61; at < 64; at++) hear(router, at * SECOND, "rfc9568");
  strictEqual(router.checksum.sending, "rfc9568");
});

Deno.test("auto: a peer that changes its own mind contradicts nobody", () => {
  const router = started();
  for (const at of [1, 2, 3]) hear(router, at * SECOND, "rfc5798");
  const notices = [4, 5, 6].flatMap((at) => hear(router, at * SECOND, "rfc9568"));
  deepStrictEqual(notices, ["checksum_changed"]);
});

Deno.test("a fixed rule learns nothing; ignore neither, nor from adverts right under no rule", () => {
  for (const checksum of ["rfc9568", "rfc5798", "ignore"] as const) {
    const router = started({ checksum });
    const { sending } = router.checksum;
    strictEqual(sending, checksum === "rfc9568" ? "rfc9568" : "rfc5798");
    for (let i = 0; i < 10; i++) {
      hear(router, i * SECOND, sending === "rfc9568" ? "rfc5798" : "rfc9568");
    }
    deepStrictEqual(router.checksum, { sending, streak: 0, changed: null });
  }
  const router = started();
  for (let i = 0; i < 10; i++) hear(router, i * SECOND, "none");
  strictEqual(router.checksum.sending, "rfc5798");
});

Deno.test("a peer is remembered with what it said last", () => {
  const router = started();
  hear(router, 1 * SECOND, "rfc5798");
  hear(router, 2 * SECOND, "rfc5798", LOWER);
  step(router, advert({ priority: 0, checksum: "rfc9568" }), 3 * SECOND);
  const said = { version: 3, interval: SECOND } as const;
  deepStrictEqual(router.peers, [
    { address: HIGHER, priority: 0, lastHeard: 3 * SECOND, checksum: "rfc9568", ...said },
    { address: LOWER, priority: 200, lastHeard: 2 * SECOND, checksum: "rfc5798", ...said },
  ]);
});

Deno.test("a thousand senders: sixteen are remembered, the latest", () => {
  const router = started();
  hear(router, 0, "rfc5798");
  for (let i = 0; i < 1000; i++) {
    hear(router, 2 * i, "rfc5798", `203.0.113.${i % 250}`);
    hear(router, 2 * i + 1, "rfc5798"); // the real one goes on
    ok(router.peers.length <= 16);
  }
  strictEqual(router.peers.length, 16);
  ok(router.peers.some((peer) => peer.address === HIGHER), "the real one is among them");
});

Deno.test("[V7-16] complaints about peers: one of a kind in 10 s, however many adverts say so", () => {
  const router = started();
  const kinds: string[] = [];
  // Each different from the one before, as a flood would be.
  for (let i = 0; i < 1000; i++) {
    const event = advert({
      priority: 200,
      interval: 10_000 * (1 + i % 90),
      addresses: [`192.0.2.${i % 9}`],
    });
    for (const effect of step(router, event, i * 9_999)) {
      if (effect.type === "notice") kinds.push(effect.kind);
    }
  }
  deepStrictEqual(kinds, ["address_list_mismatch", "interval_mismatch"]);
  const again = step(router, advert({ addresses: ["192.0.2.1"], priority: 200 }), 10 * SECOND);
  deepStrictEqual(again.map((effect) => effect.type), ["notice", "set_timer"]);
});

Deno.test("[V7-6] auto, unicast: each peer has the rule that it sends by, and contradicts nobody", () => {
  const router = started({ unicast: true });
  for (let at = 1; at <= 5; at++) {
    hear(router, at * SECOND, "rfc5798", THIRD);
    const notices = hear(router, at * SECOND + 1, "rfc9568");
    deepStrictEqual(notices, at === 3 ? ["checksum_changed"] : []);
  }
  strictEqual(checksumOf(router, HIGHER), "rfc9568");
  strictEqual(checksumOf(router, THIRD), "rfc5798");
  strictEqual(checksumOf(router, LOWER), "rfc5798", "never heard");
  strictEqual(router.checksum.sending, "rfc5798");
  deepStrictEqual(structuredClone(router), JSON.parse(JSON.stringify(router)));
});
