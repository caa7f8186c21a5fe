/** A real FIFO without a reader, with one that lags, and with one that comes back. */

import assert from "node:assert/strict";
import { Fifo, MOST_HELD } from "../../../mod/notify/fifo.ts";
import { until } from "../../lib/process.ts";

const OURS = { name: "me", uid: Deno.uid()!, gid: Deno.gid()!, groups: [] };

function setting(path: string, states: string[] = []) {
  const logs: string[] = [];
  const fifo = new Fifo(path, OURS, {
    fullState: () => states,
    log: (level, message) => logs.push(`${level}: ${message.replace(path, "fifo")}`),
  });
  return { fifo, logs };
}

/** Reads what comes, line by line, until it is told to stop. */
async function reader(path: string) {
  const file = await Deno.open(path, { read: true });
  const state = { text: "" };
  const decoder = new TextDecoder();
  const reading = (async () => {
    for await (const piece of file.readable) state.text += decoder.decode(piece, { stream: true });
  })();
  return { lines: () => state.text.split("\n").slice(0, -1), reading };
}

async function inDirectory(body: (path: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await body(`${directory}/fifo`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("made for its owner alone; held while nobody reads, and read in order", () =>
  inDirectory(async (path) => {
    const { fifo, logs } = setting(path, ["state\n"]);
    const { isFifo, mode } = Deno.lstatSync(path);
    assert.deepEqual([isFifo, mode! & 0o777], [true, 0o600]);
    for (let i = 0; i < 5000; i++) fifo.push(`${i}\n`);
    assert.deepEqual(fifo.status, { path, held: 5000, lost: 0 });
    const { lines, reading } = await reader(path);
    await until("all is read", () => lines().length >= 5000, 10_000);
    assert.deepEqual(lines(), Array.from({ length: 5000 }, (_, i) => String(i)));
    assert.equal(fifo.status.held, 0);
    fifo.push("last\n");
    await fifo.close();
    await reading;
    assert.equal(lines().at(-1), "last");
    assert.deepEqual(logs, ["info: fifo: made"]);
  }));

Deno.test("past 10,000 the oldest go, counted; the reader then gets the full state", () =>
  inDirectory(async (path) => {
    const { fifo, logs } = setting(path, ["state 1\n", "state 2\n"]);
    for (let i = 0; i < MOST_HELD + 7; i++) fifo.push(`${i}\n`);
    assert.deepEqual(fifo.status, { path, held: MOST_HELD, lost: 7 });
    const { lines, reading } = await reader(path);
    await until("all is read", () => lines().at(-1) === "state 2", 10_000);
    assert.deepEqual([lines()[0], lines().length], ["7", MOST_HELD + 2]);
    await fifo.close();
    await reading;
    assert.deepEqual(logs.slice(1), [
      "warning: fifo: nobody reads, oldest events go",
      "info: fifo: read again, 7 events were lost so far",
    ]);
  }));

Deno.test("what is no FIFO, or a link to one, is refused once and left as it is", () =>
  inDirectory(async (path) => {
    Deno.writeTextFileSync(path, "keep");
    const file = setting(path);
    file.fifo.push("x\n");
    assert.deepEqual(file.logs, ["error: fifo: is not a FIFO"]);
    await file.fifo.close();
    assert.equal(Deno.readTextFileSync(path), "keep");
    const real = setting(`${path}-real`);
    Deno.symlinkSync(`${path}-real`, `${path}-link`);
    const link = setting(`${path}-link`);
    link.fifo.push("x\n");
    assert.deepEqual(link.logs, ["error: fifo: is not a FIFO"]);
    await Promise.all([link.fifo.close(), real.fifo.close()]);
  }));
