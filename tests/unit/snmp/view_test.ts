/** The variables of the MIBs, out of a status document. */

import assert from "node:assert/strict";
import { oid } from "../../../mod/agentx/mod.ts";
import { REGIONS, viewOf } from "../../../mod/snmp/mod.ts";
import { router, session as pastOf } from "./history_fixtures.ts";
import { everything, facts, walk } from "./fixtures.ts";

const KEEPALIVED = "1.3.6.1.4.1.9586.100.5";

function row(found: Record<string, string>, index: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(found).filter(([name]) => name.endsWith(`.${index}`))
      .map(([name, value]) => [name.slice(0, -index.length - 1), value]),
  );
}

Deno.test("VRRPV3-MIB: a row for each family of a router of version 3", () => {
  const history = router([{ at: -90_000_000, from: "init", to: "backup" }, {
    at: -80_000_000,
    from: "backup",
    to: "master",
  }]);
  const found = walk(everything(facts({}, history)), oid("1.3.6.1.2.1.207.1"));
  assert.deepEqual(row(found, "3.51.1"), {
    "1.1.1.3": "octets 192 0 2 1",
    "1.1.1.4": "octets 192 0 2 1",
    "1.1.1.5": "octets 0 0 94 0 1 51",
    "1.1.1.6": "integer 3",
    "1.1.1.7": "gauge32 120",
    "1.1.1.8": "integer 1",
    "1.1.1.9": "integer 10",
    "1.1.1.10": "integer 1",
    "1.1.1.11": "integer 1",
    "1.1.1.12": "timeticks 9000",
    "1.1.1.13": "integer 1",
    "2.5.1.1": "counter32 1",
    "2.5.1.2": "integer 3",
    "2.5.1.3": found["2.5.1.3.3.51.1"],
    "2.5.1.4": "counter64 0",
    "2.5.1.5": found["2.5.1.5.3.51.1"],
    "2.5.1.6": "integer 0",
    "2.5.1.7": found["2.5.1.7.3.51.1"],
    "2.5.1.8": found["2.5.1.8.3.51.1"],
    "2.5.1.9": "counter64 0",
    "2.5.1.10": "counter64 0",
    "2.5.1.11": "counter64 0",
    "2.5.1.12": "timeticks 10000",
    "2.5.1.13": "gauge32 1000",
  });
  assert.equal(found["2.4.0"], "timeticks 10000");
});

Deno.test("VRRPV3-MIB: version 2, and an interface that is not there, have no row", () => {
  const base = facts();
  const [web] = base.status.vrrp;
  const view = everything(facts({
    vrrp: [{ ...web!, version: 2 }, { ...web!, interface: "eth9" }, {
      ...web!,
      virtual_router_id: 9,
      addresses: ["192.0.2.10/24", "2001:db8::10/64", "192.0.2.9/24"],
      sessions: [...web!.sessions, { ...web!.sessions[0]!, family: "ipv6", state: "backup" }],
    }],
  }));
  const found = walk(view, oid("1.3.6.1.2.1.207.1.1"));
  assert.deepEqual(Object.keys(row(found, "3.9.1")).length, 11);
  assert.deepEqual(row(found, "3.9.2")["1.1.6"], "integer 2");
  assert.deepEqual(Object.keys(found).filter((name) => name.startsWith("2.")), [
    "2.1.2.3.9.1.4.192.0.2.9",
    "2.1.2.3.9.1.4.192.0.2.10",
    "2.1.2.3.9.2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.16",
  ]);
  assert.ok(Object.keys(found).every((name) => /^(1\.1\.\d+\.3\.9\.[12]|2\..*)$/.test(name)));
});

Deno.test("interfaces of another network namespace have no ifIndex", () => {
  const [web] = facts().status.vrrp;
  const [session] = facts().status.bfd;
  const view = everything({
    ...facts({
      vrrp: [web!, { ...web!, name: "abroad" }],
      bfd: [{ ...session!, interface: "eth0", namespace: "blue" }],
    }),
    elsewhere: new Set(["abroad"]),
  });
  const operations = walk(view, oid("1.3.6.1.2.1.207.1.1.1"));
  assert.equal(Object.keys(row(operations, "3.51.1")).length, 11);
  assert.equal(Object.keys(operations).length, 11);
  assert.equal(walk(view, oid("1.3.6.1.2.1.222.1.2.1"))["18.11"], "integer 0");
});

