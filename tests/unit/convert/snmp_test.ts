/** What keepalived tells SNMP becomes `agent.snmp`. */

import assert from "node:assert/strict";
import { conversion, instance } from "./fixtures.ts";

function converted(lines: string) {
  const made = conversion(`global_defs {\n${lines}\n}\n${instance("")}`);
  return { ...made, snmp: made.site().agent.snmp };
}

Deno.test("MIBs, socket and traps", () => {
  const { snmp } = converted(
    "enable_snmp_vrrp\nenable_snmp_checker\nenable_snmp_rfcv3\nenable_traps\n" +
      "snmp_socket unix:/run/agentx",
  );
  const mibs = ["keepalived", "vrrpv3"];
  assert.deepEqual(snmp, { master: { path: "/run/agentx" }, mibs, traps: true });
});

Deno.test("without enable_traps nothing is sent, without a socket the usual one is asked", () => {
  const { snmp, verdicts } = converted("enable_snmp_rfc");
  const master = { path: "/var/agentx/master" };
  assert.deepEqual(snmp, { master, mibs: ["vrrpv3"], traps: false });
  assert.deepEqual(verdicts("enable_snmp_rfc"), ["approximated"]);
});

Deno.test("sockets as keepalived takes them", () => {
  const master = (text: string) => converted(`enable_snmp_vrrp\nsnmp_socket ${text}`).snmp?.master;
  assert.deepEqual(master("/run/agentx"), { path: "/run/agentx" });
  assert.deepEqual(master("tcp:127.0.0.1:705"), { address: "127.0.0.1", port: 705 });
  assert.deepEqual(master("192.0.2.9:705"), { address: "192.0.2.9", port: 705 });
  assert.deepEqual(master("tcp:[2001:db8::1]:705"), { address: "2001:db8::1", port: 705 });
});

Deno.test("what nothing is enabled for, and what is no address", () => {
  const { snmp, verdicts } = converted("enable_traps\nsnmp_socket /run/agentx\nenable_snmp_rfcv2");
  assert.equal(snmp, undefined);
  assert.deepEqual(["enable_traps", "snmp_socket", "enable_snmp_rfcv2"].map(verdicts), [
    ["needless"],
    ["needless"],
    ["dropped"],
  ]);
  for (const text of ["udp:edge:705", "tcp:127.0.0.1:70500", "127.0.0.1:0", "192.0.2.900:705"]) {
    const wrong = converted(`enable_snmp_vrrp\nsnmp_socket ${text}`);
    assert.deepEqual(wrong.verdicts("snmp_socket"), ["dropped"], text);
    assert.deepEqual(wrong.snmp?.mibs, ["keepalived"], text);
  }
});
