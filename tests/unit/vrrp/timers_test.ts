/** Durations of RFC 9568 section 6.1, to the microsecond. */

import { strictEqual } from "node:assert/strict";
import {
  effectivePriority,
  masterDownInterval,
  releaseTime,
  skewTime,
} from "../../../mod/vrrp/mod.ts";

Deno.test("[V7-9] skew is (256 - priority) / 256 of the master's interval, whole microseconds", () => {
  strictEqual(skewTime(100, 1_000_000), 609_375);
  strictEqual(skewTime(254, 100_000), 781); // 781.25: PROTOCOL.md section 2
  strictEqual(skewTime(255, 1_000_000), 3_906);
  strictEqual(skewTime(1, 10_000), 9_960);
  strictEqual(skewTime(1, 40_950_000), 40_790_039);
});

Deno.test("[V7-9] master-down interval is three intervals and the skew", () => {
  strictEqual(masterDownInterval(100, 1_000_000), 3_609_375);
  strictEqual(masterDownInterval(254, 100_000), 300_781);
  strictEqual(masterDownInterval(255, 10_000), 30_039);
  strictEqual(masterDownInterval(1, 40_950_000), 163_640_039);
});

Deno.test("a higher priority always waits less, for every interval there is", () => {
  for (let centiseconds = 1; centiseconds <= 4095; centiseconds += 13) {
    for (let priority = 2; priority <= 255; priority++) {
      const interval = centiseconds * 10_000;
      const [low, high] = [skewTime(priority - 1, interval), skewTime(priority, interval)];
      if (!(high < low && high >= 0 && low < interval)) {
        throw new Error(`priority ${priority}, ${centiseconds} cs: ${high} and ${low}`);
      }
    }
  }
});

Deno.test("a resigned master answers for the longest skew and one interval", () => {
  strictEqual(releaseTime(1_000_000), 1_996_093);
  strictEqual(releaseTime(10_000), 19_960);
});

Deno.test("[V7-C3] trackers move a priority between 1 and 254; an owner's stays 255", () => {
  strictEqual(effectivePriority(100, 0), 100);
  strictEqual(effectivePriority(100, -30), 70);
  strictEqual(effectivePriority(100, -100), 1);
  strictEqual(effectivePriority(1, -253), 1);
  strictEqual(effectivePriority(100, 154), 254);
  strictEqual(effectivePriority(254, 253), 254);
  strictEqual(effectivePriority(255, -253), 255);
});