Deno.test("KEEPALIVED-MIB: routers, groups, virtual and real servers", () => {
  const view = everything(facts());
  const found = walk(view, oid(`${KEEPALIVED}.2`));
  assert.deepEqual(row(found, "1"), {
    "1.1.2": "octets site",
    "1.1.3": "integer 1",
    "2.1.2.1": "octets web",
    "3.1.2": "octets web",
    "3.1.3": "gauge32 51",
    "3.1.4": "integer 2",
    "3.1.5": "integer 1",
    "3.1.6": "integer 2",
    "3.1.7": "integer 150",
    "3.1.8": "integer 120",
    "3.1.9": "integer 1",
    "3.1.10": "octets eth0",
    "3.1.11": "integer 1",
    "3.1.12": "gauge32 10",
    "3.1.13": "integer 1",
    "3.1.14": "gauge32 0",
    "3.1.15": "integer 0",
    "3.1.18": found["3.1.18.1"],
    "3.1.27": "integer 1",
    "3.1.30": "integer 3",
    "6.1.2.1": "integer 1",
    "6.1.3.1": "octets 192 0 2 10",
    "6.1.5.1": "gauge32 24",
    "6.1.10.1": "integer 1",
    "6.1.11.1": "integer 1",
  });
  const checks = walk(view, oid(`${KEEPALIVED}.3`));
  const server = row(checks, "1");
  assert.deepEqual(
    [2, 5, 6, 7, 8, 9, 10, 11, 20, 21, 22, 23, 27, 28, 31, 38, 40, 71].map((column) =>
      server[`3.1.${column}`]
    ),
    [
      "integer 2",
      "integer 1",
      "octets 192 0 2 10",
      "gauge32 80",
      "integer 1",
      "integer 4",
      "integer 1",
      "integer 1",
      "gauge32 2",
      "gauge32 2",
      "gauge32 2",
      "integer 1",
      "gauge32 9",
      "counter32 90",
      "counter64 8000",
      "counter64 9",
      "counter64 80",
      "octets web-http",
    ],
  );
  assert.deepEqual(
    [2, 3, 4, 5, 6, 7, 13, 14, 15, 16, 18, 21, 27, 29, 40].map((column) =>
      checks[`4.1.${column}.1.1`]
    ),
    [
      "integer 1",
      "integer 1",
      "octets 198 51 100 11",
      "gauge32 8080",
      "integer 1",
      "integer 10",
      "gauge32 0",
      "gauge32 7",
      "gauge32 3",
      "gauge32 1",
      "counter32 70",
      "counter64 6000",
      "counter64 7",
      "counter64 60",
      "integer 1",
    ],
  );
  // One that is drained serves those whom it has.
  assert.equal(checks["4.1.6.1.2"], "integer 1");
  assert.equal(checks["6.2.0"], "octets eth1");
});

Deno.test("KEEPALIVED-MIB: marks, ranges, the sorry server, counters that wrap", () => {
  const base = facts();
  const [web] = base.status.virtual_servers;
  const wide = 2 ** 32 + 5;
  const counters = { ...web!.counters, connections: wide, packets_in: wide };
  const found = walk(
    everything(facts({
      virtual_servers: [
        { ...web!, listen: ["fwmark 7 ipv6"], counters },
        { ...web!, listen: ["192.0.2.16/28:80"], sorry_server: "[2001:db8::9]:81" },
        { ...web!, listen: ["[2001:db8::10]:443"], real_servers: [] },
      ],
    })),
    oid(`${KEEPALIVED}.3`),
  );
  const columns = (index: string) => [2, 3, 4, 5, 6, 7].map((one) => found[`3.1.${one}.${index}`]);
  assert.deepEqual(columns("1"), [
    "integer 1",
    undefined,
    "gauge32 7",
    "integer 2",
    undefined,
    undefined,
  ]);
  assert.deepEqual(columns("2").slice(0, 2), ["integer 3", "octets web-http"]);
  assert.deepEqual(columns("3").slice(3), [
    "integer 2",
    "octets 32 1 13 184 0 0 0 0 0 0 0 0 0 0 0 16",
    "gauge32 443",
  ]);
  assert.deepEqual([27, 28, 38].map((one) => found[`3.1.${one}.1`]), [
    "gauge32 4294967295",
    "counter32 5",
    "counter64 4294967301",
  ]);
  assert.deepEqual([2, 3, 5, 6, 14].map((one) => found[`4.1.${one}.2.3`]), [
    "integer 2",
    "integer 2",
    "gauge32 81",
    "integer 2",
    undefined,
  ]);
});

Deno.test("BFD-STD-MIB: a session by its discriminator, and the ways to find it", () => {
  const history = pastOf([["init", "up"], ["up", "down", 1], ["down", "up"]]);
  const found = walk(everything(facts({}, history)), oid("1.3.6.1.2.1.222.1"));
  assert.deepEqual(
    [3, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 18, 19, 20, 22, 23, 24, 28, 32, 33].map((column) =>
      found[`2.1.${column}.11`]
    ),
    [
      "integer 1",
      "gauge32 11",
      "gauge32 22",
      "gauge32 3784",
      "gauge32 50000",
      "integer 1",
      "integer 1",
      "integer 4",
      "integer 1",
      "integer 1",
      "integer 2",
      "integer 3",
      "integer 1",
      "octets 192 0 2 1",
      "octets 192 0 2 2",
      "integer 1",
      "gauge32 255",
      "gauge32 3",
      "integer 2",
      "integer -1",
    ],
  );
  assert.deepEqual(
    [1, 2, 3, 5, 6, 7, 9, 10, 11, 12, 14, 17].map((column) => found[`3.1.${column}.11`]),
    [
      "counter32 8",
      "counter32 7",
      "counter32 4",
      "counter32 29",
      "counter32 30",
      "counter32 0",
      "timeticks 19500",
      "timeticks 19990",
      "integer 1",
      "counter32 2",
      "counter64 8",
      "counter64 29",
    ],
  );
  assert.equal(found["4.1.1.11"], "gauge32 11");
  assert.equal(found["5.1.1.3.1.4.192.0.2.1.1.4.192.0.2.2"], "gauge32 11");
});

Deno.test("only the MIBs that are wanted are there; nothing at all is no error", () => {
  const view = viewOf(facts(), ["bfd"], () => null);
  assert.deepEqual(walk(view, REGIONS.keepalived), {});
  const empty = everything(facts({ vrrp: [], sync_groups: [], bfd: [], virtual_servers: [] }));
  assert.deepEqual(Object.keys(walk(empty, REGIONS.bfd)), [
    "1.1.1.0",
    "1.1.2.0",
    "1.1.3.0",
    "1.1.4.0",
  ]);
});
