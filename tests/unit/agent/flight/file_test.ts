/** The recording on disk: what survives, what is refused, what a full disk costs. */

import assert from "node:assert/strict";
import { NEWER, OLDER, RecordingFile } from "../../../../mod/agent/flight/file.ts";
import { readRecording } from "../../../../mod/agent/flight/reading.ts";
import { eventLine, type FlightEvent } from "../../../../mod/events/mod.ts";

function event(seq: number): FlightEvent {
  return {
    time: new Date(1_790_000_000_000 + seq).toISOString(),
    run: "1-a",
    seq,
    type: "vrrp",
    name: "web",
    level: "info",
    event: "transition",
    text: "backup → master",
    cause: null,
  };
}

const line = (seq: number): string => eventLine(event(seq));

/** A file in a directory of its own, and what is told of trouble with it. */
async function withFile(
  size: number,
  work: (scene: {
    directory: string;
    open: () => RecordingFile;
    troubles: [string | null, number][];
    seqs: (most?: number) => Promise<number[]>;
  }) => Promise<void>,
): Promise<void> {
  const directory = Deno.makeTempDirSync({ prefix: "halb-flight-" });
  const troubles: [string | null, number][] = [];
  const open = () => new RecordingFile(directory, size, (...trouble) => troubles.push(trouble), 5);
  const seqs = async (most = 1_000_000) =>
    (await readRecording(directory, () => true, most)).map(({ seq }) => seq);
  try {
    await work({ directory, open, troubles, seqs });
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

const LONG = 10_000;

Deno.test("what is written is read, by the next process as well, and is its owner's alone", async () => {
  await withFile(1_000_000, async ({ directory, open, seqs }) => {
    const first = open();
    for (let i = 1; i <= 1_000; i++) first.write(line(i));
    await first.close(LONG);
    const second = open();
    second.write(line(1_001));
    await second.settled(LONG);
    assert.deepEqual(await seqs(), Array.from({ length: 1_001 }, (_, i) => i + 1));
    assert.deepEqual(await seqs(2), [1_000, 1_001]);
    assert.equal(Deno.statSync(`${directory}/${NEWER}`).mode! & 0o777, 0o600);
    await second.close(LONG);
  });
});

Deno.test("it stays within its size, in two halves, and the newest are there", async () => {
  await withFile(262_144, async ({ directory, open, seqs }) => {
    const file = open();
    for (let i = 1; i <= 10_000; i++) {
      file.write(line(i));
      if (i % 100 === 0) await file.settled(LONG);
    }
    await file.close(LONG);
    const sizes = [NEWER, OLDER].map((name) => Deno.statSync(`${directory}/${name}`).size);
    assert.ok(sizes.every((size) => size <= 131_072), String(sizes));
    const there = await seqs();
    assert.equal(there.at(-1), 10_000);
    assert.ok(there.length > 131_072 / (line(9_999).length + 2), `${there.length} events`);
    there.forEach((seq, i) => assert.equal(seq, there[0]! + i, "without a gap"));
  });
});

Deno.test("half a line that a killed agent has left costs that line alone", async () => {
  await withFile(1_000_000, async ({ directory, open, seqs }) => {
    Deno.writeTextFileSync(`${directory}/${NEWER}`, `${line(1)}\n${line(2).slice(0, 40)}`);
    const file = open();
    file.write(line(3));
    await file.close(LONG);
    assert.deepEqual(await seqs(), [1, 3]);
  });
});

Deno.test("no link is followed, no device written, and that is said once", async () => {
  await withFile(1_000_000, async ({ directory, open, troubles }) => {
    Deno.writeTextFileSync(`${directory}/victim`, "");
    Deno.symlinkSync(`${directory}/victim`, `${directory}/${NEWER}`);
    const file = open();
    for (let i = 0; i < 100; i++) file.write(line(i));
    await until(() => troubles.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(troubles.length, 1);
    assert.match(troubles[0]![0]!, /no regular file/);
    assert.equal(Deno.readTextFileSync(`${directory}/victim`), "");
    // Somebody mends it: all is written that waited.
    Deno.removeSync(`${directory}/${NEWER}`);
    await until(() => troubles.length > 1);
    assert.deepEqual(troubles[1], [null, 0]);
    await file.close(LONG);
    assert.ok(Deno.statSync(`${directory}/${NEWER}`).size > 0);
  });
});

Deno.test("a disk that takes nothing costs lines, which are counted", async () => {
  await withFile(1_000_000, async ({ directory, open, troubles, seqs }) => {
    Deno.mkdirSync(`${directory}/${NEWER}`);
    const file = open();
    const long = JSON.stringify({ ...event(1), text: "x".repeat(10_000) });
    for (let i = 0; i < 1_000; i++) file.write(long);
    await until(() => troubles.length > 0);
    Deno.removeSync(`${directory}/${NEWER}`);
    await until(() => troubles.length > 1);
    const [, [problem, lost]] = troubles as [unknown, [string | null, number]];
    assert.equal(problem, null);
    assert.ok(lost > 700 && lost < 900, `${lost} lost`);
    await file.close(LONG);
    assert.ok((await seqs()).length > 0);
  });
});

Deno.test("where there is no recording, that is said", async () => {
  await withFile(1_000_000, async ({ seqs }) => {
    await assert.rejects(seqs(), Deno.errors.NotFound);
  });
});

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + LONG;
  while (!condition()) {
    assert.ok(performance.now() < end, "waited in vain");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
