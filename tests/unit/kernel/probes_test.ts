/** Health checks of the kernel plane: who is told of what is known when they are configured. */

import assert from "node:assert/strict";
import { Epoll } from "../../../ffi/mod.ts";
import { planChecks } from "../../../mod/agent/check_plan.ts";
import { KernelProbes } from "../../../mod/kernel/probes.ts";
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
