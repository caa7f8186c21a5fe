/** Tracked files: what is told of them, where the file system answers and where it does not. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { TrackFileConfig } from "../../../config/mod.ts";
import { FileTrackers, type Found } from "../../../mod/agent/trackers/files.ts";

/** A world with timers that fire when the test says so. */
class World {
  readonly told: string[] = [];
  readonly timers = new Map<number, () => void>();

  after(delay: number, work: () => void): () => void {
    this.timers.set(delay, work);
    return () => this.timers.get(delay) === work && this.timers.delete(delay);
  }

  found({ name, reason }: { name: string; reason: string }): void {
    this.told.push(`${name}: ${reason}`);
  }

  readonly logged: string[] = [];
  time = 0;

  now(): number {
    return this.time;
  }

  log(level: string, message: string): void {
    this.logged.push(`${level}: ${message}`);
  }
}

/** A look that goes on at the end ends by itself. */
const LEAVE = { sanitizeOps: false, sanitizeResources: false };

function file(name: string, path: string): TrackFileConfig {
  return { name, path, weight: 1, reverse: false };
}

Deno.test(
  "a file system that does not answer keeps nothing waiting but its own files",
  LEAVE,
  async () => {
    const world = new World();
    const away = Promise.withResolvers<Found>();
    const good = { healthy: true, value: 7, reason: "7" };
    const read = (path: string) => path === "/nfs/load" ? away.promise : Promise.resolve(good);
    const files = new FileTrackers(world, read);
    const list = [file("load", "/nfs/load"), file("own", "/there/own")];
    let configured = false;
    const configuring = files.configure(list, false).then(() => configured = true);
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(configured, false);
    // The time for the first look is over.
    world.timers.get(500_000)!();
    await configuring;
    assert.deepEqual(world.told, ["own: 7"]);
    assert.deepEqual(files.findings().map(({ name }) => name), ["own"]);
    good.reason = "8";
    world.timers.get(1_000_000)!();
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(world.told, ["own: 7", "own: 8"], "and others are looked at all the while");
    away.resolve({ healthy: true, value: 1, reason: "1" });
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(world.told.slice(2), ["load: 1"]);
    files.stop();
  },
);

Deno.test(
  "a file that is being written or replaced is not taken for an empty one",
  LEAVE,
  async () => {
    const world = new World();
    const found: Found[] = [];
    const say = (value: number, reason: string, absent?: true): Found => {
      return { healthy: true, value, reason, ...(absent ? { absent } : {}) };
    };
    const last = (): Found => found.length > 1 ? found.shift()! : found[0]!;
    const files = new FileTrackers(world, () => Promise.resolve(last()));
    const rest = () => new Promise((resolve) => setTimeout(resolve, 5));
    const look = async () => {
      world.timers.get(1_000_000)!();
      await rest();
    };
    found.push(say(5, "5"));
    await files.configure([file("load", "/there/load")], false);
    assert.deepEqual(world.told, ["load: 5"]);
    // Emptied now, and written when it is looked at again.
    found.splice(0, 1, say(0, "is empty", true), say(7, "7"));
    await look();
    assert.deepEqual(world.told, ["load: 5"]);
    world.timers.get(100_000)!();
    await rest();
    assert.deepEqual(world.told, ["load: 5", "load: 7"]);
    // Gone, and not back in time.
    found.splice(0, 1, say(0, "0: there is no file", true));
    await look();
    world.timers.get(100_000)!();
    await rest();
    assert.deepEqual(world.told.slice(2), ["load: 0: there is no file"]);
    found.splice(0, 1, say(8, "8"));
    await look();
    assert.deepEqual(world.told.slice(3), ["load: 8"]);
    assert.deepEqual(world.logged, [
      "info: Tracked file",
      "debug: Tracked file",
      "debug: Tracked file",
      "debug: Tracked file",
    ]);
    files.stop();
  },
);

Deno.test(
  "a changed file is told by the kernel, also in a directory that came later",
  LEAVE,
  async () => {
    const directory = Deno.makeTempDirSync();
    const inner = join(directory, "inner");
    const world = new World();
    const files = new FileTrackers(world);
    const until = async (line: string) => {
      for (let i = 0; i < 500 && world.told.at(-1) !== line; i++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      assert.equal(world.told.at(-1), line);
    };
    await files.configure([file("load", join(inner, "load"))], false);
    await until("load: 0: there is no file");
    Deno.mkdirSync(inner);
    Deno.writeTextFileSync(join(inner, "load"), "3\n");
    // Nobody is told of the directory: that is what the look once a second is for.
    world.timers.get(1_000_000)!();
    await until("load: 3");
    Deno.writeTextFileSync(join(inner, "load"), "4\n");
    await until("load: 4");
    files.stop();
    Deno.removeSync(directory, { recursive: true });
  },
);
