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

Deno.test("who follows goes on with the next process where the last one ended", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/socket`;
  const requests: Record<string, unknown>[] = [];
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
  assert.deepEqual(
    told.map((line) => "lost" in line ? `lost ${line.lost}` : line.text),
    ["1-a 3", "1-a 6", "lost 2", "1-a 9", "2-a 1", "2-a 2", "1-a 10", "2-a 3"],
  );
  assert.deepEqual(said, []);
  assert.deepEqual(requests.map(({ after, last }) => [after, last]), [
    [undefined, 1],
    [{ run: "1-a", seq: 9 }, 10_000],
    [{ run: "1-a", seq: 9 }, 10_000],
    [{ run: "2-a", seq: 3 }, 10_000],
  ]);
});
