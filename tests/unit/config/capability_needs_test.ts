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
import { capabilityNames } from "../../../ffi/mod.ts";
import { type KeptSite, toCome } from "../../../mod/agent/reload_file.ts";
import { givenUp, keptFor, keptForAll } from "../../../mod/agent/shedding.ts";
import { identityFor } from "../../../mod/check/drivers/program.ts";

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
const FIFOS = ["cap_chown", "cap_setgid", "cap_setuid"];
const SERVER = `[[virtual_server]]
name = "v"
listen = "192.0.2.10:80"
scheduler = "rr"
check = "tcp"
[[virtual_server.real_server]]
address = "198.51.100.11:80"
`;

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
      [BARE, 'notify = { master = ["/bin/true"], user = "root" }', PROGRAMS],
      [`${BARE}\nstartup_script = { command = ["/bin/true"] }`, "", PROGRAMS],
      [`${BARE}\nscript_user = "nobody"`, "", []],
      [BARE, '[[track_script]]\nname = "x"\ncommand = ["/bin/true"]', PROGRAMS],
      [BARE, '[[track_script]]\nname = "x"\ncommand = ["/bin/true"]\nuser = "root"', PROGRAMS],
      [`${BARE}\nnotify = { fifo = "/run/x", fifo_user = "nobody" }`, "", FIFOS],
      [`${BARE}\nnotify = { json_fifo = "/run/x" }`, "", FIFOS],
      [
        `${BARE}\nnotify = { fifo = "/run/x", fifo_script = ["/bin/true"] }`,
        "",
        [...PROGRAMS, "cap_chown"],
      ],
      [BARE, 'notify = { fifo = "/run/x" }', [...PROGRAMS, "cap_chown"]],
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
    "10:36 error CAP_SETGID, CAP_SETUID",
    "10:36 error CAP_KILL",
  ]);
  // By default, so of the file as a whole; a program without a user runs as the agent.
  const two = load(BARE, 'notify = { master = ["/bin/true"] }', new Set());
  assert.ok(!two.ok);
  assert.deepEqual(
    two.problems.map(({ line, severity }) => [line, severity]),
    [[0, "error"], [0, "warning"], [0, "warning"]],
  );
  assert.match(two.problems[0]!.message, /^Every agent: that takes CAP_NET_ADMIN, CAP_NET_RAW/);
  const three = load("", "", new Set(BASE));
  assert.ok(three.ok);
  assert.deepEqual(three.warnings.map(({ line }) => line), [0, 0]);
});

Deno.test("who runs a program is told of where that is written, and of nothing else there", () => {
  const told = (agent: string, more: string) => {
    const loaded = load(agent, more, new Set(BASE));
    const found = loaded.ok ? loaded.warnings : loaded.problems;
    const takes = found.filter(({ message }) => message.includes("that takes CAP_"));
    return takes.map(({ line, severity, message }) =>
      `${line} ${severity} ${message.split(":")[0]}`
    );
  };
  const program = (place: string) => [
    `${place} Programs as another user`,
    `${place} An end to such a program that does not end in time`,
  ];
  // Line 2 is the first of [agent].
  assert.deepEqual(told('script_user = "nobody"', ""), [
    "0 warning Real-time scheduling, the kernel plane's preference, and `cpus`",
    "0 warning Locked memory",
  ]);
  const script = '[[track_script]]\nname = "x"\ncommand = ["/bin/true"]\n';
  const agent = `script_user = "nobody"\n${BARE}`;
  assert.deepEqual(told(agent, script), program("2 error"));
  assert.deepEqual(told(BARE, script), program("0 warning"));
  assert.deepEqual(told(BARE, `${script}user = "nobody"`), program("11 error"));
  assert.deepEqual(told(BARE, `${script}user = "root"`), program("11 warning"));
  const server = `${SERVER}notify = { up = ["/bin/true"], user = "daemon" }\n`;
  assert.deepEqual(told(BARE, server), program("15 error"));
  const reader = 'notify = { fifo = "/run/x", fifo_user = "root", fifo_script = ["/bin/true"] }';
  assert.deepEqual(told(`${agent}\n${reader}`, ""), [
    ...program("2 error"),
    "4 warning A FIFO that belongs to another user",
  ]);
});

