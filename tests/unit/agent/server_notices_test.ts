/**
 * What is told of virtual and real servers, beside what keepalived 2.2.7 has written to its FIFO in
 * the guest, with the same servers and the same events.
 */

import assert from "node:assert/strict";
import { ServerTeller } from "../../../mod/agent/server_teller.ts";
import { serverFacts } from "../../../mod/agent/server_notices.ts";
import type { NotifyConfig } from "../../../config/mod.ts";
import { environmentOf, fifoLine, jsonLine, type Notice } from "../../../mod/notify/notice.ts";
import { programsFor } from "../../../mod/notify/programs.ts";
import type { BalanceStep } from "../../../mod/plane/balance.ts";
import { target } from "../notify/fixtures.ts";
import {
  balancePlan,
  realServer,
  report,
  serverReport,
  virtualServer,
} from "../control/balance_fixtures.ts";

const PLAN = balancePlan(
  virtualServer({
    name: "web",
    servers: [realServer("127.0.0.1:8081"), realServer("127.0.0.1:8082")],
  }),
  virtualServer({
    name: "six",
    listen: [{ protocol: "udp", address: "2001:db8::10", port: 443 }],
    servers: [realServer("[::1]:8081", {
      startDown: true,
      checks: ["own"],
      server: { ...realServer("").server, address: "::1", port: 8081 },
    })],
  }),
  virtualServer({
    name: "mark",
    listen: [{ family: 4, mark: 7 }],
    servers: [realServer("127.0.0.1:8081")],
  }),
  virtualServer({
    name: "G1",
    listen: [
      { protocol: "tcp", address: "192.0.2.20", port: 80 },
      { protocol: "tcp", address: "192.0.2.21", port: 80 },
    ],
    servers: [realServer("127.0.0.1:80")],
  }),
);
const OMEGA = [{ name: "web", run_down_on_stop: true }];
const FACTS = serverFacts(PLAN, OMEGA);

function world() {
  const told: { notice: Notice; target?: NotifyConfig }[] = [];
  const teller = new ServerTeller(() => 7, (notice, target) => {
    told.push(target === undefined ? { notice } : { notice, target });
  });
  teller.begin(FACTS, []);
  teller.applied();
  const step = (server: string, what: BalanceStep["what"]): void =>
    teller.step({ type: "balance_step", id: "t:1", cause: "t:0", at: 0, server, what });
  return {
    teller,
    told,
    quorum: (server: string, met: boolean) =>
      step(server, { kind: "quorum", met, reason: "it is so" }),
    real: (server: string, realServer: string, state: "up" | "down" | "draining") =>
      step(server, { kind: "real_server", realServer, state, reason: "it is so" }),
    /** What keepalived's FIFO gets, since this was asked last. */
    lines: () =>
      told.splice(0).filter(({ notice }) => notice.server?.quiet === false)
        .map(({ notice }) => fifoLine(notice)),
  };
}

