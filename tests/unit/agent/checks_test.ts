/** The agent's side of health checks: whose checks run, and what a kernel plane is told of them. */

import assert from "node:assert/strict";
import type { SiteConfig } from "../../../config/mod.ts";
import { Balancing } from "../../../mod/agent/balancing.ts";
import { planChecks } from "../../../mod/agent/check_plan.ts";
import { Checks } from "../../../mod/agent/checks.ts";
import { CheckTeller } from "../../../mod/agent/check_teller.ts";
import { jsonLine, type Notice } from "../../../mod/notify/notice.ts";
import { planSite, Slots } from "../../../mod/agent/site_plan.ts";
import { createBalance, step } from "../../../mod/balance/mod.ts";
import { reportBalance } from "../../lib/balance.ts";
import type { CheckMemory } from "../../../mod/check/board.ts";
import { type CheckCount, CheckTally } from "../../../mod/plane/check_tally.ts";
import { Histogram } from "../../../mod/plane/histogram.ts";
import { loadValid, router } from "../config/fixtures.ts";

/** One configured server and three checks for whoever is one: two planes' and one by its name. */
function siteOf(file: string, more = ""): SiteConfig {
  return loadValid({
    "site.toml": `[[check]]
name = "gateway"
type = "ping"
address = "192.0.2.1"

[[virtual_server]]
name = "web"
listen = "192.0.2.10:80"
servers_file = "${file}"
check = [{ type = "tcp" }, { type = "http", tls = {} }, "gateway"]
${more}
[[virtual_server.real_server]]
address = "198.51.100.11:8080"
`,
  });
}

/** Checks, and what the kernel plane is told. @param counts what it has counted; absent: it is away */
function world(counts?: () => readonly CheckCount[]) {
  const configured: { checks: string[]; former: string[] }[] = [];
  const told: string[] = [];
  const notices: Notice[] = [];
  const checks = new Checks(
    {
      configureChecks: (checks, former) =>
        void configured.push({
          checks: checks.map(({ id }) => id),
          former: former.map(({ check }) => check),
        }),
      queryChecks: () => {
        if (counts === undefined) return Promise.reject(new Error("nobody asks"));
        const lateness = new Histogram().data();
        const head = { type: "checks_state", id: "k:1", cause: "c:1" } as const;
        return Promise.resolve({ ...head, reports: [], lateness, counts: counts() });
      },
      queryWay: () => Promise.reject(new Error("nobody asks")),
      tellCheck: ({ check }) => void told.push(check),
      tell: () => {},
    },
    { runs: () => counts !== undefined },
    { push: () => {} },
    { checks: new CheckTeller(() => 1, (notice) => void notices.push(notice)) },
  );
  return { notices, checks, configured, told };
}

/** What is known of all checks of a site that planes run. */
function allUp(site: SiteConfig): CheckMemory[] {
  const { kernel, control } = planChecks(site);
  return [...kernel, ...control].map(({ id, target }) => ({
    check: id,
    health: "up",
    reason: "",
    weight: null,
    target,
    since: 1,
    transitions: 0,
    lastError: null,
  }));
}

/** The part of an id that people read. */
const plain = (ids: readonly string[]): string[] =>
  ids.map((id) => id.replace(/\/[0-9a-f]{16}$/, "")).sort();

