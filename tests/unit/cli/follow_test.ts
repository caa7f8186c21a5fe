import assert from "node:assert/strict";
import { type FollowedLine, followEvents, SYSTEM } from "../../../mod/cli/follow.ts";
import type { FlightEvent } from "../../../mod/events/mod.ts";

function event(run: string, seq: number): FlightEvent {
  return {
    time: new Date(1_800_000_000_000 + seq).toISOString(),
    run,
    seq,
    type: "vrrp",
    name: "web",
    level: "info",
    event: "transition",
    text: `${run} ${seq}`,
    cause: null,
  };
}

/** Follows what is answered to each connection in turn. */
async function follow(answers: readonly (readonly unknown[])[]) {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/socket`;
  const requests: Record<string, unknown>[] = [];
  const listener = Deno.listen({ transport: "unix", path });
  const serving = (async () => {
    for (const lines of answers) {
      const connection = await listener.accept();
      const buffer = new Uint8Array(4096);
      const count = await connection.read(buffer);
      requests.push(JSON.parse(new TextDecoder().decode(buffer.subarray(0, count!))));
      const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
      await new Blob([text]).stream().pipeTo(connection.writable).catch(() => {});
    }
  })();
  const told: FollowedLine[] = [];
  const said: string[] = [];
  let now = 0;
  const done = new Error("enough");
  const following = followEvents(path, { command: "events", last: 1, name: "web", follow: true }, {
    ...SYSTEM,
    event: (line) => void told.push(line),
    say: (text) => void said.push(text),
    sleep: () => {
      if (requests.length === answers.length) return Promise.reject(done);
      return Promise.resolve();
    },
    now: () => now += 10,
  });
  await assert.rejects(following, done);
  await serving;
  listener.close();
  await Deno.remove(directory, { recursive: true });
  const texts = told.map((line) => "lost" in line ? `lost ${line.lost}` : line.text);
  return { texts, said, asked: requests.map(({ after, last }) => [after, last]) };
}

Deno.test("who follows goes on with the next process where the last one ended", async () => {
  /** What each connection in turn is given; then it ends. */
  const answers: unknown[][] = [
    [
      {
        ok: true,
        result: { events: [event("1-a", 3)], problem: null, at: { run: "1-a", seq: 4 } },
      },
      event("1-a", 6),
      { lost: 2 },
      event("1-a", 9),
    ],
    [{ ok: false, error: "not yet" }],
    // The next process reads what the last one has recorded; both were started in one second.
    [
      {
        ok: true,
        result: {
          events: [event("1-a", 9), event("1-a", 10), event("2-a", 2), event("2-a", 1)],
          problem: null,
          at: { run: "2-a", seq: 2 },
        },
      },
      event("2-a", 3),
    ],
    [],
  ];
  const { texts, said, asked } = await follow(answers);
  assert.deepEqual(
    texts,
    ["1-a 3", "1-a 6", "lost 2", "1-a 9", "2-a 1", "2-a 2", "1-a 10", "2-a 3"],
  );
  assert.deepEqual(said, []);
  assert.deepEqual(asked, [
    [undefined, 1],
    [{ run: "1-a", seq: 9 }, 10_000],
    [{ run: "1-a", seq: 9 }, 10_000],
    [{ run: "2-a", seq: 3 }, 10_000],
  ]);
});

Deno.test("the process that answers is the newest, though the clock was set back before it", async () => {
  const first = (events: FlightEvent[], run: string, seq: number) => {
    return { ok: true, result: { events, problem: null, at: { run, seq } } };
  };
  const { texts, asked } = await follow([
    [first([event("1-z", 3)], "1-z", 4)],
    [first([], "2-b", 0)],
    [first([event("2-b", 1)], "2-b", 1), event("2-b", 2)],
    [],
  ]);
  assert.deepEqual(texts, ["1-z 3", "2-b 1", "2-b 2"]);
  assert.deepEqual(asked.map(([after]) => after), [
    undefined,
    { run: "1-z", seq: 4 },
    { run: "2-b", seq: 0 },
    { run: "2-b", seq: 2 },
  ]);
});
