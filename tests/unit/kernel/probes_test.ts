/** Health checks of the kernel plane: who is told of what is known when they are configured. */

import assert from "node:assert/strict";
import { Epoll } from "../../../ffi/mod.ts";
import { planChecks } from "../../../mod/agent/check_plan.ts";
import { KernelProbes, mostProbes } from "../../../mod/kernel/probes.ts";
import { IdSource } from "../../../mod/plane/ids.ts";
import { loadValid, router } from "../config/fixtures.ts";

Deno.test("each configuration tells each finding once: to servers, new ones among them", () => {
  const check = (name: string, keys = "") =>
    `[[check]]\nname = "${name}"\ntype = "tcp"\naddress = "192.0.2.1"\nport = 1\n${keys}`;
  const text = router('track.checks = ["known", "doubted", "new"]\n') + check("known") +
    check("doubted", "start_failed = true\n") + check("new");
  const checks = planChecks(loadValid({ "site.toml": text })).kernel;
  const known = {
    check: "known",
    health: "down",
    reason: "refused",
    weight: null,
    target: checks[0]!.target,
    since: 1,
    transitions: 1,
    lastError: null,
  } as const;
  const steps: string[] = [];
  const epoll = new Epoll();
  const probes = new KernelProbes(epoll, 100, new IdSource("t"), {
    now: () => 1_000_000,
    control: (message) => void (message.type === "check_step" && steps.push(message.check)),
    protocol: () => {},
    say: () => {},
  });
  const heard: string[] = [];
  probes.onFinding = ({ check, health, reason }) =>
    void heard.push(`${check} ${health}: ${reason}`);
  try {
    const configure = () =>
      probes.handle({ type: "configure_checks", id: "c:1", checks, former: [known] });
    const all = ["known down: refused", "doubted down: not checked yet"];
    configure();
    assert.deepEqual(heard.splice(0), all);
    assert.deepEqual(steps.splice(0), ["known", "doubted"]);
    configure();
    assert.deepEqual(heard, all);
    assert.deepEqual(steps, []);
  } finally {
    probes.close();
    epoll.close();
  }
});

Deno.test("what is asked by way of the load balancer waits until that leads there, not for ever", () => {
  const site = loadValid({
    "site.toml": `[[virtual_server]]
name = "web"
listen = "192.0.2.10:80"
forward = "direct"
check = { type = "tcp", via_forwarding = "halb-none", interval = "1s", warmup = "0s", fall = 1 }
[[virtual_server.real_server]]
address = "198.51.100.11"
`,
  });
  const checks = planChecks(site).kernel;
  const { mark } = checks[0]!.end;
  let now = 1_000_000;
  const heard: string[] = [];
  const epoll = new Epoll();
  const probes = new KernelProbes(epoll, 100, new IdSource("t"), {
    now: () => now,
    control: (message) => {
      if (message.type === "checks_state") last = message.reports[0]?.last?.reason;
      else if (message.type === "way_state") told.push(message.leads);
    },
    protocol: () => {},
    say: () => {},
  });
  probes.onFinding = ({ health, reason }) => void heard.push(`${health}: ${reason}`);
  const asked: string[] = [];
  let there = false;
  let last: string | undefined;
  const told: boolean[] = [];
  const query = () => {
    const way = { address: "192.0.2.10", mark };
    probes.handle({ type: "query_way", id: "c:4", way });
  };
  probes.leads = (service) => {
    asked.push(service);
    return there;
  };
  let turns = 0;
  const turn = () => {
    turns++;
    now = Math.max(now, probes.deadline) + 1;
    probes.turn(0);
  };
  try {
    probes.handle({ type: "configure_checks", id: "c:1", checks, former: [] });
    while (turns < 200 && heard.length === 0) turn();
    assert.deepEqual(heard, ["down: the load balancer leads nowhere yet"]);
    assert.ok(now > 3_000_000 && now < 3_500_000, `some time says nothing of the server: ${now}`);
    assert.deepEqual(new Set(asked), new Set([`mark ${mark} ipv4`]));
    // It goes on waiting, and does not spin.
    turns = 0;
    const end = now + 10_000_000;
    while (now < end) turn();
    assert.ok(turns < 1_000, `${turns} turns in ten seconds`);
    // As soon as it leads there, it is asked: here by a kernel that has no such interface.
    query();
    there = true;
    query();
    assert.deepEqual(told, [false, true]);
    turn();
    turn();
    probes.handle({ type: "query_checks", id: "c:3" });
    assert.match(last ?? "", /our interface is missing|forbidden/);
    probes.handle({ type: "configure_checks", id: "c:2", checks: [], former: [] });
  } finally {
    probes.close();
    epoll.close();
  }
});

Deno.test("probes leave half of the descriptors to everything else", () => {
  const limits = [Infinity, 1_048_576, 2048, 1024, 100, 1];
  assert.deepEqual(limits.map(mostProbes), [1024, 1024, 1024, 512, 50, 1]);
});
