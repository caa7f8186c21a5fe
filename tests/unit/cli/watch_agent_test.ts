import assert from "node:assert/strict";
import { Watch } from "../../../mod/cli/watch.ts";
import type { Line } from "../../../mod/cli/watch/screen.ts";
import type { TerminalEvents } from "../../../mod/cli/watch/terminal.ts";
import type { Overview } from "../../../mod/control/overview.ts";

const OVERVIEW: Overview = { version: "0.1.0", pid: 7, name: "edge-a", generation: 3, rows: [] };

/** The answer to who follows events: there is one. */
const EVENTS = {
  ok: true,
  result: {
    events: [{
      time: new Date(0).toISOString(),
      run: "1-a",
      seq: 1,
      type: "vrrp",
      name: "web",
      level: "info",
      event: "transition",
      text: "backup → master",
      cause: null,
    }],
    problem: null,
    at: { run: "1-a", seq: 1 },
  },
};

class FakeTerminal {
  lines: readonly string[] = [];
  closed = 0;
  events: TerminalEvents | null = null;
  readonly size = { lines: 24, columns: 80 };

  open(events: TerminalEvents): void {
    this.events = events;
  }
  draw(lines: readonly Line[]): void {
    this.lines = lines.map(({ segments }) => segments.map(({ text }) => text).join(""));
  }
  clear(): void {}
  close(): void {
    this.closed++;
  }
}

type Answer = (command: string) => unknown;

/** Runs a watch of an agent that answers so (undefined: never), until `look` has seen enough. */
async function watching(
  terminal: FakeTerminal,
  answer: Answer,
  look: (running: Promise<number>) => Promise<void>,
  times = {},
): Promise<void> {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/socket`;
  const listener = Deno.listen({ transport: "unix", path });
  const open: Deno.Conn[] = [];
  const serving = (async () => {
    for await (const connection of listener) {
      const buffer = new Uint8Array(4096);
      const count = await connection.read(buffer) ?? 0;
      const { command } = JSON.parse(new TextDecoder().decode(buffer.subarray(0, count)));
      const told = answer(command);
      if (told !== undefined) {
        await connection.write(new TextEncoder().encode(`${JSON.stringify(told)}\n`));
      }
      // Events are followed: their connection stays.
      if (told === undefined || command === "events") open.push(connection);
      else connection.close();
    }
  })();
  try {
    await look(new Watch(path, terminal, { late: 20, refused: 20, ...times }).run(OVERVIEW));
  } finally {
    listener.close();
    await serving;
    for (const connection of open) connection.close();
    await Deno.remove(directory, { recursive: true });
  }
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const end = performance.now() + 20_000;
  while (!condition()) {
    assert.ok(performance.now() < end, what);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Whoever follows events does so until the program ends. */
function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, fn, sanitizeOps: false, sanitizeResources: false });
}

test("an agent that accepts and says nothing is soon shown as one that does not answer", async () => {
  const terminal = new FakeTerminal();
  await watching(terminal, () => undefined, async (running) => {
    const late = /^The agent does not answer: it was asked 0\.02 s ago$/;
    await until("it is late", () => late.test(terminal.lines[1] ?? ""));
    terminal.events!.input("q");
    assert.equal(await running, 0);
    assert.equal(terminal.closed, 1);
  });
});

test("events that were refused at first are shown when there are some", async () => {
  const terminal = new FakeTerminal();
  let asked = 0;
  const answer: Answer = (command) => {
    if (command !== "events") return { ok: true, result: OVERVIEW };
    if (++asked === 1) return { ok: false, error: "not yet" };
    return EVENTS;
  };
  await watching(terminal, answer, async (running) => {
    await until("an event", () => terminal.lines.some((line) => line.includes("backup → master")));
    terminal.events!.killed(143);
    assert.equal(await running, 143);
  });
});

test("a sequence that comes byte by byte is one key, and an escape alone is one, too", async () => {
  const terminal = new FakeTerminal();
  const rows = ["a", "b"].map((name) => ({
    kind: "router",
    name,
    state: "master",
    health: "good",
    since: null,
    count: null,
    detail: "",
  }));
  const answer: Answer = (command) => {
    return command === "overview" ? { ok: true, result: { ...OVERVIEW, rows } } : undefined;
  };
  await watching(terminal, answer, async (running) => {
    const shows = (line: number, words: string) => () =>
      terminal.lines[line]?.includes(words) ?? false;
    await until("two routers", shows(3, "> router a"));
    for (const byte of "/\x1b[B\r\x1b[B") terminal.events!.input(byte);
    await until("the second is chosen", shows(4, "> router b"));
    terminal.events!.input("/xyz\r");
    await until("the filter holds", shows(1, "filter: xyz"));
    terminal.events!.input("\x1b");
    await until("the filter is gone", shows(3, "router a"));
    terminal.events!.input("q");
    assert.equal(await running, 0);
  });
});

test("what cannot be drawn gives the terminal back, and is told", async () => {
  const terminal = new FakeTerminal();
  terminal.draw = () => {
    throw new Error("of another version");
  };
  const answer: Answer = (command) =>
    command === "overview" ? { ok: true, result: OVERVIEW } : undefined;
  await watching(terminal, answer, async (running) => {
    await assert.rejects(running, /of another version/);
    assert.equal(terminal.closed, 1);
  });
});

test("after an event the agent is asked anew, long before it is time", async () => {
  const terminal = new FakeTerminal();
  let looks = 0;
  const answer: Answer = (command) => {
    if (command === "events") return EVENTS;
    // The first look is over before the event comes, or it is not: the one after it shows it.
    const rows = ++looks === 1 ? [] : [{
      kind: "router",
      name: "web",
      state: "master",
      health: "good",
      since: null,
      count: null,
      detail: "",
    }];
    return { ok: true, result: { ...OVERVIEW, rows } };
  };
  await watching(terminal, answer, async (running) => {
    await until("a second look", () => terminal.lines[3]?.includes("router web") === true);
    assert.equal(looks, 2);
    terminal.events!.input("q");
    assert.equal(await running, 0);
  }, { look: 3_600_000, late: 3_600_000 });
});
