/** The checks that control runs: what they wait for, and what this machine lacks for them. */

import assert from "node:assert/strict";
import net from "node:net";
import { planChecks } from "../../../mod/agent/check_plan.ts";
import { CheckRunner } from "../../../mod/agent/check_runner.ts";
import { tapLog } from "../../../mod/agent/logging.ts";
import type { Way } from "../../../mod/plane/checks.ts";
import { loadValid, router } from "../config/fixtures.ts";

const TIMING = 'interval = "60s", warmup = "0s", fall = 1';

function controlOf(text: string) {
  return planChecks(loadValid({ "site.toml": text })).control;
}

Deno.test("what control asks by way of the load balancer waits until that leads there", async () => {
  // The kernel has no such interface: what is asked at last fails there.
  const checks = controlOf(`[[virtual_server]]
name = "web"
listen = "192.0.2.10:443"
forward = "direct"
check = { type = "http", tls = {}, via_forwarding = "halb-none", ${TIMING} }
[[virtual_server.real_server]]
address = "198.51.100.11"
`);
  const { mark } = checks[0]!.job.type === "http" ? checks[0]!.job.end.own : { mark: 0 };
  const ways: Way[] = [];
  const found = Promise.withResolvers<string>();
  const runner = new CheckRunner((_, what) => {
    if (what.kind === "found") found.resolve(what.memory.reason);
  }, (way) => Promise.resolve(ways.push(way) > 1));
  try {
    runner.configure(checks, []);
    assert.match(await found.promise, /our interface is missing|forbidden/);
    assert.deepEqual(ways, [{ address: "192.0.2.10", mark }, { address: "192.0.2.10", mark }]);
    assert.deepEqual(runner.counts().map(({ results }) => results), [
      { passed: 0, failed: 1, void: 1 },
    ]);
  } finally {
    runner.stop();
  }
});

Deno.test("what control cannot ask for want of something is in the log", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const checks = controlOf(`${router('track.checks = ["web"]\n')}
[[check]]
name = "web"
type = "http"
address = "127.0.0.1"
port = ${port}
tls = {}
${TIMING.replaceAll(", ", "\n")}
`);
  const { connect } = net;
  const logged = Promise.withResolvers<string>();
  const runner = new CheckRunner(() => {}, () => Promise.resolve(true));
  tapLog(({ message, properties }) => {
    if (properties?.check === "web") logged.resolve(message);
  });
  net.connect = (() => {
    const socket = new net.Socket();
    queueMicrotask(() => socket.destroy(Object.assign(new Error("none"), { code: "EMFILE" })));
    return socket;
  }) as typeof connect;
  try {
    runner.configure(checks, []);
    assert.equal(
      await logged.promise,
      "Cannot ask: no loopback: no descriptors left for this process",
    );
  } finally {
    net.connect = connect;
    tapLog(null);
    runner.stop();
  }
});
