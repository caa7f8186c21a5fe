/** Notifications of the MIBs, out of what is told. */

import assert from "node:assert/strict";
import { oidText, type VarBind } from "../../../mod/agentx/mod.ts";
import type { Notice, ServerDetails } from "../../../mod/notify/notice.ts";
import { History, isTold, protocolErrorTraps, trapsOf } from "../../../mod/snmp/mod.ts";
import { facts, show } from "./fixtures.ts";

const ALL = ["vrrpv3", "keepalived", "bfd"] as const;
const KEEPALIVED = "1.3.6.1.4.1.9586.100.5";

function notice(more: Partial<Notice> & Pick<Notice, "type" | "name" | "state">): Notice {
  const time = "2026-01-02T03:04:05.000Z";
  return { previous: null, priority: 0, cause: "", time, generation: 1, ...more };
}

function server(real: string | null, quiet = false): ServerDetails {
  return { virtual_server: "web-http", real_server: real, line: "", quiet, plain: "UP" };
}

/** Each notification: its number, then variables. */
function told(traps: readonly VarBind[][]): string[][] {
  return traps.map((all) => {
    const [first, ...variables] = all;
    assert.equal(oidText(first!.name), "1.3.6.1.6.3.1.1.4.1.0");
    return [
      show(first!.value),
      ...variables.map(({ name, value }) => `${oidText(name)} = ${show(value)}`),
    ];
  });
}

Deno.test("a router that becomes master is told by both MIBs, any other state by keepalived's", () => {
  const web = { type: "INSTANCE", name: "web" } as const;
  const instance = (state: number) => [
    `${KEEPALIVED}.2.10.0.2`,
    `${KEEPALIVED}.2.3.1.2.1 = web`,
    `${KEEPALIVED}.2.3.1.4.1 = ${state}`,
    `${KEEPALIVED}.2.3.1.5.1 = 1`,
    `${KEEPALIVED}.1.2.0 = edge-a`,
  ];
  const history = new History();
  assert.deepEqual(
    told(trapsOf(notice({ ...web, state: "MASTER" }), facts({}, history), ALL, () => null)),
    [instance(2), [
      "1.3.6.1.2.1.207.0.1",
      "1.3.6.1.2.1.207.1.1.1.1.3.3.51.1 = 192 0 2 1",
      "1.3.6.1.2.1.207.1.2.5.1.2.3.51.1 = 0",
    ]],
  );
  for (const [state, number] of [["BACKUP", 1], ["FAULT", 3], ["STOP", 5]] as const) {
    const traps = trapsOf(notice({ ...web, state }), facts(), ALL, () => null);
    assert.deepEqual(told(traps), [instance(number)]);
  }
  for (const state of ["MASTER_PRIORITY", "MASTER_RX_LOWER_PRI"] as const) {
    assert.deepEqual(trapsOf(notice({ ...web, state }), facts(), ALL, () => null), []);
  }
  const other = notice({ type: "INSTANCE", name: "gone", state: "MASTER" });
  assert.deepEqual(trapsOf(other, facts(), ALL, () => null), []);
});

Deno.test("whatever a notification comes of is told; checks, priorities, what is quiet are not", () => {
  const { bfd: [session], virtual_servers: [virtual] } = facts().status;
  const real = virtual!.real_servers[0]!.address;
  const things = [
    { type: "INSTANCE", name: "web" },
    { type: "GROUP", name: "site" },
    { type: "BFD", name: session!.name },
    { type: "VS", name: "", server: server(null) },
    { type: "RS", name: "", server: server(real) },
  ] as const;
  const states = ["MASTER", "BACKUP", "FAULT", "STOP", "UP", "DOWN", "ADMIN_DOWN"] as const;
  for (const thing of things) {
    const made = states.flatMap((state) =>
      ALL.flatMap((mib) => {
        const one = notice({ ...thing, state });
        const traps = trapsOf(one, facts(), [mib], () => null);
        assert.ok(traps.length === 0 || isTold(one, [mib]), `${thing.type} ${state} ${mib}`);
        return traps;
      })
    );
    assert.ok(made.length >= 2, thing.type);
  }
  const none = [
    notice({ type: "CHECK", name: "http", state: "DOWN" }),
    notice({ type: "INSTANCE", name: "web", state: "BACKUP_PRIORITY" }),
    notice({ type: "INSTANCE", name: "web", state: "MASTER_RX_LOWER_PRI" }),
    notice({ type: "RS", name: "", state: "DOWN", server: server(real, true) }),
  ];
  assert.deepEqual(none.filter((one) => isTold(one, ALL)), []);
});

