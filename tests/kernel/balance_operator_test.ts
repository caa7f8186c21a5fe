/**
 * What operators do to virtual servers, and what stays of it: lists in a file and by command, drains,
 * weights, by `halb watch` too, through an upgrade and a kill. `ipvsadm` is the witness.
 */

import assert from "node:assert/strict";
import { execute, fifoReader, halbPath, type Host, type Lab, until } from "../lib/mod.ts";
import { Terminal } from "../lib/terminal.ts";
import { command, PATIENCE, untilEntries, virtualServer } from "./balance.ts";
import { assertAlive, scene, SERVERS } from "./balance_scene.ts";
import { inside } from "./lib.ts";
import { VIP4 } from "./network.ts";

const [FIRST, SECOND, THIRD] = SERVERS.map(({ address }) => address) as [string, string, string];

/** Weights in the kernel's table, by real server. */
function weights(): Record<string, number> {
  const lines = inside("d", "ipvsadm -Sn").split("\n").filter((line) => line.startsWith("-a "));
  return Object.fromEntries(lines.map((line) => {
    const [, address = "", weight = ""] = / -r (\S+) .*-w (\d+)/.exec(line) ?? [];
    return [address, Number(weight)];
  }));
}

const untilWeights = (expected: Record<string, number>) =>
  until(
    `the table has ${JSON.stringify(expected)}`,
    () => {
      assert.deepEqual(weights(), expected);
      return true;
    },
    PATIENCE,
    100,
  );

/** Somebody at `halb watch` takes the first server back in, and the second one out and in again. */
async function byHand(
  lab: Lab,
  host: Host,
  control: string,
  before: Record<string, number>,
): Promise<void> {
  const argv = [halbPath(), "watch", "--control", control];
  const terminal = new Terminal(lab, host.prefix(), argv);
  await terminal.until("the pool", /^> pool +web +up/m, PATIENCE);
  await terminal.keys("\r");
  await terminal.until("its servers", /^> server 198\.51\.100\.11:8080 +drained/m, PATIENCE);
  await terminal.keys("uy");
  await untilWeights({ ...before, [FIRST]: 10 });
  await terminal.keys("j");
  await terminal.until("the second", /^> server 198\.51\.100\.12:8080 +up/m, PATIENCE);
  await terminal.keys("d");
  await terminal.until("a question", /^drain 198\.51\.100\.12:8080 of web\? y: yes/m);
  assert.deepEqual(weights(), { ...before, [FIRST]: 10 }, "nothing before the answer");
  await terminal.keys("y");
  // A connection is held there: it stays in the table.
  await untilWeights({ ...before, [FIRST]: 10, [SECOND]: 0 });
  await terminal.until("it is told", /198\.51\.100\.12:8080 +draining .* weight 0\//, PATIENCE);
  await terminal.keys("uy");
  await untilWeights({ ...before, [FIRST]: 10 });
  await terminal.keys("\x03");
  await terminal.untilLook("it has ended", ({ exit_code: code }) => code === 130, PATIENCE);
}

scene("lists, drains and weights outlive an upgrade and a kill; an end forgets them", async ({
  lab,
  host,
  traffic,
  state,
  start,
}) => {
  const list = `${lab.directory}/servers`;
  Deno.writeTextFileSync(list, `${SECOND} 2\n`, { mode: 0o644 });
  const fifo = await fifoReader(lab, host);
  const site = `notify = { fifo = "${fifo.path}", fifo_user = "root" }

[[virtual_server]]
name = "web"
listen = "${VIP4}:80"
scheduler = "wrr"
servers_file = "${list}"
run_down_on_stop = true
real_server = [{ address = "${FIRST}", weight = 10 }]
`;
  const first = start(site);
  await untilWeights({ [FIRST]: 10, [SECOND]: 2 });
  await command(first, "servers", "web", "add", THIRD, "3");
  Deno.writeTextFileSync(list, `${SECOND} 5\n`);
  await untilWeights({ [FIRST]: 10, [SECOND]: 5, [THIRD]: 3 });
  await command(first, "weight", "web", SECOND, "7");
  traffic.begin(80);
  await traffic.next(3);
  const drained = await command(first, "drain", "web", FIRST, "--timeout", "30s");
  assert.match(drained, /out after \d+s, no connection is left/);
  const ordered = { [SECOND]: 7, [THIRD]: 3 };
  await untilWeights(ordered);
  const held = [1, 2].map(() => traffic.exchange.hold(VIP4, 80));

  // What led there replays: the drain, another weight, and the table that came of both.
  const recording = `${lab.directory}/web.rec`;
  await command(first, "events", "web", "--recording", recording);
  const replayed = await execute([halbPath(), "replay", recording]);
  assert.match(replayed, /^virtual_server web, \d+ steps since/m);
  assert.match(
    replayed,
    /weight 7 of \S+ by an operator: in the table the real servers, \S+ weight 7/,
  );
  assert.match(
    replayed,
    /drain of \S+ by an operator: .*\S+ → draining, an operator has ordered it/,
  );
  assert.match(replayed, /\S+ is drained, 0 connections left/);
  assert.match(replayed, /the same decisions as recorded\.\s*$/);

  await command(first, "upgrade", "--binary", halbPath());
  // Nobody else knows of the process that goes on.
  const successor = (await first.status()).pid;
  lab.atEnd(() => {
    try {
      Deno.kill(successor, "SIGKILL");
    } catch {
      // It has been killed already.
    }
  });
  assert.notEqual(successor, first.pid);
  assert.equal((await first.process.exited).code, 0);
  assert.deepEqual(weights(), ordered);
  const { real_servers } = await virtualServer(first, "web");
  assert.deepEqual(real_servers.map(({ address, state }) => [address, state]), [
    [FIRST, "draining"],
    [SECOND, "up"],
    [THIRD, "up"],
  ]);
  await traffic.next(3);
  assertAlive(held, "after the upgrade");
  Deno.kill(successor, "SIGKILL");

  const third = start(site);
  await until("it answers", async () => (await virtualServer(third, "web")).active, PATIENCE, 100);
  assert.deepEqual(weights(), ordered);
  await traffic.next(3);
  assertAlive(held, "after the kill");
  await byHand(lab, host, third.controlPath, ordered);
  await command(third, "weight", "web", SECOND, "configured");
  // A request that a server is just answering when it is removed gets no answer.
  await traffic.pause();
  await command(third, "servers", "web", "remove", THIRD);
  await untilWeights({ [FIRST]: 10, [SECOND]: 5 });
  assert.equal((await third.stop(PATIENCE)).code, 0);
  await untilEntries(0);
  const kept = [...Deno.readDirSync(state)].map(({ name }) => name).sort();
  const staying = ["events.jsonl", "protocol_number"];
  assert.deepEqual(kept, staying, "the record of what was, and the number, nothing else");
  const virtual = `[${VIP4}]:tcp:80`;
  assert.equal(fifo.lines()[0], `VS ${virtual} UP`);
  await until(
    "the end is told",
    () => {
      assert.deepEqual(
        fifo.lines().slice(-3).sort(),
        [
          `RS [198.51.100.11]:tcp:8080 ${virtual} DOWN`,
          `RS [198.51.100.12]:tcp:8080 ${virtual} DOWN`,
          `VS ${virtual} DOWN`,
        ],
      );
      return true;
    },
    PATIENCE,
    100,
  );
});