Deno.test("the lines of a day are those that keepalived writes, byte for byte", () => {
  const { quorum, real, lines, teller } = world();
  quorum("web", true);
  quorum("six", false);
  quorum("mark", true);
  quorum("G1", true);
  assert.deepEqual(lines(), [
    "VS [192.0.2.10]:tcp:80 UP\n",
    "VS FWM 7 UP\n",
    "VS [G1]:0 UP\n",
  ]);
  real("web", "127.0.0.1:8082", "down");
  real("web", "127.0.0.1:8081", "down");
  quorum("web", false);
  real("mark", "127.0.0.1:8081", "down");
  quorum("mark", false);
  real("G1", "127.0.0.1:80", "down");
  quorum("G1", false);
  assert.deepEqual(lines(), [
    "RS [127.0.0.1]:tcp:8082 [192.0.2.10]:tcp:80 DOWN\n",
    "RS [127.0.0.1]:tcp:8081 [192.0.2.10]:tcp:80 DOWN\n",
    "VS [192.0.2.10]:tcp:80 DOWN\n",
    "RS [127.0.0.1]:none:0 FWM 7 DOWN\n",
    "VS FWM 7 DOWN\n",
    "RS [127.0.0.1]:tcp:80 [G1]:0 DOWN\n",
    "VS [G1]:0 DOWN\n",
  ]);
  // One that begins down (keepalived's alpha): a first failure is told as well.
  real("six", "[::1]:8081", "down");
  assert.deepEqual(lines(), ["RS [::1]:udp:8081 [2001:db8::10]:udp:443 DOWN\n"]);
  real("six", "[::1]:8081", "up");
  quorum("six", true);
  real("web", "127.0.0.1:8081", "up");
  quorum("web", true);
  real("mark", "127.0.0.1:8081", "up");
  quorum("mark", true);
  assert.deepEqual(lines(), [
    "RS [::1]:udp:8081 [2001:db8::10]:udp:443 UP\n",
    "VS [2001:db8::10]:udp:443 UP\n",
    "RS [127.0.0.1]:tcp:8081 [192.0.2.10]:tcp:80 UP\n",
    "VS [192.0.2.10]:tcp:80 UP\n",
    "RS [127.0.0.1]:none:0 FWM 7 UP\n",
    "VS FWM 7 UP\n",
  ]);
  // Its omega is set: at the end it goes down, and nobody else does.
  teller.end("stopped");
  assert.deepEqual(lines(), [
    "RS [127.0.0.1]:tcp:8081 [192.0.2.10]:tcp:80 DOWN\n",
    "VS [192.0.2.10]:tcp:80 DOWN\n",
  ]);
});

Deno.test("a quorum that is lost from the start is told where a sorry server takes over", () => {
  const { servers: [web, ...others] } = PLAN;
  const sorryServer = { server: realServer("").server, inhibit: false };
  const plan = balancePlan({ ...web!, sorryServer }, ...others);
  const { teller, quorum, lines } = world();
  teller.begin(serverFacts(plan, []), []);
  teller.applied();
  quorum("web", false);
  quorum("mark", false);
  assert.deepEqual(lines(), ["VS [192.0.2.10]:tcp:80 DOWN\n"]);
  quorum("web", true);
  assert.deepEqual(lines(), ["VS [192.0.2.10]:tcp:80 UP\n"]);
});

Deno.test("a table that stays does not go down at the end", () => {
  const kept = serverFacts({ ...PLAN, onStop: "keep" }, OMEGA);
  assert.equal(kept.get("web")!.runDownOnStop, false);
  assert.equal(FACTS.get("web")!.runDownOnStop, true);
});

Deno.test("keepalived knows no drains: its readers are told of what it knows alone", () => {
  const { real, lines, told } = world();
  real("web", "127.0.0.1:8081", "draining");
  assert.deepEqual(told.map(({ notice }) => [notice.state, notice.previous]), [["DRAINING", null]]);
  real("web", "127.0.0.1:8081", "up");
  assert.deepEqual(lines(), []);
  real("web", "127.0.0.1:8081", "draining");
  real("web", "127.0.0.1:8081", "down");
  assert.deepEqual(lines(), ["RS [127.0.0.1]:tcp:8081 [192.0.2.10]:tcp:80 DOWN\n"]);
  real("web", "127.0.0.1:8081", "draining");
  real("web", "127.0.0.1:8081", "up");
  assert.deepEqual(lines(), ["RS [127.0.0.1]:tcp:8081 [192.0.2.10]:tcp:80 UP\n"]);
});

