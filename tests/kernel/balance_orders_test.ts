/**
 * What operators order of the agent, in the kernel's table as `ipvsadm` shows it: slow start after a
 * drain, a drain that its time limit ends, the last server drained beside a sorry server. Commands are
 * counted as nlmon hears them.
 */

import assert from "node:assert/strict";
import { type HalbAgent, lab, startHalb, until } from "../lib/mod.ts";
import { adopted, command, listing, Overheard, PATIENCE, untilEntries } from "./balance.ts";
import { Exchange } from "./exchange.ts";
import { VIP4, withHosts } from "./network.ts";

const OPTIONS = { timeoutMs: 180_000 };
const PORT = 8080;
const real = (i: number) => `198.51.100.${i}:${PORT}`;

/** Weights in the table, by the last number of the address. */
function weights(): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { name, figures: [weight] } of listing("d")) {
    const number = /^-> 198\.51\.100\.(\d+):/.exec(name)?.[1];
    if (number !== undefined) found[number] = weight ?? NaN;
  }
  return found;
}

function untilWeights(what: string, wanted: Readonly<Record<string, number>>): Promise<true> {
  return until(
    what,
    () => {
      assert.deepEqual(weights(), wanted);
      return true;
    },
    PATIENCE,
    100,
  );
}

/** `--no-wait`: it is the table that is waited for. */
function drain(agent: HalbAgent, i: number, ...more: readonly string[]): Promise<string> {
  return command(agent, "drain", "web", real(i), "--no-wait", ...more);
}

function orders(
  name: string,
  body: (scene: {
    readonly begin: (site: string) => HalbAgent;
    readonly overheard: Overheard;
    readonly exchange: Exchange;
  }) => Promise<void>,
): void {
  lab(name, (lab) =>
    withHosts("through-director", async () => {
      const host = adopted(lab, "d");
      const overheard = new Overheard("d");
      const exchange = new Exchange({ wire: "tcp", family: 4, port: PORT });
      const begin = (site: string) => startHalb(lab, host, site);
      try {
        await body({ begin, overheard, exchange });
      } finally {
        exchange.close();
        overheard.close();
      }
    }), OPTIONS);
}

orders("a server that is put back rises to its weight, a step a second", async (scene) => {
  const agent = scene.begin(`[[virtual_server]]
name = "web"
listen = "${VIP4}:80"
slow_start = "4s"
real_server = [{ address = "${real(11)}", weight = 100 }, { address = "${real(12)}", weight = 8 }]
`);
  await untilEntries(3);
  await drain(agent, 11);
  await untilWeights("it is drained, without a connection", { 12: 8 });
  scene.overheard.commands();
  await command(agent, "undrain", "web", real(11));
  const seen: number[] = [];
  await until("it has its weight", () => {
    const weight = weights()["11"];
    if (weight !== undefined && weight !== seen.at(-1)) seen.push(weight);
    return weight === 100;
  }, PATIENCE);
  assert.deepEqual(seen, [...seen].sort((a, b) => a - b), "it only rises");
  const commands = scene.overheard.commands();
  assert.equal(commands[0], "add-destination");
  // One for each second that begins, and one for the end; fewer where the machine stood still.
  assert.ok(commands.length >= 2 && commands.length <= 6, commands.join(" "));
  assert.ok(commands.slice(1).every((one) => one === "set-destination"), commands.join(" "));
});

orders("a drain ends at its limit, and the sorry server takes what is new", async (scene) => {
  const agent = scene.begin(`[[virtual_server]]
name = "web"
listen = "${VIP4}:80"
sorry_server = "${real(12)}"
real_server = [{ address = "${real(11)}" }]
`);
  await untilEntries(2);
  const open = scene.exchange.hold(VIP4, 80);
  assert.equal(open.server, "r1");
  await drain(agent, 11, "--timeout", "6s");
  await untilWeights("new ones go to the sorry server", { 11: 0, 12: 1 });
  assert.equal(scene.exchange.ask(VIP4, 80), "r2");
  assert.ok(open.alive(), "what is open goes on");
  await untilWeights("the time is over", { 12: 1 });
  assert.match(await command(agent, "status", "web"), /out/);
  await command(agent, "undrain", "web", real(11));
  await untilWeights("it is back", { 11: 1 });
  assert.equal(scene.exchange.ask(VIP4, 80), "r1");
});
