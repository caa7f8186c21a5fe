/** What a simulation looks like in a terminal. */

import assert from "node:assert/strict";
import { axisMarks, lengthText, momentText, stretchesOf } from "../../../mod/simulate/spans.ts";
import { timelineText } from "../../../mod/simulate/timeline.ts";
import { addressReport, flappingReport, sampleReport, VIP } from "./sample_report.ts";

const SECOND = 1_000_000;
const DAY = 86_400 * SECOND;

Deno.test("timeline: a picture of it, whole", () => {
  assert.equal(
    timelineText(sampleReport()),
    `  1 10.000 s  kill a
  2 16.000 s  start a
  3 20.000 s  power off b

192.0.2.10 web, id 51 on eth0
              0          5s         10s        15s        20s        25s     30s
                                    1            2        3
  a           ·······███████████████▒▒▒▒▒▒▒▒▒▒▒··················███████████████
  b           ····························████████████████······················
                                          22222           !!!!!!!!
   0.000 s  3.609 s  nobody yet
   3.609 s  6.391 s  a
  10.000 s  3.109 s  a (lease)
  13.109 s  1.891 s  a (lease) and b: twice
  15.000 s      5 s  b
  20.000 s  3.609 s  nobody: outage
  23.609 s  6.391 s  a

  █ held  ▒ by its lease alone  ░ cut off  ! outage  2 twice

address     first held  outages  longest    total    twice
192.0.2.10     3.609 s        1  3.609 s  3.609 s  1.891 s`,
  );
});

Deno.test("timeline: no line is wider than asked, whatever the names", () => {
  const names = ["a".repeat(64), `\u001b[31m${"b".repeat(300)}\u202e`] as const;
  for (const width of [60, 80, 132]) {
    const lines = timelineText(sampleReport(names), { width }).split("\n");
    const wide = lines.filter((line) => line.length > width);
    assert.deepEqual(wide, [], `of ${width}`);
  }
  const text = timelineText(sampleReport(names));
  assert.ok(!text.includes("\u001b") && !text.includes("\u202e"));
});

Deno.test("timeline: of hundreds of thousands of changes a few are shown, and all are counted", () => {
  const text = timelineText(flappingReport(100_000));
  assert.match(text, /… 199988 more changes\n/);
  assert.match(text, /\n192\.0\.2\.10 .* 100000 +100 ms +2h 46m +0 s$/);
});

Deno.test("timeline: long names can be told apart, and long addresses leave room for the times", () => {
  const strips = (...names: [string, string]) =>
    timelineText(sampleReport(names)).split("\n").filter((line) => /^ {2}\S+ +[█▒·]/.test(line))
      .map((line) => line.trim().split(" ")[0]!);
  assert.deepEqual(strips("gateway-fra-01", "gateway-fra-02"), [
    "gateway-fra-01",
    "gateway-fra-02",
  ]);
  const end = (letter: string) => `gateway-${"x".repeat(30)}-${letter}`;
  assert.deepEqual(strips(end("a"), end("b")), [
    "gateway-xxx…xxxxxxxxxx-a",
    "gateway-xxx…xxxxxxxxxx-b",
  ]);
  const addresses = ["1", "2"].map((digit) => `2001:db8:1234:5678:9abc:def0:1234:567${digit}`);
  const day = { ...sampleReport(), duration: 300 * DAY };
  const text = timelineText({
    ...day,
    addresses: addresses.map((one, i) =>
      addressReport(one, (200 + i) * DAY, [{ from: 200 * DAY + i, to: 210 * DAY }], [], ["a", "b"])
    ),
  });
  const table = text.split("\n").slice(-3);
  assert.ok(table.every((line) => line.length <= 80), table.join("\n"));
  assert.match(table[1]!, /^2001\S*…\S*:5671 +200d/);
  assert.match(table[2]!, /^2001\S*…\S*:5672 +201d/);
});

Deno.test("timeline: without colours there are no codes, with them they enclose whole words", () => {
  const painted = timelineText(sampleReport(), {
    paint: (text, colour) => `<${colour}>${text}</>`,
  });
  assert.match(painted, /<red>nobody: outage<\/>/);
  assert.match(painted, /<yellow>a \(lease\) and b: twice<\/>/);
  assert.equal(painted.replace(/<\w*>|<\/>/g, ""), timelineText(sampleReport()));
});

Deno.test("timeline: an outage of a microsecond in a year is marked", () => {
  const [from, to] = [100 * DAY, 100 * DAY + 1];
  const report = sampleReport(["a", "b"], {
    duration: 365 * DAY,
    failures: [],
    holdings: [
      {
        address: VIP,
        node: "a",
        interface: "eth0",
        from: 0,
        to: from,
        by: "router",
        answers: true,
      },
      {
        address: VIP,
        node: "b",
        interface: "eth0",
        from: to,
        to: 365 * DAY,
        by: "router",
        answers: true,
      },
    ],
    addresses: [addressReport(VIP, 0, [{ from, to }], [], [])],
  });
  const lines = timelineText(report).split("\n");
  assert.equal(lines.filter((line) => /^ +!$/.test(line)).length, 1, lines.join("\n"));
  assert.ok(lines.some((line) => /100d 00:00:00\.000 +1 us {2}nobody: outage/.test(line)));
});

