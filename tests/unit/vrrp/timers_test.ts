/** Durations of RFC 9568 section 6.1 and of RFC 3768 section 6.1, to the microsecond. */

import { strictEqual } from "node:assert/strict";
import {
  effectivePriority,
  masterDownInterval,
  releaseTime,
  skewTime,
  version2Interval,
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

Deno.test("[V7-9] in version 2 the skew is (256 - priority) / 256 s, whatever the interval", () => {
  for (const interval of [1_000_000, 2_000_000, 255_000_000]) {
    strictEqual(skewTime(100, interval, 2), 609_375);
    strictEqual(skewTime(254, interval, 2), 7_812);
    strictEqual(skewTime(255, interval, 2), 3_906);
    strictEqual(skewTime(1, interval, 2), 996_093);
    strictEqual(masterDownInterval(100, interval, 2), 3 * interval + 609_375);
  }
  strictEqual(masterDownInterval(254, 1_000_000, 2), 3_007_812);
  strictEqual(releaseTime(1_000_000, 2), 1_996_093);
  strictEqual(releaseTime(5_000_000, 2), 5_996_093);
});

Deno.test("a higher priority always waits less, for every interval there is", () => {
  for (let centiseconds = 1; centiseconds <= 4095; centiseconds += 13) {
    for (let priority = 2; priority <= 255; priority++) {
      const interval = centiseconds * 10_000;
      for (const version of [2, 3] as const) {
        const low = skewTime(priority - 1, interval, version);
        const high = skewTime(priority, interval, version);
        const most = version === 2 ? 1_000_000 : interval;
        if (!(high < low && high >= 0 && low < most)) {
          throw new Error(`v${version}, priority ${priority}, ${centiseconds} cs: ${high}, ${low}`);
        }
      }
    }
  }
});

Deno.test("a resigned master answers for the longest skew and one interval", () => {
  strictEqual(releaseTime(1_000_000), 1_996_093);
  strictEqual(releaseTime(10_000), 19_960);
});

Deno.test("[V7-17] what version 2 routers are told: whole seconds, rounded up", () => {
  const table = [
    [10_000, 1_000_000],
    [100_000, 1_000_000],
    [1_000_000, 1_000_000],
    [1_010_000, 2_000_000],
    [1_500_000, 2_000_000],
    [40_000_000, 40_000_000],
    [40_950_000, 41_000_000],
  ] as const;
  for (const [own, told] of table) strictEqual(version2Interval(own), told);
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
