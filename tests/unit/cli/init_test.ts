/** Sites that `halb init` writes: by flags, by questions, and what it refuses. */

import assert from "node:assert/strict";
import { UsageError } from "../../../mod/cli/arguments.ts";
import { initCommand, type InitOptions } from "../../../mod/cli/init.ts";
import { loadValid } from "../config/fixtures.ts";

const FLAGS = { nodes: "edge-a,edge-b", addresses: "192.0.2.10/24", usualInterface: "eth0" };
const POOL = { port: "80", "real-servers": "198.51.100.11:8080 198.51.100.12" };

/** A site that is right for both nodes. */
function siteOf(options: InitOptions, name = "edge-a") {
  const text = initCommand(options);
  for (const node of ["edge-a", "edge-b"]) loadValid({ "site.toml": text }, { name: node });
  return loadValid({ "site.toml": text }, { name });
}

Deno.test("init: flags make a site that both nodes can load", () => {
  const [first, second] = [siteOf(FLAGS), siteOf(FLAGS, "edge-b")];
  assert.deepEqual([first.vrrp[0]!.priority, second.vrrp[0]!.priority], [150, 100]);
  assert.equal(first.vrrp[0]!.interface, "eth0");
  assert.equal(first.virtual_server.length, 0);
  const both = { ...FLAGS, addresses: "192.0.2.10/24, 2001:db8::10/64", id: "7", interface: "lan" };
  const [router] = siteOf(both).vrrp;
  assert.deepEqual(router!.addresses.map(({ address }) => address), ["192.0.2.10", "2001:db8::10"]);
  assert.deepEqual([router!.virtual_router_id, router!.interface], [7, "lan"]);
});

Deno.test("init: unicast, and a service in each way of forwarding", () => {
  const unicast = siteOf({ ...FLAGS, unicast: "192.0.2.1,192.0.2.2" }, "edge-b");
  assert.equal(unicast.vrrp[0]!.source, "192.0.2.2");
  for (const forward of ["nat", "direct", "tunnel"]) {
    const servers = forward === "nat" ? POOL["real-servers"] : "198.51.100.11 198.51.100.12";
    const { virtual_server: [server] } = siteOf({
      ...FLAGS,
      ...POOL,
      "real-servers": servers,
      forward,
    });
    assert.equal(server!.follow, "gateway");
    assert.deepEqual(server!.real_server.map((one) => one.forward), [forward, forward]);
    assert.equal(server!.listen[0]!.port, 80);
  }
  const six = { addresses: "2001:db8::10/64", port: "80", "real-servers": "[2001:db8::11]:80" };
  const { virtual_server: [server] } = siteOf({ ...FLAGS, ...six });
  assert.equal(server!.listen[0]!.address, "2001:db8::10");
});

Deno.test("init: on a terminal it asks for what no flag says, again until that is right", () => {
  const typed = ["edge-a edge-b", "", "192.0.2.10", "192.0.2.10/24", "300", "", "", "80"];
  typed.push(POOL["real-servers"], "");
  const [asked, said]: [string[], string[]] = [[], []];
  const options = {
    usualInterface: "lan0",
    ask: (question: string) => {
      asked.push(question);
      return typed.shift() ?? null;
    },
    say: (text: string) => void said.push(text),
  };
  const site = siteOf(options);
  assert.deepEqual(typed, []);
  assert.equal(site.vrrp[0]!.interface, "lan0");
  assert.equal(site.virtual_server[0]!.real_server.length, 2);
  assert.deepEqual(said, [
    '"192.0.2.10" lacks the length of its prefix, such as 192.0.2.10/24',
    '"300" is not 1 to 255',
  ]);
  assert.match(asked[1]!, /\[lan0\]$/);
  assert.throws(() => initCommand({ ...FLAGS, ask: () => null }), /broken off/);
});

/** What is wrong with the flags, and what is said of it. */
const REFUSED: readonly [Partial<InitOptions>, RegExp][] = [
  [{ nodes: "edge-a" }, /--nodes: Two different names, with a comma/],
  [{ nodes: "edge-a,edge a,edge-b" }, /--nodes: Two different names/],
  [{ nodes: 'edge-a,"' }, /--nodes: .* is no name/],
  [{ addresses: "192.0.2.300/24" }, /--addresses: .* is no IP address/],
  [{ addresses: "192.0.2.10/33" }, /--addresses: "\/33"/],
  [{ interface: "a b" }, /--interface/],
  [{ id: "0" }, /--id: "0" is not 1 to 255/],
  [{ unicast: "192.0.2.1" }, /--unicast: An address of each node/],
  [{ unicast: "192.0.2.1/24,192.0.2.2" }, /--unicast: .* wants no prefix/],
  [{ ...POOL, port: "x" }, /--port/],
  [{ ...POOL, "real-servers": "web1" }, /--real-servers: "web1" is no server/],
  [{ ...POOL, forward: "route" }, /--forward: "route" is none of them/],
  [{ forward: "nat" }, /--forward wants --port/],
];

for (const [flags, expected] of REFUSED) {
  Deno.test(`init: refused: ${JSON.stringify(flags)}`, () => {
    assert.throws(() => initCommand({ ...FLAGS, ...flags }), (error: unknown) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, expected);
      return true;
    });
  });
}

Deno.test("init: without a terminal what is missing is named", () => {
  assert.throws(() => initCommand({ usualInterface: "eth0" }), /init needs --nodes, such as/);
  const nowhere = { ...FLAGS, usualInterface: undefined };
  assert.throws(() => initCommand(nowhere), /init needs --interface/);
});

Deno.test("init: a file that is there stays as it is", () => {
  const directory = Deno.makeTempDirSync();
  try {
    const output = `${directory}/site.toml`;
    assert.match(initCommand({ ...FLAGS, output }), /is written, for edge-a and edge-b/);
    const text = Deno.readTextFileSync(output);
    assert.throws(() => initCommand({ ...FLAGS, output, id: "9" }), /there is such a file already/);
    assert.equal(Deno.readTextFileSync(output), text);
    assert.equal(Deno.statSync(output).mode! & 0o777, 0o600);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
