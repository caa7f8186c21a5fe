/**
 * RFC 7419: the intervals that everybody has. halb takes every whole microsecond from 3.3 ms on, so
 * there is nothing for it to round; some hardware rounds, and must come to terms with us.
 */

import { ok, strictEqual } from "node:assert/strict";
import {
  detectionTime,
  type Micros,
  type SessionSettings,
  transmitInterval,
} from "../../../mod/bfd/mod.ts";
import { type End, Path } from "../../lib/bfd_virtual_time.ts";
import { Random } from "../../lib/random.ts";
import { settings } from "./fixtures.ts";

/** Section 3, with the 10 s that section 4 asks for. */
const COMMON: readonly Micros[] = [3_300, 10_000, 20_000, 50_000, 100_000, 1_000_000, 10_000_000];
const SECOND = 1_000_000;

function at(interval: Micros, more: Partial<SessionSettings> = {}): SessionSettings {
  return settings({ transmitInterval: interval, receiveInterval: interval, ...more });
}

function goesBy(path: Path, end: End, interval: Micros): void {
  const { session } = end;
  strictEqual(transmitInterval(session), interval);
  strictEqual(detectionTime(session), path.other(end).session.settings.detectMultiplier * interval);
  strictEqual(session.polling, false);
}

Deno.test("[B7419-1] any two of the common intervals: both go by the longer one", () => {
  const random = new Random(1);
  for (const ours of COMMON) {
    for (const theirs of COMMON) {
      const path = new Path(random, at(ours), at(theirs));
      path.bringUp(60 * SECOND);
      path.run(path.now + 60 * SECOND);
      for (const end of [path.a, path.b]) goesBy(path, end, Math.max(ours, theirs));
      strictEqual(path.downs().length, 0);
    }
  }
});

Deno.test("[B7419-2] for graceful restarts: 10 s and a multiplier of 255, and back", () => {
  for (const interval of COMMON) {
    const path = new Path(new Random(interval), at(interval), at(interval));
    path.bringUp(60 * SECOND);
    path.configure(path.a, { ...at(10 * SECOND), detectMultiplier: 255 });
    path.run(path.now + 60 * SECOND);
    for (const end of [path.a, path.b]) goesBy(path, end, 10 * SECOND);
    strictEqual(detectionTime(path.b.session), 2_550 * SECOND);
    // It is away for three quarters of an hour, and nobody minds.
    path.pause(path.a, 2_500 * SECOND);
    path.run(path.now + 2_501 * SECOND);
    path.configure(path.a, at(interval));
    path.run(path.now + 60 * SECOND);
    for (const end of [path.a, path.b]) goesBy(path, end, interval);
    strictEqual(path.downs().length, 0);
  }
});

Deno.test("[B7419-3] hardware that rounds up: it adjusts once, and what it says then stands", () => {
  const supported = (wanted: Micros) => COMMON.find((interval) => interval >= wanted)!;
  for (const wanted of [3_300, 3_301, 7_000, 15_000, 33_000, 99_999, 300_000, 2 * SECOND]) {
    const path = new Path(new Random(wanted), at(wanted), at(3_300));
    const polls: Micros[] = [];
    // The other end has only some intervals: it takes the next longer one that suits us.
    const adjust = () => {
      const { session } = path.b;
      const interval = supported(transmitInterval(session));
      if (interval === session.settings.transmitInterval) return;
      ok(interval > session.settings.transmitInterval, "upwards only");
      polls.push(interval);
      path.configure(path.b, at(interval));
    };
    path.bringUp(60 * SECOND);
    for (let i = 0; i < 200; i++) {
      path.run(path.now + SECOND / 2);
      adjust();
    }
    ok(polls.length <= 1, `once for ${wanted}, not ${polls}`);
    // Ours, adjusted a second time, is what it was: the rule is idempotent.
    strictEqual(supported(transmitInterval(path.b.session)), transmitInterval(path.b.session));
    for (const end of [path.a, path.b]) goesBy(path, end, supported(wanted));
    strictEqual(path.downs().length, 0);
  }
});
