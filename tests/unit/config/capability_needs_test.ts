/** What of a site takes which capability, and where that is said. */

import assert from "node:assert/strict";
import {
  capabilitiesOf,
  FEATURES,
  loadSite,
  needsOf,
  runsAsRoot,
  type SiteConfig,
  systemOptions,
} from "../../../config/mod.ts";
import { givenUp, keptFor } from "../../../mod/agent/shedding.ts";

function load(agent: string, more = "", capabilities?: ReadonlySet<string>) {
  const text = `[agent]
${agent}
[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
addresses = ["192.0.2.10"]
${more}
`;
  const { security: _, ...system } = systemOptions({ name: "a" });
  const given = capabilities === undefined ? {} : { capabilities };
  return loadSite("site.toml", { ...system, ...given, readText: () => text });
}

function siteOf(agent: string, more = ""): SiteConfig {
  const loaded = load(agent, more);
  assert.ok(loaded.ok, loaded.ok ? "" : loaded.problems.map(({ message }) => message).join("\n"));
  return loaded.site;
}

function needed(agent: string, more = ""): string[] {
  return [...capabilitiesOf(needsOf(siteOf(agent, more)))].sort();
}

const BARE = 'realtime = { policy = "other", lock_memory = false }';
const BASE = ["cap_net_admin", "cap_net_raw"];
const PROGRAMS = ["cap_kill", "cap_setgid", "cap_setuid"];

Deno.test("each key takes what the table says, and nothing else does", () => {
  assert.deepEqual(needed(BARE), BASE);
  assert.deepEqual(needed(""), ["cap_ipc_lock", ...BASE, "cap_sys_nice"]);
  for (
    const [agent, more, wanted] of [
      [`${BARE}\nhttp = { listen = "127.0.0.1:80" }`, "", ["cap_net_bind_service"]],
      [`${BARE}\nhttp = { listen = "127.0.0.1:9650" }`, "", []],
      [`${BARE}\nhttp = { listen = "unix:/run/halb/http.sock" }`, "", []],
      [BARE, 'namespace = "blue"', ["cap_dac_read_search", "cap_sys_admin"]],
      [`${BARE}\nnamespace = "blue"`, "", ["cap_dac_read_search", "cap_sys_admin"]],
      [BARE, 'notify = { master = ["/bin/true"] }', PROGRAMS],
      [BARE, 'notify = { master = ["/bin/true"], user = "root" }', []],
      [`${BARE}\nstartup_script = { command = ["/bin/true"] }`, "", PROGRAMS],
      [`${BARE}\nscript_user = "nobody"`, "", []],
      [BARE, '[[track_script]]\nname = "x"\ncommand = ["/bin/true"]', PROGRAMS],
      [BARE, '[[track_script]]\nname = "x"\ncommand = ["/bin/true"]\nuser = "root"', []],
      [`${BARE}\nnotify = { fifo = "/run/x", fifo_user = "nobody" }`, "", ["cap_chown"]],
    ] as const
  ) assert.deepEqual(needed(agent, more), [...BASE, ...wanted].sort(), `${agent}\n${more}`);
});

Deno.test("what will be missing is refused at its place, or warned of", () => {
  const one = load(
    `realtime = { policy = "fifo", lock_memory = false }\nhttp = { listen = "127.0.0.1:80" }`,
    'namespace = "blue"\nnotify = { master = ["/bin/true"], user = "nobody" }',
    new Set([...BASE, "cap_sys_admin"]),
  );
  assert.ok(!one.ok);
  const told = one.problems.map(({ line, column, severity, message }) =>
    `${line}:${column} ${severity} ${/CAP_[A-Z_, ]+/.exec(message)?.[0].replace(/, $/, "")}`
  );
  assert.deepEqual(told, [
    "2:14 warning CAP_SYS_NICE",
    "3:10 error CAP_NET_BIND_SERVICE",
    "9:1 error CAP_DAC_READ_SEARCH",
    "10:36 error CAP_SETGID, CAP_SETUID, CAP_KILL",
  ]);
  // By default, so of the file as a whole; a program without a user runs as the agent.
  const two = load(BARE, 'notify = { master = ["/bin/true"] }', new Set());
  assert.ok(!two.ok);
  assert.deepEqual(two.problems.map(({ line, severity }) => [line, severity]), [[0, "error"]]);
  assert.match(two.problems[0]!.message, /^Every agent: that takes CAP_NET_ADMIN, CAP_NET_RAW/);
  const three = load("", "", new Set(BASE));
  assert.ok(three.ok);
  assert.deepEqual(three.warnings.map(({ line }) => line), [0, 0]);
});

Deno.test("what an agent that is root keeps, and what it refuses afterwards", () => {
  const of = (mode: string, more = "") => siteOf(`capabilities = "${mode}"\n${BARE}`, more);
  assert.equal(keptFor(siteOf(BARE)), undefined);
  assert.equal(keptFor(of("all")), undefined);
  assert.deepEqual([...keptFor(of("needed"))!].sort(), BASE);
  const usual = keptFor(of("usual"))!;
  const others = Object.entries(FEATURES).filter(([name]) => name !== "namespaces");
  for (const [, { capabilities }] of others) {
    for (const one of capabilities) assert.ok(usual.has(one), one);
  }
  for (const name of ["sys_admin", "sys_module", "sys_ptrace", "sys_boot", "dac_override"]) {
    assert.equal(usual.has(`cap_${name}`), false, name);
  }
  assert.ok(keptFor(of("usual", 'namespace = "blue"'))!.has("cap_sys_admin"));
  const asRoot = of("needed", 'notify = { master = ["/bin/true"], user = "root" }');
  assert.equal(runsAsRoot(asRoot), true);
  assert.equal(keptFor(asRoot), undefined);

  assert.equal(givenUp(of("usual", 'notify = { master = ["/bin/true"] }'), usual), null);
  assert.match(givenUp(of("usual", 'namespace = "blue"'), usual)!, /CAP_SYS_ADMIN: restart it$/);
  assert.match(givenUp(asRoot, usual)!, /no more than the agent has kept: restart it$/);
  assert.equal(givenUp(siteOf(BARE, 'namespace = "blue"'), usual), null, "nothing was given up");
});
