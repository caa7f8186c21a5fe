/** The agent's side of health checks: whose checks run, and what a kernel plane is told of them. */

import assert from "node:assert/strict";
import type { SiteConfig } from "../../../config/mod.ts";
import { Balancing } from "../../../mod/agent/balancing.ts";
import { planChecks } from "../../../mod/agent/check_plan.ts";
import { Checks } from "../../../mod/agent/checks.ts";
import { planSite, Slots } from "../../../mod/agent/site_plan.ts";
import { createBalance, step } from "../../../mod/balance/mod.ts";
import { reportBalance } from "../../lib/balance.ts";
import type { CheckMemory } from "../../../mod/check/board.ts";
import { loadValid } from "../config/fixtures.ts";

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

/** Checks, and what the kernel plane is told. */
function world() {
  const configured: { checks: string[]; former: string[] }[] = [];
  const told: string[] = [];
  const checks = new Checks(
    {
      configureChecks: (checks, former) =>
        void configured.push({
          checks: checks.map(({ id }) => id),
          former: former.map(({ check }) => check),
        }),
      queryChecks: () => Promise.reject(new Error("nobody asks")),
      tellCheck: ({ check }) => void told.push(check),
      tell: () => {},
    },
    { runs: () => false },
    { push: () => {} },
  );
  return { checks, configured, told };
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
