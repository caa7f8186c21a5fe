/**
 * What operators order of the agent, in the kernel's table as `ipvsadm` shows it: slow start after a
 * drain, a drain that its time limit ends, the last server drained beside a sorry server, a file of
 * servers. Commands are counted as nlmon hears them.
 */

import assert from "node:assert/strict";
import { type HalbAgent, lab, startHalb, until } from "../lib/mod.ts";
import { adopted, command, listing, Overheard, PATIENCE, untilEntries } from "./balance.ts";
import { Exchange } from "./exchange.ts";
import { VIP4, withHosts } from "./network.ts";

const PORT = 8080;
const real = (i: number) => `198.51.100.${i}:${PORT}`;

/** One virtual server for each part, so that one agent does for all. */
const site = (path: string) =>
  `[[virtual_server]]
name = "rises"
listen = "${VIP4}:80"
slow_start = "4s"
real_server = [{ address = "${real(11)}", weight = 100 }, { address = "${real(12)}", weight = 8 }]

[[virtual_server]]
name = "limit"
listen = "${VIP4}:81"
sorry_server = "${real(12)}"
real_server = [{ address = "${real(11)}" }]

[[virtual_server]]
name = "file"
listen = "${VIP4}:82"
servers_file = "${path}"
real_server = [{ address = "${real(11)}" }]
`;

/** Weights in the table, by the last number of the address. */
function weights(port: number): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { name, figures: [weight] } of listing("d", "-t", `${VIP4}:${port}`)) {
    const number = /^-> 198\.51\.100\.(\d+):/.exec(name)?.[1];
    if (number !== undefined) found[number] = weight ?? NaN;
  }
  return found;
}

function untilWeights(
  what: string,
  port: number,
  wanted: Readonly<Record<string, number>>,
): Promise<true> {
  return until(
    what,
    () => {
      assert.deepEqual(weights(port), wanted);
      return true;
    },
    PATIENCE,
    100,
  );
}

interface Scene {
  readonly agent: HalbAgent;
  readonly overheard: Overheard;
}

/** A server that is put back rises to its weight, a step a second. */
async function rises({ agent, overheard }: Scene): Promise<void> {
  // It is the table that is waited for.
  await command(agent, "drain", "rises", real(11), "--no-wait");
  await untilWeights("it is drained, without a connection", 80, { 12: 8 });
  overheard.commands();
  const undrained = command(agent, "undrain", "rises", real(11));
  const seen: number[] = [];
  await until("it has its weight", () => {
    const weight = weights(80)["11"];
    if (weight !== undefined && weight !== seen.at(-1)) seen.push(weight);
    return weight === 100;
  }, PATIENCE);
  await undrained;
  assert.deepEqual(seen, [...seen].sort((a, b) => a - b), "it only rises");
  const commands = overheard.commands();
  assert.equal(commands[0], "add-destination");
  // One for each second that begins, and one for the end; fewer where the machine stood still.
  assert.ok(commands.length >= 2 && commands.length <= 6, commands.join(" "));
  assert.ok(commands.slice(1).every((one) => one === "set-destination"), commands.join(" "));
}

/** A drain ends at its limit, and the sorry server takes what is new. */
async function ends({ agent }: Scene): Promise<void> {
  const exchange = new Exchange({ wire: "tcp", family: 4, port: PORT });
  try {
    const open = exchange.hold(VIP4, 81);
    assert.equal(open.server, "r1");
    await command(agent, "drain", "limit", real(11), "--no-wait", "--timeout", "5s");
    await untilWeights("new ones go to the sorry server", 81, { 11: 0, 12: 1 });
    assert.equal(exchange.ask(VIP4, 81), "r2");
    assert.ok(open.alive(), "what is open goes on");
    await untilWeights("the time is over", 81, { 12: 1 });
    assert.match(await command(agent, "status", "limit"), /out/);
    await command(agent, "undrain", "limit", real(11));
    await untilWeights("it is back", 81, { 11: 1 });
    assert.equal(exchange.ask(VIP4, 81), "r1");
  } finally {
    exchange.close();
  }
}

function listed(path: string, ...lines: readonly string[]): void {
  Deno.writeTextFileSync(`${path}.new`, lines.map((line) => `${line}\n`).join(""));
  Deno.renameSync(`${path}.new`, path);
}

/** A file of servers is watched, and applied as a difference. */
async function isListed({ agent, overheard }: Scene, path: string): Promise<void> {
  await untilWeights("all are in the table", 82, { 11: 1, 12: 4, 13: 6 });
  await command(agent, "weight", "file", real(13), "9");
  await untilWeights("an order for one of them", 82, { 11: 1, 12: 4, 13: 9 });
  overheard.commands();
  listed(path, `${real(12)} 5`, `${real(13)} 7`, "no address at all", `${real(11)} 3`);
  await untilWeights("one is reweighted, the order stands", 82, { 11: 1, 12: 5, 13: 9 });
  assert.deepEqual(overheard.commands(), ["set-destination"]);
  await until("that is said", () => /Lines of .* cannot be used/.test(agent.log()), PATIENCE, 100);
  listed(path, `${real(13)} 7`);
  await untilWeights("one is gone", 82, { 11: 1, 13: 9 });
  assert.deepEqual(overheard.commands(), ["delete-destination"]);
}

lab(
  "orders: slow start, a drain with a limit, a sorry server, a file of servers",
  (lab) =>
    withHosts("through-director", async () => {
      const overheard = new Overheard("d");
      const path = `${lab.directory}/servers`;
      listed(path, `${real(12)} 4`, `${real(13)} 6`);
      try {
        const scene = { agent: startHalb(lab, adopted(lab, "d"), site(path)), overheard };
        await untilEntries(3 + 2 + 1 + 3);
        await rises(scene);
        await ends(scene);
        await isListed(scene, path);
      } finally {
        overheard.close();
      }
    }),
  { timeoutMs: 240_000 },
);
