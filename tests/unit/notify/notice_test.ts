/** What is written of a notice, what supersedes what, and which programs are for it. */

import assert from "node:assert/strict";
import {
  argumentsOf,
  environmentOf,
  fifoLine,
  jsonLine,
  kindOf,
} from "../../../mod/notify/notice.ts";
import { Lane } from "../../../mod/notify/lane.ts";
import { programsFor } from "../../../mod/notify/programs.ts";
import { notice, target } from "./fixtures.ts";

Deno.test("the FIFO's lines and the arguments are keepalived's", () => {
  const group = notice({ type: "GROUP", name: "site", state: "BACKUP", priority: 0 });
  assert.equal(fifoLine(notice()), 'INSTANCE "web" MASTER 150\n');
  assert.equal(fifoLine(group), 'GROUP "site" BACKUP 0\n');
  assert.deepEqual(argumentsOf(group), ["GROUP", "site", "BACKUP", "0"]);
});

Deno.test("a line of JSON is one line, whole in a pipe, whatever the cause says", () => {
  const cause = '\u0001\n"'.repeat(10_000);
  const line = jsonLine(notice({ name: "n".repeat(64), cause }), true);
  assert.ok(new TextEncoder().encode(line).length <= 4096);
  assert.equal(line.indexOf("\n"), line.length - 1);
  const { cause: kept, ...rest } = JSON.parse(line);
  assert.ok(cause.startsWith(kept));
  assert.deepEqual(rest, {
    type: "instance",
    name: "n".repeat(64),
    state: "master",
    previous_state: "backup",
    priority: 150,
    time: "2026-01-01T00:00:00.000Z",
    generation: 1,
    repeated: true,
  });
  assert.equal(JSON.parse(jsonLine(notice({ previous: null }), false)).previous_state, null);
});

Deno.test("the environment has everything, and nothing that ends it early", () => {
  assert.deepEqual(environmentOf(notice({ previous: null, cause: "a\0b" })), {
    HALB_TYPE: "INSTANCE",
    HALB_NAME: "web",
    HALB_STATE: "MASTER",
    HALB_PREVIOUS_STATE: "",
    HALB_PRIORITY: "150",
    HALB_CAUSE: "ab",
  });
});

Deno.test("states have their program and `any`, in this order; the rest what asks for it by name", () => {
  const config = target({
    master: ["/m", "1"],
    stop: ["/s"],
    deleted: [],
    any: ["/any", "x y"],
    master_rx_lower_priority: ["/l"],
  });
  const run = (state: Parameters<typeof notice>[0]) => programsFor(config, notice(state));
  assert.deepEqual(run({}), [["/m", "1"], ["/any", "x y", "INSTANCE", "web", "MASTER", "150"]]);
  assert.deepEqual(run({ state: "STOP" }).map(([program]) => program), ["/s", "/any"]);
  assert.deepEqual(run({ state: "BACKUP" }).map(([program]) => program), ["/any"]);
  assert.deepEqual(run({ state: "DELETED" }).map(([program]) => program), ["/any"]);
  assert.deepEqual(run({ state: "MASTER_RX_LOWER_PRI" }), [["/l"]]);
  assert.deepEqual(run({ state: "MASTER_PRIORITY" }), []);
});

Deno.test("one at a time; what waits is superseded by the newest of its kind", async () => {
  const done: string[] = [];
  const gone: string[] = [];
  let end = () => {};
  const lane = new Lane<ReturnType<typeof notice>>(
    ({ state }) => {
      done.push(state);
      return new Promise((resolve) => end = resolve);
    },
    kindOf,
    ({ state }) => gone.push(state),
  );
  await lane.idle;
  for (const state of ["BACKUP", "MASTER", "MASTER_PRIORITY", "FAULT", "BACKUP"] as const) {
    lane.push(notice({ state }));
  }
  assert.deepEqual([done, gone], [["BACKUP"], ["MASTER", "FAULT"]]);
  let idle = false;
  void lane.idle.then(() => idle = true);
  for (let i = 0; i < 3; i++) {
    assert.equal(idle, false);
    end();
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  }
  assert.deepEqual(done, ["BACKUP", "MASTER_PRIORITY", "BACKUP"]);
  assert.equal(idle, true);
});