Deno.test("groups, sessions, quorums, real servers", () => {
  const one = (made: Parameters<typeof notice>[0], mibs: Parameters<typeof trapsOf>[2] = ALL) =>
    told(trapsOf(notice(made), facts(), mibs, () => null));
  assert.deepEqual(one({ type: "GROUP", name: "site", state: "BACKUP" }), [[
    `${KEEPALIVED}.2.10.0.1`,
    `${KEEPALIVED}.2.1.1.2.1 = site`,
    `${KEEPALIVED}.2.1.1.3.1 = 1`,
    `${KEEPALIVED}.1.2.0 = edge-a`,
  ]]);
  const session = facts().status.bfd[0]!.name;
  for (const [state, id, value] of [["UP", 1, 4], ["DOWN", 2, 2], ["ADMIN_DOWN", 2, 1]] as const) {
    const end = `1.3.6.1.2.1.222.1.2.1.13.11 = ${value}`;
    const expected = [[`1.3.6.1.2.1.222.0.${id}`, end, end]];
    assert.deepEqual(one({ type: "BFD", name: session, state }), expected);
    assert.deepEqual(one({ type: "BFD", name: session, state }, ["vrrpv3"]), []);
  }
  const virtual = (column: number, value: unknown) => `${KEEPALIVED}.3.3.1.${column}.1 = ${value}`;
  assert.deepEqual(one({ type: "VS", name: "web-http", state: "DOWN", server: server(null) }), [[
    `${KEEPALIVED}.3.5.0.2`,
    virtual(2, 2),
    virtual(8, 1),
    virtual(23, 2),
    virtual(22, 2),
    virtual(21, 2),
    virtual(20, 2),
    `${KEEPALIVED}.1.2.0 = edge-a`,
    virtual(71, "web-http"),
  ]]);
  const real = { type: "RS", name: "x", state: "UP" } as const;
  assert.deepEqual(one({ ...real, server: server("198.51.100.12:8080") }), [[
    `${KEEPALIVED}.3.5.0.1`,
    `${KEEPALIVED}.3.4.1.3.1.2 = 1`,
    `${KEEPALIVED}.3.4.1.4.1.2 = 198 51 100 12`,
    `${KEEPALIVED}.3.4.1.5.1.2 = 8080`,
    `${KEEPALIVED}.3.4.1.6.1.2 = 1`,
    virtual(2, 2),
    virtual(8, 1),
    virtual(21, 2),
    virtual(20, 2),
    `${KEEPALIVED}.1.2.0 = edge-a`,
    virtual(71, "web-http"),
  ]]);
  assert.deepEqual(one({ ...real, server: server("198.51.100.99:8080") }), []);
  assert.deepEqual(one({ ...real, server: server("198.51.100.12:8080", true) }), []);
  assert.deepEqual(
    one({ ...real, state: "DRAINING", server: server("198.51.100.12:8080") }),
    [],
  );
  assert.deepEqual(one({ type: "CHECK", name: "gateway", state: "UP" }), []);
});

Deno.test("a protocol error names its router, address family and reason", () => {
  const traps = protocolErrorTraps("web", "web", facts(), () => "checksum");
  assert.deepEqual(told(traps), [[
    "1.3.6.1.2.1.207.0.2",
    "1.3.6.1.2.1.207.1.2.5.1.6.3.51.1 = 3",
  ]]);
  assert.deepEqual(protocolErrorTraps("web", "web/ipv6", facts(), () => "ttl"), []);
});
