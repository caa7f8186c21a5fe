/** Reloads of an agent that is none: what is applied, and in which order. */

import assert from "node:assert/strict";
import { loadRecorded, systemOptions } from "../../../config/mod.ts";
import type { FlightRecorder } from "../../../mod/agent/flight/recorder.ts";
import { OwnFacts } from "../../../mod/agent/own_facts.ts";
import {
  type Beginning,
  beginWith,
  keepReload,
  kept,
  type KeptSite,
  readReload,
} from "../../../mod/agent/reload_file.ts";
import { Reloading } from "../../../mod/agent/reloading.ts";
import { ReloadMachine } from "../../../mod/reload/mod.ts";

const MINUTE = 60_000_000;

/** A state directory with a file in it, and an agent that notes what it is told. */
class Scene {
  readonly directory = Deno.makeTempDirSync();
  readonly path = `${this.directory}/site.toml`;
  readonly applied: number[] = [];
  readonly events: string[] = [];
  /** Another agent is in the way. */
  hindered: string | null = null;
  #turn: Promise<unknown> = Promise.resolve();

  write(priority: number, agent = ""): void {
    const text = `[agent]\nstate_directory = "${this.directory}"\n${agent}\n[[vrrp]]\n` +
      `name = "web"\ninterface = "eth0"\nvirtual_router_id = 51\npriority = ${priority}\n` +
      `addresses = ["192.0.2.10"]\n`;
    Deno.writeTextFileSync(this.path, text, { mode: 0o600 });
  }

  load() {
    return loadRecorded(this.path, { ...systemOptions(), hostname: "edge-a" });
  }

  /** What is in the file. */
  get file(): KeptSite {
    const loaded = this.load();
    assert.ok(loaded.ok, JSON.stringify(loaded));
    return kept(loaded);
  }

  /** Nothing else happens until that is called. */
  busy(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = this.#turn.then(() => promise);
    return resolve;
  }

  async idle(): Promise<void> {
    for (let last; last !== this.#turn;) await (last = this.#turn);
  }

  reloading(beginning: Beginning): Reloading {
    const recorder = { record: ({ event }: { event: string }) => void this.events.push(event) };
    return new Reloading({
      agent: {
        apply: (site) => {
          this.applied.push(site.vrrp[0]!.priority);
          return Promise.resolve([]);
        },
      },
      configured: () => {},
      hindered: () => this.hindered,
      own: new OwnFacts(this.path, { name: "edge-a", protocol_number: 112 }, beginning.kept.sha256),
      load: () => this.load(),
      recorder: () => recorder as unknown as FlightRecorder,
      inTurn: (change) => {
        const turn = this.#turn.then(change);
        this.#turn = turn.catch(() => {});
        return turn;
      },
      status: () => Promise.reject(new Error("Nobody knows")),
    }, beginning);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.directory, { recursive: true });
  }
}

Deno.test("signals that come in a burst are one reload, and the last file counts", async () => {
  using scene = new Scene();
  scene.write(100);
  const reloading = scene.reloading(beginWith(scene.file, false));
  reloading.begin(false);
  const go = scene.busy();
  for (const priority of [110, 120, 130]) {
    scene.write(priority);
    reloading.ask();
  }
  go();
  await scene.idle();
  assert.deepEqual(scene.applied, [130]);
  scene.write(140);
  reloading.ask();
  await scene.idle();
  assert.deepEqual(scene.applied, [130, 140]);
  reloading.stop();
});

Deno.test("a process that takes over learns what happened while it booted", async () => {
  using scene = new Scene();
  scene.write(100);
  const old = scene.file;
  scene.write(150);
  const next = scene.file;
  const machine = new ReloadMachine(old);
  machine.applied(next, MINUTE, { monotonic: 0, wall: 0 });
  keepReload(scene.directory, machine.memory);
  // Taken back meanwhile: that it is in the file changes nothing.
  const booted = scene.reloading(beginWith(next, true));
  assert.equal(booted.site.vrrp[0]!.priority, 150);
  machine.rolledBack("nobody confirmed it", { monotonic: MINUTE, wall: 0 });
  keepReload(scene.directory, machine.memory);
  booted.takenOver();
  assert.equal(booted.site.vrrp[0]!.priority, 100);
  booted.begin(true);
  assert.equal((await booted.status()).rolled_back?.reason, "nobody confirmed it");
  assert.equal(readReload(scene.directory)?.running.fingerprint, old.fingerprint);
  booted.stop();

  // Applied meanwhile, and not confirmed: somebody still has to.
  keepReload(scene.directory, null);
  const early = scene.reloading(beginWith(next, true));
  const later = new ReloadMachine(old);
  later.applied(next, 1e15, { monotonic: 0, wall: 0 });
  keepReload(scene.directory, later.memory);
  early.takenOver();
  early.begin(true);
  assert.notEqual((await early.status()).confirmation, null);
  assert.notEqual(readReload(scene.directory), undefined);
  early.stop();
});

Deno.test("what another agent is in the way of changes nothing", async () => {
  using scene = new Scene();
  scene.write(100);
  const reloading = scene.reloading(beginWith(scene.file, false));
  reloading.begin(false);
  scene.write(110);
  scene.hindered = "Another agent works there";
  const result = await reloading.answer({ command: "reload" });
  assert.deepEqual(result, {
    result: "invalid",
    changes: [],
    problems: ["Another agent works there"],
  });
  assert.deepEqual(scene.applied, []);
  assert.equal(reloading.site.vrrp[0]!.priority, 100);
  scene.hindered = null;
  await reloading.answer({ command: "reload" });
  assert.deepEqual(scene.applied, [110]);
  reloading.stop();
});

Deno.test("a roll-back is an event of its own", async () => {
  using scene = new Scene();
  scene.write(100);
  const reloading = scene.reloading(beginWith(scene.file, false));
  reloading.begin(false);
  scene.write(150);
  await reloading.answer({ command: "reload", confirm_within_ms: 60_000 });
  await reloading.answer({ command: "reload", action: "roll_back" });
  assert.deepEqual(scene.applied, [150, 100]);
  assert.deepEqual(scene.events, ["reload", "awaits_confirmation", "rolled_back"]);
  reloading.stop();
});

Deno.test("watched: what was taken back is not applied when it comes again", async () => {
  using scene = new Scene();
  scene.write(100, "watch = true");
  const reloading = scene.reloading(beginWith(scene.file, false));
  reloading.begin(false);
  scene.write(150, "watch = true");
  await reloading.answer({ command: "reload", confirm_within_ms: 60_000 });
  await reloading.answer({ command: "reload", action: "roll_back" });
  const until = async (what: string, is: () => boolean): Promise<void> => {
    for (const end = performance.now() + 30_000; !is();) {
      assert.ok(performance.now() < end, what);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  // Somebody begins to edit it, and thinks better of it.
  const invalid = () => scene.events.filter((one) => one === "reload").length;
  Deno.writeTextFileSync(scene.path, "nonsense");
  await until("the nonsense is told of", () => invalid() === 2);
  scene.write(150, "watch = true");
  // Beyond two looks: had it been applied, the next one would come third.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  scene.write(170, "watch = true");
  await until("another file is applied", () => scene.applied.includes(170));
  assert.deepEqual(scene.applied, [150, 100, 170]);
  reloading.stop();
});
