/** Tracked processes in virtual time, on a host whose processes the test makes. */

import assert from "node:assert/strict";
import type { TrackProcessConfig } from "../../../config/mod.ts";
import { processFacts } from "../../../mod/agent/trackers/process_source.ts";
import {
  type ProcessFeed,
  type ProcessNews,
  type ProcessSource,
  ProcessTrackers,
} from "../../../mod/agent/trackers/processes.ts";

const SECOND = 1_000_000;

/** A host. `tells`: whether its kernel has news for whoever asks. */
class World implements ProcessSource {
  time = 1000 * SECOND;
  readonly running = new Map<number, string>();
  readonly told: string[] = [];
  readonly logs: string[] = [];
  tells = true;
  /** News that were not fetched. */
  news: Map<number, boolean> | "lost" = new Map();
  feeds = 0;
  lists = 0;
  reads = 0;
  /** How long it takes to look at one process. */
  cost = 0;
  broken: Error | null = null;
  #timer: { at: number; work: () => void } | null = null;
  readonly trackers = new ProcessTrackers({
    now: () => this.time,
    after: (delay, work) => {
      assert.equal(this.#timer, null, "one timer");
      const timer = this.#timer = { at: this.time + delay, work };
      return () => {
        if (this.#timer === timer) this.#timer = null;
      };
    },
    found: ({ name, healthy, reason }) => {
      this.told.push(`${name}: ${healthy ? "good" : "bad"}, ${reason}`);
    },
    log: (level, message) => this.logs.push(`${level}: ${message}`),
  }, this);

  list(): number[] {
    this.lists++;
    if (this.broken !== null) throw this.broken;
    return [...this.running.keys()];
  }

  read(pid: number, withCommand: boolean) {
    this.reads++;
    this.time += this.cost;
    const line = this.running.get(pid);
    if (line === undefined) return undefined;
    const command = line.split(" ");
    return { name: command[0]!, command: withCommand ? command : [] };
  }

  follow(): ProcessFeed {
    if (!this.tells) throw new Error("Connection refused");
    this.feeds++;
    const news = (): ProcessNews => {
      const { news } = this;
      this.news = new Map();
      return news;
    };
    return { news, close: () => this.feeds-- };
  }

  start(pid: number, line: string): void {
    this.running.set(pid, line);
    if (this.news !== "lost") this.news.set(pid, false);
  }

  /** @param zombie nobody has asked for its exit status: it can still be read */
  end(pid: number, zombie = false): void {
    if (!zombie) this.running.delete(pid);
    if (this.news !== "lost") this.news.set(pid, true);
  }

  pass(micros: number): void {
    const end = this.time + micros;
    while (this.#timer !== null && this.#timer.at <= end) {
      const { at, work } = this.#timer;
      this.#timer = null;
      this.time = Math.max(this.time, at);
      work();
    }
    this.time = Math.max(this.time, end);
  }

  get timer(): boolean {
    return this.#timer !== null;
  }

  takeTold(): string[] {
    return this.told.splice(0);
  }
}

function process(
  name: string,
  command = [name],
  more: Partial<TrackProcessConfig> = {},
): TrackProcessConfig {
  return {
    name,
    command,
    full_command: false,
    quorum: 1,
    up_delay: 0,
    down_delay: 0,
    weight: 0,
    reverse: false,
    ...more,
  };
}

Deno.test("processes are counted at once, and news of them within a twentieth of a second", () => {
  const world = new World();
  world.running.set(7, "nginx");
  world.trackers.configure([process("nginx"), process("haproxy", ["haproxy", "-D"])]);
  assert.deepEqual(world.takeTold(), [
    "nginx: good, 1 process runs",
    "haproxy: bad, 0 processes run, 1 needed",
  ]);
  world.start(8, "haproxy -D");
  world.start(9, "haproxy -x");
  world.pass(SECOND / 20);
  assert.deepEqual(world.takeTold(), ["haproxy: good, 1 process runs"]);
  world.end(7, true);
  world.pass(SECOND / 20);
  assert.deepEqual(world.takeTold(), ["nginx: bad, 0 processes run, 1 needed"]);
  assert.equal(world.lists, 1);
  assert.deepEqual(world.trackers.findings().map(({ name, healthy }) => [name, healthy]), [
    ["nginx", false],
    ["haproxy", true],
  ]);
});

Deno.test("quorum and quorum_max; the log has what turned, not each number", () => {
  const world = new World();
  world.trackers.configure([process("web", ["web"], { quorum: 2, quorum_max: 3 })]);
  for (const pid of [1, 2, 3, 4]) {
    world.start(pid, "web");
    world.pass(SECOND);
  }
  assert.deepEqual(world.takeTold(), [
    "web: bad, 0 processes run, 2 needed",
    "web: bad, 1 process runs, 2 needed",
    "web: good, 2 processes run",
    "web: good, 3 processes run",
    "web: bad, 4 processes run, 3 allowed",
  ]);
  assert.deepEqual(world.logs.map((line) => line.split(":")[0]), ["warning", "info", "warning"]);
});

Deno.test("a process that changes its name is another one", () => {
  const world = new World();
  world.running.set(1, "sh");
  world.trackers.configure([process("web")]);
  world.start(1, "web");
  world.pass(SECOND);
  world.start(1, "other");
  world.pass(SECOND);
  assert.deepEqual(world.takeTold().map((line) => line.split(",")[0]), [
    "web: bad",
    "web: good",
    "web: bad",
  ]);
});

Deno.test("news that were lost: all are looked at, once a second at most", () => {
  const world = new World();
  world.trackers.configure([process("web")]);
  world.pass(10 * SECOND);
  assert.equal(world.lists, 1);
  world.running.set(5, "web");
  for (let i = 0; i < 40; i++) {
    world.news = "lost";
    world.pass(SECOND / 20);
  }
  assert.equal(world.told.at(-1), "web: good, 1 process runs");
  assert.ok(world.lists >= 2 && world.lists <= 4, `${world.lists}`);
});

Deno.test("what the kernel does not tell is found within a minute anyway", () => {
  const world = new World();
  world.trackers.configure([process("web")]);
  world.running.set(5, "web");
  world.pass(61 * SECOND);
  assert.equal(world.told.at(-1), "web: good, 1 process runs");
  assert.equal(world.lists, 2);
});

Deno.test("a kernel that tells nothing: once a second, and the log says so", () => {
  const world = new World();
  world.tells = false;
  world.trackers.configure([process("web")]);
  assert.match(world.logs[0]!, /^info: Processes are looked at once a second/);
  world.running.set(5, "web");
  world.pass(SECOND);
  assert.equal(world.told.at(-1), "web: good, 1 process runs");
  world.running.delete(5);
  world.pass(10 * SECOND);
  assert.equal(world.told.at(-1), "web: bad, 0 processes run, 1 needed");
  assert.equal(world.lists, 12);
  // Where that takes long it is done less often.
  world.cost = SECOND / 100;
  for (let pid = 1; pid <= 50; pid++) world.running.set(pid, "x");
  world.lists = 0;
  world.pass(100 * SECOND);
  assert.ok(world.lists >= 8 && world.lists <= 11, `${world.lists}`);
});

Deno.test("a /proc that cannot be read is said once, and the last count stands", () => {
  const world = new World();
  world.tells = false;
  world.running.set(5, "web");
  world.trackers.configure([process("web")]);
  world.broken = new Error("Too many open files");
  world.pass(5 * SECOND);
  assert.deepEqual(world.logs.filter((line) => line.startsWith("warning")), [
    "warning: Cannot look at processes",
  ]);
  assert.equal(world.told.length, 1);
  world.broken = null;
  world.running.delete(5);
  world.pass(SECOND);
  assert.equal(world.told.at(-1), "web: bad, 0 processes run, 1 needed");
});

Deno.test("a reload counts anew and tells what differs; without trackers nothing is followed", () => {
  const world = new World();
  world.running.set(1, "a");
  world.trackers.configure([process("x", ["a"])]);
  world.trackers.configure([process("x", ["a"], { weight: 5 }), process("y", ["b"])]);
  world.trackers.configure([process("x", ["b"]), process("y", ["b"])]);
  assert.deepEqual(world.takeTold(), [
    "x: good, 1 process runs",
    "y: bad, 0 processes run, 1 needed",
    "x: bad, 0 processes run, 1 needed",
  ]);
  assert.equal(world.feeds, 1);
  world.trackers.configure([]);
  assert.deepEqual([world.feeds, world.timer, world.trackers.findings().length], [0, false, 0]);
  world.trackers.configure([process("x", ["a"])]);
  assert.equal(world.told.at(-1), "x: good, 1 process runs");
  world.trackers.stop();
  assert.deepEqual([world.feeds, world.timer], [0, false]);
});

Deno.test("/proc/PID/stat: names with brackets and spaces; zombies do not run", () => {
  const line = "12 (a) b (c) S 1 12 12 0 -1";
  assert.deepEqual(processFacts(line, "a\0-x\0y z\0"), {
    name: "a) b (c",
    command: ["a", "-x", "y z"],
  });
  assert.deepEqual(processFacts("2 (kthreadd) S 0 0", ""), { name: "kthreadd", command: [] });
  assert.deepEqual(processFacts("3 (x) R 0", "x\0\0"), { name: "x", command: ["x", ""] });
  for (const broken of ["12 (a) Z 1", "12 (a) X 1", "", "12", "12 (a)", "12 )a( S 1"]) {
    assert.equal(processFacts(broken, ""), undefined, broken);
  }
});
