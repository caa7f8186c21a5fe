/**
 * `halb why` names what was done to an agent, where that takes IPVS, or a clock that nobody else
 * goes by: a quorum is lost, the wall clock is set. The other causes: tests/lab/why_test.ts and
 * why_faults_test.ts.
 */

import assert from "node:assert/strict";
import { run } from "./lib.ts";
import { type HalbAgent, type Host, type Lab, lab, startHalb } from "../lib/mod.ts";
import { statusOf } from "../lab/agent_helpers.ts";
import { untilSaid } from "../lab/why_helpers.ts";

/** One processor for everything. */
const PATIENCE = 60_000;
const STEP = 90;

const SITE = `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
addresses = ["192.0.2.10/24"]

[[virtual_server]]
name = "web-http"
listen = "192.0.2.10:80"
quorum = 2
check = { type = "tcp", interval = "500ms", timeout = "5s", retry_interval = "500ms", rise = 1 }
real_server = [{ address = "192.0.2.2:8001" }, { address = "192.0.2.2:8002" }]
`;

/** Sets the clock of the whole guest. @param seconds by how much */
function setClock(seconds: number): void {
  run("date", "--set", `@${(Date.now() / 1000 + seconds).toFixed(3)}`);
}

function listen(host: Host, port: number) {
  return host.spawn(["/usr/bin/python3", "-m", "http.server", String(port)]);
}

function untilWhy(lab: Lab, agent: HalbAgent, name: string, cause: RegExp): Promise<string> {
  return untilSaid(lab, agent, name, cause, PATIENCE, 500);
}

lab("why: a quorum is lost; then the wall clock is set", async (lab) => {
  const [host, servers] = await lab.hostsNamed("a", "r");
  await lab.lan("net", [host, servers]);
  const [first] = [listen(servers, 8001), listen(servers, 8002)];
  const agent = startHalb(lab, host, SITE);
  const until = (met: boolean) =>
    lab.until(`the quorum is ${met ? "met" : "lost"}`, async () => {
      const { vrrp: [router], virtual_servers: [server] } = await statusOf(agent);
      return router?.state === "master" && server?.quorum.met === met &&
        server.quorum.current === (met ? 2 : 1);
    }, PATIENCE);
  await until(true);
  await first.kill();
  await until(false);
  const lost = await untilWhy(lab, agent, "web-http", /weight 1 is up, 2 is needed/);
  assert.match(lost, /has lost, or not reached, its quorum since/);
  assert.match(lost, /The cause: .+\./);
  assert.match(lost, /192\.0\.2\.2:8001 is down: .*refused/);
  assert.doesNotMatch(lost, /192\.0\.2\.2:8002 is/);
  assert.doesNotMatch(lost, /wall clock|An operator|was reloaded/);

  const { vrrp: [before] } = await statusOf(agent);
  setClock(STEP);
  try {
    // It takes a while until `date` runs.
    const cause = /Since then the wall clock was set forward by (8\d|90)\.\d s/;
    const set = await untilWhy(lab, agent, "web", cause);
    assert.match(set, /^web is master here since/);
    assert.doesNotMatch(
      set,
      /refused|An operator|was reloaded|wall clock was set back/,
    );
  } finally {
    setClock(-STEP);
  }
  const back = await untilWhy(lab, agent, "web", /Since then the wall clock was set back by/);
  assert.doesNotMatch(back, /refused|An operator|was reloaded/);
  const { vrrp: [after] } = await statusOf(agent);
  assert.equal(after!.transitions, before!.transitions, "a clock that is set moves nothing");
}, { timeoutMs: 240_000 });
