/** `halb events --recording` and `halb replay`: what is written, and what is said of it. */

import assert from "node:assert/strict";
import { headerLine } from "../../../mod/agent/flight/recording_file.ts";
import { recordCommand, replayCommand } from "../../../mod/cli/replay.ts";
import { type RawSegment, readable, Recorder } from "../../../mod/record/mod.ts";
import { type Router, step } from "../../../mod/vrrp/mod.ts";
import { advert, SECOND, started } from "../vrrp/fixtures.ts";

const TIME = "2026-11-22T07:00:00.000Z";

async function inDirectory(use: (directory: string) => void | Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("after a segment that differs the next one is judged by itself", async () => {
  const recorder = new Recorder("router");
  const router = started();
  for (let i = 1; i <= 200; i++) {
    const event = advert({ priority: 150 });
    recorder.begin(router, event);
    recorder.note(event, step(router, event, i * SECOND), i * SECOND);
  }
  const raw: RawSegment[] = [recorder.segment("web", 0)!, recorder.segment("web", 1)!];
  const [first, second] = readable(raw);
  const memory = first!.memory as Router;
  const tampered = {
    ...first!,
    memory: { ...memory, settings: { ...memory.settings, priority: 99 } },
  };
  await inDirectory((directory) => {
    const path = `${directory}/web.rec`;
    const lines = [tampered, second!].map((one) => `${JSON.stringify(one)}\n`);
    Deno.writeTextFileSync(path, headerLine("0.1.0", TIME, SECOND) + lines.join(""));
    const said: string[] = [];
    assert.equal(replayCommand(path, false, (line) => void said.push(line)), 1);
    assert.match(said.at(-1)!, /^1 of 2 segments differ, first router web, line 2, step 1, /);
  });
});

/** An agent that has recorded a segment of so many bytes, twice. */
async function answering(path: string, bytes: number, use: () => Promise<void>): Promise<void> {
  const machines = ["web", "other"].map((name) => ({ kind: "router", name }));
  const segment = { memory: "ä".repeat(bytes / 2), steps: [[0, 0, 0]] };
  const listener = Deno.listen({ transport: "unix", path });
  const serving = (async () => {
    for await (const connection of listener) {
      const request = await connection.read(new Uint8Array(4096)) ?? 0;
      const list = request < '{"command":"recording"}'.length + 5;
      const result = list ? { machines, at: SECOND, time: TIME } : { segments: [segment] };
      const text = `${JSON.stringify({ ok: true, result })}\n`;
      await new Blob([text]).stream().pipeTo(connection.writable).catch(() => {});
    }
  })();
  try {
    await use();
  } finally {
    listener.close();
    await serving.catch(() => {});
  }
}

Deno.test("what halb replay would read is written, and no more than that", async () => {
  await inDirectory(async (directory) => {
    const [socket, path] = [`${directory}/socket`, `${directory}/all.rec`];
    await answering(socket, 31 * 1024 * 1024, async () => {
      assert.match(await recordCommand(socket, path, undefined), /^2 steps of 2 state machines/);
    });
    const { size, mode } = Deno.statSync(path);
    assert.ok(size > 62 * 1024 * 1024 && size < 64 * 1024 * 1024, `${size} bytes`);
    assert.equal(mode! & 0o777, 0o600);
    await answering(`${socket}2`, 33 * 1024 * 1024, async () => {
      await assert.rejects(
        recordCommand(`${socket}2`, `${path}2`, undefined),
        /too much for one file: say NAME/,
      );
    });
    assert.throws(() => Deno.statSync(`${path}2`), Deno.errors.NotFound);
  });
});