Deno.test("timeline: addresses that fared alike are told once", () => {
  const { addresses: [first], holdings } = sampleReport();
  const others = ["192.0.2.11", "2001:db8::10"];
  const text = timelineText(sampleReport(["a", "b"], {
    addresses: [first!, ...others.map((address) => ({ ...first!, address }))],
    // The last one is gone with a's agent.
    holdings: [VIP, ...others].flatMap((address) =>
      holdings.map((one) => ({ ...one, address })).filter(({ by }) =>
        by === "router" || address !== others[1]
      )
    ),
  }));
  assert.match(text, /^192\.0\.2\.10 and 1 more web/m);
  assert.match(text, /^2001:db8::10 web/m);
  assert.equal(text.match(/^192\.0\.2\.1/gm)?.length, 2, "the strip and the table");
});

Deno.test("timeline: long lists are cut, and say so", () => {
  const events = Array.from({ length: 40 }, (_, i) => ({
    at: i * SECOND / 2,
    text: `kill ${i}`,
    action: "kill",
    node: "a",
  }));
  const text = timelineText(sampleReport(["a", "b"], { failures: events }), { lines: 5 });
  assert.match(text, /… 35 more\n/);
  assert.match(text, /… 2 more changes/);
  assert.doesNotMatch(text, /kill 5\n/);
});

Deno.test("timeline: an address that was never held, and none at all", () => {
  const never = sampleReport(["a", "b"], {
    holdings: [],
    addresses: [addressReport(VIP, null, [], [], [])],
  });
  assert.match(timelineText(never), /nobody yet/);
  assert.match(timelineText(never), /192\.0\.2\.10 +never +0 /);
  assert.match(
    timelineText(sampleReport(["a", "b"], { addresses: [], holdings: [] })),
    /No virtual address was simulated\.$/,
  );
});

Deno.test("timeline: who is cut off ends no outage, and is a second holder all the same", () => {
  const { holdings } = sampleReport();
  const cut = holdings.map((one) => one.by === "lease" ? { ...one, answers: false } : one);
  const text = timelineText(sampleReport(["a", "b"], { holdings: cut }));
  assert.match(text, /10\.000 s +3\.109 s {2}a \(lease, cut off\): outage/);
  assert.match(text, /13\.109 s +1\.891 s {2}a \(lease, cut off\) and b: twice/);
  assert.match(text, /░/);
});

Deno.test("stretches have no gaps, and end where the simulation does", () => {
  const stretches = stretchesOf(sampleReport(), VIP);
  assert.equal(stretches[0]!.from, 0);
  for (const [i, one] of stretches.entries()) {
    assert.equal(one.to, stretches[i + 1]?.from ?? 30 * SECOND);
  }
  assert.deepEqual(
    stretches.map(({ holders }) => holders.map(({ node }) => node).join("+")),
    ["", "a", "a", "a+b", "b", "", "a"],
  );
});

Deno.test("lengths and moments as people read them", () => {
  const lengths: [number, string][] = [
    [0, "0 s"],
    [350, "350 us"],
    [3_500, "3.5 ms"],
    [10_000, "10 ms"],
    [250_000, "250 ms"],
    [3_609_000, "3.609 s"],
    [20_000_000, "20 s"],
    [100_000_000, "100 s"],
    [7_380 * SECOND, "2h 03m"],
    [365 * DAY, "365d"],
    [25 * 3600 * SECOND, "1d 1h"],
  ];
  for (const [micros, text] of lengths) assert.equal(lengthText(micros), text);
  assert.equal(momentText(13_711_000, 60 * SECOND), "13.711 s");
  assert.equal(momentText(7_384_500_000, 3 * 3600 * SECOND), "2:03:04.500");
  assert.equal(momentText(2 * DAY + 59_999_600, 3 * DAY), "2d 00:01:00.000");
});

Deno.test("an axis has at most so many marks, at round times, from a millisecond to ten years", () => {
  for (let duration = 1000; duration < 3650 * DAY; duration = Math.round(duration * 1.7)) {
    const marks = axisMarks(duration, 8);
    assert.ok(marks.length >= 1 && marks.length <= 9, `${duration}: ${marks.length}`);
    assert.ok(
      marks.every(({ at, text }) => at <= duration && /^\d+(\.\d+)?(ms|s|m|h|d)?$/.test(text)),
    );
  }
});
