/** Sessions that others begin (RFC 9468): BIRD and an agent as those who do, and who must not. */

import { strict as assert } from "node:assert";
import { ask } from "../../mod/control/client.ts";
import { BfdAgent } from "../lib/bfd_agent.ts";
import { startBird } from "../lib/bird.ts";
import { type Lab, lab } from "../lib/mod.ts";
import { bothFamilies } from "./bfd_topology.ts";

interface UnsolicitedStatus {
  readonly waiting_for: readonly string[];
  readonly sessions: number;
  readonly limit: number;
  readonly refused: Readonly<Record<string, number>>;
}

async function unsolicitedOf({ agent }: BfdAgent): Promise<UnsolicitedStatus> {
  const status = await ask(agent.controlPath, { command: "status" });
  return (status as { bfd_unsolicited: UnsolicitedStatus }).bfd_unsolicited;
}

async function untilUp(lab: Lab, agent: BfdAgent, names: readonly string[]): Promise<void> {
  await lab.until(`${names.join()} are up`, async () => {
    const up = (await agent.rows()).filter(({ state }) => state === "up").map(({ name }) => name);
    if (up.toSorted().join() === names.toSorted().join()) return true;
    throw new Error(JSON.stringify(await agent.rows()));
  }, 15_000);
}

const TABLE = `[bfd_unsolicited]
interfaces = ["eth0"]
transmit_interval = "100ms"
receive_interval = "100ms"
`;

lab("[B9468-1] [B9468-2] BIRD begins sessions; they go when it goes", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  await bothFamilies(lab, [a, b]);
  const ours = new BfdAgent(lab, a, [], TABLE);
  await lab.until("it listens", async () => {
    return (await unsolicitedOf(ours)).waiting_for.length === 0;
  }, 5000);
  const bird = await startBird(
    lab,
    b,
    `
  interface "eth0" { interval 100 ms; multiplier 3; };
  neighbor 192.0.2.1 dev "eth0" local 192.0.2.2;
  neighbor fe80::a:1 dev "eth0" local fe80::a:2;
`,
  );
  const names = ["192.0.2.2%eth0", "fe80::a:2%eth0"];
  await untilUp(lab, ours, names);
  for (const row of await ours.rows()) assert.equal(row.unsolicited, true);
  assert.equal((await unsolicitedOf(ours)).sessions, 2);
  // An operator may take one down as any other.
  await ours.down(names[0]!);
  await lab.until("BIRD hears of it", async () => {
    return (await ours.row(names[0]!)).state === "admin-down";
  }, 5000);
  await ours.up(names[0]!);
  await untilUp(lab, ours, names);
  await bird.process.kill();
  await lab.until("they are gone", async () => {
    const rows = await ours.rows();
    return rows.length === 0;
  }, 30_000);
  assert.equal((await unsolicitedOf(ours)).sessions, 0);
});

lab(
  "[B9468-1] off, another interface, another network, another prefix, one too many",
  async (lab) => {
    const [a, b] = await lab.hostsNamed("a", "b");
    await bothFamilies(lab, [a, b]);
    await b.exec(["ip", "address", "add", "198.51.100.7/24", "dev", "eth0"]);
    await a.exec(["ip", "route", "add", "198.51.100.0/24", "dev", "eth0"]);
    const table = `${TABLE}allow = ["192.0.2.0/24", "198.51.100.0/24"]\nlimit = 1\n`;
    const ours = new BfdAgent(lab, a, [], table);
    const session = (name: string, peer: string, source: string) => ({ name, peer, source });
    const theirs = new BfdAgent(
      lab,
      b,
      [
        session("first", "192.0.2.1", "192.0.2.2"),
        session("spoofed", "192.0.2.1", "198.51.100.7"),
        session("prefix", "2001:db8:1::1", "2001:db8:1::2"),
      ].slice(0, 1),
    );
    await untilUp(lab, ours, ["192.0.2.2%eth0"]);
    const before = (await ours.rows())[0]!.local_discriminator;
    await theirs.reload([session("spoofed", "192.0.2.1", "198.51.100.7")]);
    await lab.until("who is not on the link is refused", async () => {
      return ((await unsolicitedOf(ours)).refused["not_on_link"] ?? 0) > 1;
    }, 15_000);
    await theirs.reload([session("prefix", "2001:db8:1::1", "2001:db8:1::2")]);
    await lab.until("who is not allowed is refused", async () => {
      return ((await unsolicitedOf(ours)).refused["not_allowed"] ?? 0) > 1;
    }, 15_000);
    // The first one has gone with a word, and is forgotten ten seconds later.
    await lab.until("it is forgotten", async () => (await ours.rows()).length === 0, 20_000);
    await theirs.reload([session("first", "192.0.2.1", "192.0.2.2")]);
    await untilUp(lab, ours, ["192.0.2.2%eth0"]);
    assert.notEqual((await ours.rows())[0]!.local_discriminator, before);
  },
);