Deno.test("an agent without CAP_SETUID runs as itself what nobody gave to a user, but not as root", () => {
  const who = (written: string | undefined, uid: number, mayChange = false) => {
    const key = written === undefined ? "" : `\nscript_user = "${written}"`;
    const { script_user } = siteOf(BARE + key).agent;
    return identityFor(script_user, { uid, mayChange })?.uid ?? "itself";
  };
  assert.equal(who(undefined, 990), "itself");
  assert.equal(who(undefined, 0), 65_534);
  assert.equal(who("nobody", 990), 65_534);
  assert.equal(who("nobody", 0), 65_534);
  assert.equal(who("nobody", 65_534), "itself");
  assert.equal(who("root", 0), "itself");
  assert.equal(who(undefined, 0, true), 65_534);
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

  const gone = new Set(capabilityNames()).difference(usual);
  assert.equal(givenUp(of("usual", 'notify = { master = ["/bin/true"] }'), gone), null);
  assert.match(givenUp(of("usual", 'namespace = "blue"'), gone)!, /CAP_SYS_ADMIN.*: restart it$/);
  assert.match(givenUp(asRoot, gone)!, /no more than the agent has kept: restart it$/);
  // Whatever it says of itself now; and what it never had was not given up.
  assert.match(givenUp(siteOf(BARE, 'namespace = "blue"'), gone)!, /CAP_SYS_ADMIN/);
  assert.equal(givenUp(of("usual", 'namespace = "blue"'), new Set()), null);
  const realtime = siteOf('capabilities = "needed"\nrealtime = { lock_memory = false }');
  assert.match(givenUp(realtime, new Set(["cap_sys_nice"]))!, /CAP_SYS_NICE/);
});

Deno.test("the agent's own namespace is entered before: it keeps nothing for that", () => {
  const site = siteOf(`capabilities = "needed"\nnamespace = "blue"\n${BARE}`);
  assert.deepEqual([...keptFor(site)!].sort(), BASE);
  const gone = new Set(["cap_sys_admin"]);
  assert.equal(givenUp(site, gone, () => true), null);
  assert.match(givenUp(site, gone, () => false)!, /network namespace takes CAP_SYS_ADMIN/);
});

Deno.test("what waits to take the place of a site keeps what it takes", () => {
  const of = (more: string) => siteOf(`capabilities = "needed"\n${BARE}`, more);
  const [bare, spaced] = [of(""), of('namespace = "blue"')];
  assert.ok(keptForAll([bare, spaced])!.has("cap_sys_admin"));
  assert.equal(
    keptForAll([bare, of('notify = { master = ["/bin/true"], user = "root" }')]),
    undefined,
  );
  const known = (site: SiteConfig): KeptSite => ({
    site,
    fingerprint: "",
    sha256: "",
    recording: { path: "", hostname: "", files: [], directories: [], environment: [] },
  });
  const memory = {
    running: known(bare),
    previous: null,
    awaiting: null,
    scheduled: null,
    refused: null,
  };
  const beginning = { kept: known(bare), own: known(spaced), file: known(bare).recording };
  assert.deepEqual(toCome(beginning), []);
  assert.deepEqual(toCome({ ...beginning, memory }), []);
  assert.deepEqual(toCome({ ...beginning, memory: { ...memory, previous: known(spaced) } }), [
    spaced,
  ]);
  const scheduled = { at: 1, within: null };
  assert.deepEqual(toCome({ ...beginning, memory: { ...memory, scheduled } }), [spaced]);
});
