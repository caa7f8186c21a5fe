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

/** Lets another one write to files in the place of Deno meanwhile. */
async function withWriter(
  write: (file: Deno.FsFile, bytes: Uint8Array, real: typeof REAL_WRITE) => Promise<number>,
  work: () => Promise<void>,
): Promise<void> {
  Deno.FsFile.prototype.write = function (bytes) {
    return write(this, bytes, REAL_WRITE);
  };
  try {
    await work();
  } finally {
    Deno.FsFile.prototype.write = REAL_WRITE;
  }
}

const REAL_WRITE = Deno.FsFile.prototype.write;

Deno.test("what a disk has taken of a piece before it was full is not written twice", async () => {
  await withFile(1_000_000, async ({ open, troubles, seqs }) => {
    const length = line(1).length;
    // Two lines and a half; the third one without its end; nothing at all; a half again; the rest.
    const rooms = [2.5 * (length + 1), length + 1, 0, length / 2];
    await withWriter(async (file, bytes, real) => {
      const room = rooms.shift();
      if (room === undefined) return await real.call(file, bytes);
      if (room > 0) await real.call(file, bytes.subarray(0, Math.floor(room)));
      if (room > 0) rooms.splice(0, 0, 0);
      if (room > 0) return Math.floor(room);
      throw new Error("No space left on device");
    }, async () => {
      const file = open();
      for (let i = 1; i <= 9; i++) file.write(line(i));
      await until(() => troubles.length === 2);
      await file.close(LONG);
      assert.deepEqual(await seqs(), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    });
  });
});

Deno.test("a disk that hangs costs lines, and that is said when it goes on", async () => {
  await withFile(1_000_000, async ({ open, troubles }) => {
    const gate = Promise.withResolvers<void>();
    await withWriter(async (file, bytes, real) => {
      await gate.promise;
      return await real.call(file, bytes);
    }, async () => {
      const file = open();
      const long = JSON.stringify({ ...event(1), text: "x".repeat(10_000) });
      for (let i = 0; i < 1_000; i++) file.write(long);
      gate.resolve();
      await until(() => troubles.length > 0);
      await file.close(LONG);
      const [[problem, lost]] = troubles as [[string | null, number]];
      assert.equal(troubles.length, 1);
      assert.equal(problem, null);
      assert.ok(lost > 700 && lost < 900, `${lost} lost`);
    });
  });
});

Deno.test("a recording that somebody removes begins anew", async () => {
  await withFile(1_000_000, async ({ directory, open, troubles, seqs }) => {
    const file = open();
    file.write(line(1));
    await file.settled(LONG);
    Deno.removeSync(`${directory}/${NEWER}`);
    file.write(line(2));
    await file.close(LONG);
    assert.deepEqual([await seqs(), troubles], [[2], []]);
  });
});

Deno.test("a file that failed is tried once more at the end", async () => {
  await withFile(1_000_000, async ({ directory, seqs }) => {
    Deno.mkdirSync(`${directory}/${NEWER}`);
    const troubles: unknown[] = [];
    const file = new RecordingFile(directory, 1_000_000, (...one) => troubles.push(one), 60_000);
    file.write(line(1));
    await until(() => troubles.length > 0);
    Deno.removeSync(`${directory}/${NEWER}`);
    await file.close(LONG);
    assert.deepEqual(await seqs(), [1]);
  });
});

Deno.test("what is no file is not read: a FIFO would wait for its writer", async () => {
  await withFile(1_000_000, async ({ directory, seqs }) => {
    const made = new Deno.Command("mkfifo", { args: [`${directory}/${OLDER}`] }).outputSync();
    assert.ok(made.success);
    await assert.rejects(seqs(), /no regular file/);
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