Deno.test("servers of a file and by command have each check of their virtual server", async () => {
  const directory = await Deno.makeTempDir();
  const nobody = () => Promise.reject(new Error("nobody is asked"));
  let plan = planSite(siteOf(`${directory}/servers`), new Slots());
  const balancing = new Balancing({
    directory,
    plan: () => plan.balance,
    runs: () => false,
    query: nobody,
    order: nobody,
    noted: () => {},
    listed: () => {},
    heard: () => {},
  });
  try {
    Deno.writeTextFileSync(`${directory}/servers`, "198.51.100.12:8080\n", { mode: 0o644 });
    const written = siteOf(`${directory}/servers`);
    await balancing.withLists(written);
    balancing.list("web", "add", ["198.51.100.13:8081 5"]);
    const site = await balancing.withLists(written);
    plan = planSite(site, new Slots());

    const { checks, configured, told } = world();
    checks.restore(allUp(site));
    checks.plan(site);
    checks.configureKernel(true);
    const ends = ["198.51.100.11:8080", "198.51.100.12:8080", "198.51.100.13:8081"];
    assert.deepEqual(plain(configured[0]!.checks), ["gateway", ...ends.map((end) => `tcp/${end}`)]);
    // Those that control runs reach the kernel plane as its findings.
    assert.deepEqual(plain(told), ends.map((end) => `http/${end}`));

    // Each server lives by its own, and by the one that all have in common.
    const { servers } = plan.balance!;
    assert.deepEqual(
      servers[0]!.servers.map(({ name, checks }) => [name, plain(checks)]),
      ends.map((end) => [end, ["gateway", `http/${end}`, `tcp/${end}`]]),
    );
    const ids = [...configured[0]!.checks, ...told];
    for (const end of ends) {
      for (const check of ids.filter((id) => id.includes(`${end}/`) || id === "gateway")) {
        const machine = createBalance();
        step(machine, { type: "configure", servers }, 1);
        const finding = { check, health: "down", reason: "refused", weight: null } as const;
        step(machine, { type: "check", finding }, 2);
        const down = reportBalance(machine, 3)[0]!.servers
          .filter(({ state }) => state === "down").map(({ name }) => name);
        assert.deepEqual(down, check === "gateway" ? ends : [end], check);
      }
    }
  } finally {
    balancing.stop();
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a kernel plane is told once what is known of a check, a new one all of it", () => {
  const { checks, configured, told } = world();
  const more = '[[virtual_server.real_server]]\naddress = "198.51.100.12:8080"\n';
  const [one, two] = [siteOf("/x"), siteOf("/x", more)];
  const begin = (site: SiteConfig, begins: boolean) => {
    configured.length = told.length = 0;
    checks.plan(site);
    checks.configureKernel(begins);
    return [plain(configured[0]!.former), plain(told)];
  };
  checks.restore(allUp(two));
  const first = [["gateway", "tcp/198.51.100.11:8080"], ["http/198.51.100.11:8080"]];
  const both = [
    ["gateway", "tcp/198.51.100.11:8080", "tcp/198.51.100.12:8080"],
    ["http/198.51.100.11:8080", "http/198.51.100.12:8080"],
  ];
  assert.deepEqual(begin(one, false), first);
  assert.deepEqual(begin(one, false), [[], []]);
  // Of a check that comes, as far as something is still known.
  checks.restore(allUp(two));
  assert.deepEqual(begin(two, false), [["tcp/198.51.100.12:8080"], ["http/198.51.100.12:8080"]]);
  assert.deepEqual(begin(two, true), both);
  // One that goes and comes back: nothing is known of it any more.
  begin(one, false);
  assert.deepEqual(begin(two, false), [[], []]);
  assert.equal(configured[0]!.checks.length, 3);
});

Deno.test("who reads JSON hears of each verdict once, through a reload, and of checks that go", () => {
  const { checks, notices } = world();
  const [ours, teller] = [siteOf("/x"), new CheckTeller(() => 2, (one) => void notices.push(one))];
  const { identities } = planChecks(ours);
  const memory = (id: string, health: "up" | "down", reason: string) => {
    const [one] = allUp(ours);
    return { ...one!, check: id, health, reason };
  };
  const lines = () => notices.splice(0).map((one) => JSON.parse(jsonLine(one, false)));
  // What was known before the plan that names it: nothing of it is told again.
  teller.remember([memory("gateway", "up", "an echo")]);
  teller.plan(identities);
  teller.found(memory("gateway", "up", "an echo"), 900, 1);
  assert.deepEqual(lines(), []);
  assert.deepEqual(teller.told.map(({ check }) => check), [
    { name: "gateway", kind: "ping", server: "192.0.2.1", healthy: true, latency: null },
  ]);
  const tcp = identities.find(({ type }) => type === "tcp")!.id;
  teller.found(memory("gateway", "down", "no echo in time"), 1_000_400, 1);
  teller.found(memory("gateway", "down", "host unreachable"), 5, 1);
  teller.found(memory(tcp, "down", "not checked yet"), null, 1);
  const [gateway, own, ...others] = lines();
  assert.deepEqual(others, []);
  const { time, ...rest } = gateway;
  assert.match(time, /^\d{4}-.*Z$/);
  assert.deepEqual(rest, {
    type: "check",
    name: "gateway",
    id: "gateway",
    check: "ping",
    server: "192.0.2.1",
    healthy: false,
    previous_healthy: true,
    reason: "no echo in time",
    latency_ms: 1000.4,
    generation: 2,
  });
  assert.deepEqual(
    [own.name, own.id, own.server, own.previous_healthy, own.latency_ms],
    [null, tcp, "198.51.100.11:8080", null, null],
  );
  teller.plan(identities.filter(({ id }) => id !== "gateway"));
  teller.applied();
  teller.applied();
  const gone = lines().map((one) => [one.name, one.check, one.healthy, one.reason]);
  assert.deepEqual(gone, [["gateway", "ping", null, "removed from the configuration"]]);

  // The agent's: a verdict of the kernel plane reaches it.
  checks.plan(ours);
  const at = 7;
  const what = { kind: "found", memory: memory(tcp, "up", "connected"), changed: true } as const;
  const latency = 250;
  checks.step({ type: "check_step", id: "h:1", at, check: tcp, what: { ...what, latency } });
  assert.deepEqual(lines().map((one) => [one.id, one.healthy, one.latency_ms]), [[
    tcp,
    true,
    0.25,
  ]]);
});

Deno.test("no count of probes falls when the kernel plane is another one; what is gone is not told", async () => {
  let tally = new CheckTally();
  const { checks } = world(() => tally.data());
  checks.plan(siteOf("/etc/halb/servers"));
  checks.configureKernel(true);
  const passed = async () => {
    const { counts = [] } = await checks.facts();
    return counts.map(({ type, name, results }) => [type, name, results.passed]);
  };
  for (let i = 0; i < 3; i++) tally.record("gateway", "ping", "passed", 1);
  tally.record("tcp/198.51.100.11:8080/00", "tcp", "passed", 1);
  assert.deepEqual(await passed(), [["ping", "gateway", 3], ["tcp", "", 1]]);
  tally = new CheckTally();
  checks.configureKernel(true);
  tally.record("gateway", "ping", "passed", 1);
  assert.deepEqual(await passed(), [["ping", "gateway", 4], ["tcp", "", 1]]);
  checks.plan(loadValid({ "site.toml": router("") }));
  checks.configureKernel(false);
  assert.deepEqual(await passed(), [["tcp", "", 1]]);
});