Deno.test("JSON names both servers and has the state in small letters", () => {
  const { real, quorum, told } = world();
  quorum("web", true);
  real("web", "127.0.0.1:8081", "down");
  const [virtual, own] = told.map(({ notice }) => JSON.parse(jsonLine(notice, false)));
  const common = { previous_state: null, cause: "it is so", generation: 7 };
  const { time: _, ...first } = virtual;
  assert.deepEqual(first, { type: "virtual_server", name: "web", state: "up", ...common });
  const { time: __, ...second } = own;
  const names = { name: "127.0.0.1:8081", virtual_server: "web" };
  assert.deepEqual(second, { type: "real_server", ...names, state: "down", ...common });
});

Deno.test("programs find both names in their environment, and each has its own", () => {
  const { real, quorum, told } = world();
  real("web", "127.0.0.1:8081", "down");
  quorum("web", true);
  const [down, up] = told.map(({ notice }) => notice);
  const environment = environmentOf(down!);
  assert.equal(environment.HALB_TYPE, "RS");
  assert.equal(environment.HALB_NAME, "127.0.0.1:8081");
  assert.equal(environment.HALB_VIRTUAL_SERVER, "web");
  assert.equal(environment.HALB_STATE, "DOWN");
  assert.equal(environmentOf(up!).HALB_VIRTUAL_SERVER, undefined);
  const programs = target({ type: "RS", name: "web 127.0.0.1:8081", up: ["/u"], down: ["/d"] });
  assert.equal(down!.name, programs.name);
  assert.deepEqual(programsFor(programs, down!), [["/d"]]);
  assert.deepEqual(programsFor({ ...programs, type: "VS", name: "web" }, up!), [["/u"]]);
});

Deno.test("who takes over repeats nothing, and tells what the former one could not", () => {
  const { teller, lines, told, quorum } = world();
  const one = { since: 0, transitions: 1, override: null, drain: null, risingSince: null };
  const memory = {
    servers: [{
      name: "web",
      met: true,
      since: 0,
      transitions: 1,
      servers: [
        { name: "127.0.0.1:8081", up: true, ...one },
        { name: "127.0.0.1:8082", up: false, ...one },
      ],
    }],
    checks: [],
    own: [],
  };
  teller.remember(memory, FACTS);
  assert.equal(told.length, 0);
  assert.deepEqual(teller.told.map(fifoLine), [
    "RS [127.0.0.1]:tcp:8081 [192.0.2.10]:tcp:80 UP\n",
    "RS [127.0.0.1]:tcp:8082 [192.0.2.10]:tcp:80 DOWN\n",
    "VS [192.0.2.10]:tcp:80 UP\n",
  ]);
  quorum("web", true);
  const servers = [
    serverReport("127.0.0.1:8081", { state: "down", reason: "refused" }),
    serverReport("127.0.0.1:8082", { state: "down", reason: "refused" }),
  ];
  teller.reconcile([report({ name: "web", servers })], 0);
  assert.deepEqual(lines(), ["RS [127.0.0.1]:tcp:8081 [192.0.2.10]:tcp:80 DOWN\n"]);
});

Deno.test("what a reload removes goes down where that is wished, by the table it had", () => {
  const { teller, lines, told, quorum, real } = world();
  quorum("web", true);
  quorum("mark", true);
  real("web", "127.0.0.1:8082", "down");
  real("mark", "127.0.0.1:8081", "down");
  teller.reconcile([report({ name: "web", servers: [serverReport("127.0.0.1:8081")] })], 0);
  lines();
  const targets = [target({ type: "RS", name: "web 127.0.0.1:8081", down: ["/d"] })];
  teller.begin(serverFacts(balancePlan(), []), targets);
  teller.applied();
  const programs = told.filter(({ target }) => target !== undefined)
    .map(({ notice }) => notice.state);
  assert.deepEqual(programs, ["DOWN", "DELETED"]);
  assert.deepEqual(lines(), [
    "VS [192.0.2.10]:tcp:80 DOWN\n",
    "RS [127.0.0.1]:tcp:8081 [192.0.2.10]:tcp:80 DOWN\n",
  ]);
  assert.deepEqual(teller.told, []);
});
