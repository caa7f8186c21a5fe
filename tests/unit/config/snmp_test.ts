/** `agent.snmp`: what is taken, and what is said to what is not. */

import assert from "node:assert/strict";
import { masterText } from "../../../config/mod.ts";
import { load, router } from "./fixtures.ts";

function snmp(table: string) {
  return load({ "site.toml": `[agent]\nsnmp = ${table}\n${router("")}` });
}

Deno.test("masters, and their text", () => {
  for (const master of ["unix:/var/agentx/master", "tcp:127.0.0.1:705", "tcp:[2001:db8::1]:705"]) {
    const loaded = snmp(`{ master = "${master}", mibs = ["bfd"], traps = false }`);
    assert.ok(loaded.ok, JSON.stringify(loaded));
    const { snmp: config } = loaded.site.agent;
    assert.equal(masterText(config!.master), master);
    assert.deepEqual([config!.mibs, config!.traps], [["bfd"], false]);
  }
  const usual = snmp("{}");
  assert.ok(usual.ok);
  const { mibs, traps } = usual.site.agent.snmp!;
  assert.deepEqual([mibs, traps], [["vrrpv3", "keepalived", "bfd"], true]);
});

Deno.test("what is no master, no MIB, or twice there", () => {
  const cases: [string, RegExp][] = [
    ['{ master = "/var/agentx/master" }', /unix: and an absolute path.*write.*unix:\/var\/agentx/s],
    ['{ master = "127.0.0.1:705" }', /write.*tcp:127\.0\.0\.1:705/s],
    ['{ master = "tcp:localhost:705" }', /is not unix:/],
    ['{ master = "udp:127.0.0.1:705" }', /is not unix:/],
    ['{ master = "unix:relative" }', /is not unix:/],
    ['{ mibs = ["vrrp"] }', /vrrpv3/],
    ["{ mibs = [] }", /At least one MIB/],
    ['{ mibs = ["bfd", "bfd"] }', /twice/],
    ["{ trap = true }", /traps/],
  ];
  for (const [table, expected] of cases) {
    const loaded = snmp(table);
    assert.ok(!loaded.ok, table);
    assert.match(JSON.stringify(loaded.problems), expected, table);
  }
});
