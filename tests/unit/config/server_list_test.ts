/** Lists of real servers in a file: what a line means, and what of it cannot be used. */

import assert from "node:assert/strict";
import { readServerList, type VirtualServerConfig, withListed } from "../../../config/mod.ts";
import { endpointText } from "../../../mod/ip/mod.ts";
import { forSeeds } from "../../lib/random.ts";
import { loadValid, problemsOf } from "./fixtures.ts";

function virtual(more = "", listen = '"192.0.2.10:80"'): VirtualServerConfig {
  const text = `[[virtual_server]]
name = "web"
listen = ${listen}
servers_file = "/etc/halb/web.servers"
${more}
`;
  return loadValid({ "site.toml": text }).virtual_server[0]!;
}

function read(text: string, config = virtual()) {
  const { servers, refused } = readServerList(text, config);
  return {
    servers: servers.map(({ address, weight }) => `${endpointText(address)} ${weight}`),
    refused: refused.map(({ line, reason }) => `${line}: ${reason}`),
  };
}

Deno.test("a line is an address, a port where it is another one, a weight", () => {
  const text = "# the web servers\n198.51.100.12:8080 10\r\n\n  198.51.100.13\t# by default\n";
  assert.deepEqual(read(text, virtual("default_weight = 7")), {
    servers: ["198.51.100.12:8080 10", "198.51.100.13 7"],
    refused: [],
  });
  assert.deepEqual(
    read("[2001:0db8::12]:8080 0\n2001:db8::13\n", virtual("", '"[2001:db8::10]:80"')),
    {
      servers: ["[2001:db8::12]:8080 0", "2001:db8::13 1"],
      refused: [],
    },
  );
});

Deno.test("what a line does not say the virtual server does", () => {
  const config = virtual(`forward = "tunnel"
tunnel = { type = "gue", port = 6080 }
thresholds = { upper = 9 }
on_failure = "weight-zero"
start_down = true
slow_start = "30s"
drain_timeout = "1m"
check = { type = "tcp" }
require = 1`);
  const { servers: [one] } = readServerList("198.51.100.12 3\n", config);
  const { check, ...rest } = one!;
  assert.deepEqual(rest, {
    address: { address: "198.51.100.12" },
    weight: 3,
    forward: "tunnel",
    tunnel: { type: "gue", port: 6080, checksum: "none" },
    thresholds: { upper: 9, lower: 0 },
    on_failure: "weight-zero",
    start_down: true,
    slow_start: 30_000_000,
    drain_timeout: 60_000_000,
    require: 1,
  });
  assert.deepEqual(check.map((use) => "type" in use ? use.type : use.name), ["tcp"]);
  assert.equal(withListed(config, [one!]).real_server.length, 1);
});

Deno.test("lines that cannot be used are named, and the others count", () => {
  const config = virtual('[[virtual_server.real_server]]\naddress = "198.51.100.11"');
  const text = "nonsense\n198.51.100.12 65536\n198.51.100.12 -1\n198.51.100.12 1 2\n" +
    "198.51.100.12:0\n198.51.100.12:80\n198.51.100.12\n198.51.100.11:80\n2001:db8::1\n" +
    "\u001b[31m\n224.0.0.1\n";
  assert.deepEqual(read(text, config), {
    servers: ["198.51.100.12:80 1"],
    refused: [
      '1: "nonsense" is not an address, with a port or without, such as 198.51.100.11:8080',
      '2: "65536" is not a weight from 0 to 65535',
      '3: "-1" is not a weight from 0 to 65535',
      '4: "2" is one word too many',
      '5: "198.51.100.12:0" has no port from 1 to 65535',
      "7: 198.51.100.12 is there already, as 198.51.100.12:80",
      "8: 198.51.100.11:80 is there already, as 198.51.100.11",
      "9: 2001:db8::1: [2001:db8::1]:80: a server of the other address family can only be reached " +
      "through a tunnel",
      '10: "\\u001b[31m" is not an address, with a port or without, such as 198.51.100.11:8080',
      '11: "224.0.0.1" has a multicast address in it',
    ],
  });
  assert.deepEqual(read("198.51.100.12:8080\n", virtual('forward = "direct"')).refused, [
    "1: 198.51.100.12:8080 has a port that packets would not arrive at: only NAT changes it",
  ]);
});

Deno.test("both families: each line belongs to the services of its own", () => {
  const both = virtual('forward = "direct"', '["192.0.2.10:80", "[2001:db8::10]:8080"]');
  assert.deepEqual(read("198.51.100.12:80\n[2001:db8::12]:8080 2\n2001:db8::13:80\n", both), {
    servers: ["198.51.100.12:80 1", "[2001:db8::12]:8080 2", "2001:db8::13:80 1"],
    refused: [],
  });
  assert.deepEqual(read("198.51.100.12:8080\n[2001:db8::12]:80\n", both).refused, [
    "1: 198.51.100.12:8080 has a port that packets would not arrive at: only NAT changes it",
    "2: [2001:db8::12]:80 has a port that packets would not arrive at: only NAT changes it",
  ]);
});

Deno.test("a list without end, and lines without end", () => {
  const { servers, refused } = read(`198.51.100.12\n${"#".repeat(5000)}\n`.repeat(40_000));
  assert.equal(servers.length, 1);
  assert.equal(refused.length, 32_768);
  assert.equal(refused.at(-1), "65537: only the first 65536 lines count");
});

Deno.test("2,000 texts of rubbish are read without an exception", () => {
  const config = virtual();
  const characters = [..."198.51.:[]2001db-/# \t\n\r\u0000é€"];
  forSeeds(2000, (random) => {
    const length = random.int(0, 80);
    const text = Array.from({ length }, () => random.pick(characters)).join("");
    const { servers } = readServerList(text, config);
    assert.ok(servers.length <= text.length);
  });
});

Deno.test("what no server of a list could have is refused before there is one", () => {
  const text = '[[virtual_server]]\nname = "web"\nlisten = "192.0.2.10:80"\n' +
    'servers_file = "/etc/halb/web.servers"\nforward = "tunnel"\ntunnel = { type = "gue" }\n';
  assert.match(problemsOf({ "site.toml": text }).join(), /needs the UDP `port`/);
});
