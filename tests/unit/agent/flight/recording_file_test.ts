/** Recordings in files: written, read, and refused with the line where anything in them is wrong. */

import assert from "node:assert/strict";
import { headerLine, parseRecording } from "../../../../mod/agent/flight/recording_file.ts";
import { readable, Recorder, replay } from "../../../../mod/record/mod.ts";
import { createGroup, step, stepGroup } from "../../../../mod/vrrp/mod.ts";
import { forSeeds } from "../../../lib/random.ts";
import { advert, health, SECOND, settings, started } from "../../vrrp/fixtures.ts";
import { createRouter } from "../../../../mod/vrrp/mod.ts";

const HEADER = headerLine("0.1.0", "2026-11-22T07:00:00.000Z", 5 * SECOND);

/** A file of a router that takes over, and of a group. */
function file(): string {
  const alone = new Recorder("router");
  const router = started();
  const apply = (event: Parameters<typeof step>[1], now: number) => {
    alone.begin(router, event);
    alone.note(event, step(router, event, now), now);
  };
  for (let i = 1; i <= 5; i++) apply(advert({ priority: 150 }), i * SECOND);
  apply({ type: "timer", generation: router.timer!.generation }, router.timer!.at);
  apply({ type: "stall", length: 7 * SECOND }, 20 * SECOND);
  apply({ type: "configure", settings: settings({ priority: 200 }) }, 21 * SECOND);
  apply({ type: "stop", now: false }, 22 * SECOND);
  const group = createGroup(
    { name: "site", members: ["web"], need: "all" },
    [createRouter(settings(), 0)],
    0,
  );
  const together = new Recorder("group");
  const all = [
    { type: "member", name: "web", event: health() },
    { type: "claim" },
    { type: "release", until: 9 * SECOND },
  ] as const;
  for (const [i, event] of all.entries()) {
    together.begin(group, event);
    together.note(event, stepGroup(group, event, i * SECOND), i * SECOND);
  }
  const segments = readable([alone.segment("web", 0)!, together.segment("site", 0)!]);
  return HEADER + segments.map((one) => `${JSON.stringify(one)}\n`).join("");
}

Deno.test("what was written is read, and replays", () => {
  const { header, segments } = parseRecording(file());
  assert.equal(header.halb, "0.1.0");
  assert.deepEqual(segments.map(({ line, segment }) => [line, segment.kind, segment.name]), [
    [2, "router", "web"],
    [3, "group", "site"],
  ]);
  for (const { segment } of segments) {
    const made = [...replay(segment)];
    assert.deepEqual(made.map(({ difference }) => difference), segment.steps.map(() => null));
  }
});

const LINES = file().split("\n");

for (
  const [what, text, words] of [
    ["nothing", "", /^line 1: it is no recording of halb$/],
    ["another file", "#!/bin/sh\n", /^line 1: it is no recording of halb$/],
    ["a later version", HEADER.replace('"version":1', '"version":2'), /^line 1: .*this version/],
    ["a time that is none", HEADER.replace(".000Z", "+07"), /^line 1: .*this version/],
    ["half a line", `${HEADER}${LINES[1]!.slice(0, 300)}`, /^line 2: it is not JSON$/],
    ["a long line", `${HEADER}\n"${"x".repeat(2 ** 20)}"`, /^line 3: it is longer than 1048576/],
    ["deep nesting", `${HEADER}${"[".repeat(200_000)}`, /^line 2: it is not JSON$/],
    ["another kind", HEADER + LINES[1]!.replace('"router"', '"pool"'), /^line 2: "kind" is wrong/],
    ["another input", HEADER + LINES[1]!.replace('"stall"', '"nap"'), /^line 2: "inputs\.\d/],
    ["no address", HEADER + LINES[1]!.replaceAll("198.51.100.11", "there"), /^line 2: "inputs\.0/],
    [
      "a step that is nowhere",
      HEADER + LINES[1]!.replace(/\[\d+,\d+,\d+\]\]\}$/, "[1,63,0]]}"),
      /^line 2: .*has an input or a decision that is not there/,
    ],
    [
      "times that are too large",
      HEADER + LINES[1]!.replace(/"begin":\d+/, `"begin":${Number.MAX_SAFE_INTEGER}`),
      /^line 2: .*its times are too large/,
    ],
    [
      "members that are others",
      HEADER + LINES[2]!.replace('"members":["web"]', '"members":["other"]'),
      /^line 2: "memory" is wrong: its members/,
    ],
    [
      "more than is recorded",
      HEADER + LINES[1]!.replace('"follows"', '"more":1,"follows"'),
      /^line 2: /,
    ],
  ] as const
) {
  Deno.test(`refused: ${what}`, () => {
    assert.throws(() => parseRecording(text), { name: "RangeError", message: words });
  });
}

Deno.test("no file of chance does more than be refused, or differ, or make its machine fail", () => {
  const text = file();
  let [read, refused] = [0, 0];
  forSeeds(1_500, (random) => {
    const bytes = [...text];
    for (let i = random.int(1, 3); i > 0; i--) {
      const at = random.int(HEADER.length, bytes.length - 1);
      const [length, value] = [random.int(0, 3), random.int(0, 9)];
      bytes.splice(at, length, ...random.next() < 0.5 ? [String(value)] : []);
    }
    let recording;
    try {
      recording = parseRecording(bytes.join(""));
    } catch (error) {
      refused++;
      return assert.match(String(error), /^RangeError: line \d+: /);
    }
    read++;
    for (const { segment } of recording.segments) {
      try {
        assert.ok([...replay(segment)].length <= segment.steps.length);
      } catch (error) {
        // A memory that cannot be: halb replay says that the machine fails over it.
        assert.ok(error instanceof Error);
      }
    }
  });
  assert.ok(read > 50 && refused > 50, `${read} were read, ${refused} refused`);
});
