/** What an agent that is started as root gives up, and that it works on with the rest. */

import assert from "node:assert/strict";
import { type HalbAgent, halbPath, lab, startHalb } from "../lib/mod.ts";
import { statusOf, threads } from "./agent_helpers.ts";

function site(directory: string, agent: string): string {
  return `[agent]
${agent}
script_user = "nobody"

[[track_script]]
name = "look"
command = ["/bin/sh", "-c", "grep ^Cap /proc/self/status > ${directory}/script; exit 0"]
interval = "1s"

[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
priority = { by_host = { a = 150, b = 100 } }
advertisement_interval = "100ms"
addresses = ["192.0.2.10/24"]
virtual_mac = true
track = { scripts = ["look"] }
`;
}

/** What the threads of a process have, by set: one value, or all that there are. */
function setsOf(pid: number): Record<string, string> {
  const sets: Record<string, Set<string>> = {};
  for (const thread of threads(pid)) {
    let status: string;
    try {
      status = Deno.readTextFileSync(`/proc/${pid}/task/${thread}/status`);
    } catch {
      // It has ended meanwhile.
      continue;
    }
    for (const [, name, value] of status.matchAll(/^(Cap\w+):\s*(\w+)$/gm)) {
      (sets[name!] ??= new Set()).add(value!);
    }
  }
  const entries = Object.entries(sets).map(([name, values]) => [name, [...values].join(" ")]);
  return Object.fromEntries(entries);
}

/** Of capabilities(7): CHOWN 0, DAC_READ_SEARCH 2, KILL 5, SETGID 6 … */
const USUAL = mask(0, 2, 5, 6, 7, 10, 12, 13, 14, 23);
const NEEDED = mask(0, 5, 6, 7, 12, 13, 14, 23);
const NONE = mask();

function mask(...bits: number[]): string {
  return bits.reduce((sum, bit) => sum | 1n << BigInt(bit), 0n).toString(16).padStart(16, "0");
}

lab("an agent of root keeps what it needs, in every thread, and works", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  await lab.lan("net", [a, b]);
  // Where nobody can write, who has no way through the lab's own directories.
  const open = Deno.makeTempDirSync({ prefix: "halb-capabilities-" });
  Deno.chmodSync(open, 0o777);
  const fifos = Deno.makeTempDirSync({ prefix: "halb-capabilities-" });
  Deno.chmodSync(fifos, 0o755);
  const of = (mode: string) =>
    site(open, `capabilities = "${mode}"\nnotify = { fifo = "${fifos}/${mode}" }`);
  // A thread has nothing while it is somebody else, for as long as it takes to start a program.
  const untilHas = (pid: number, kept: string) =>
    lab.until("every thread has what was kept", () => {
      const { CapEff, ...others } = setsOf(pid);
      assert.deepEqual(others, { CapInh: NONE, CapPrm: kept, CapBnd: kept, CapAmb: NONE });
      return CapEff === kept;
    }, 5000);
  try {
    const usual = startHalb(lab, a, of("usual"));
    await usual.untilState("web", "master");
    const needed = startHalb(lab, b, of("needed"));
    await needed.untilState("web", "backup");
    await untilHas(usual.pid, USUAL);
    await untilHas(needed.pid, NEEDED);
    assert.match(usual.log(), /starts as a .*capabilities="cap_chown /);

    // Programs run as whom they should, and have nothing.
    const script = await lab.until("the script has run", () => {
      const text = Deno.readTextFileSync(`${open}/script`);
      return text.includes("CapAmb") && text;
    }, 5000);
    for (const name of ["CapInh", "CapPrm", "CapEff", "CapAmb"]) {
      assert.match(script, new RegExp(`^${name}:\\s+${NONE}$`, "m"));
    }

    // A FIFO is another user's, whom root without CAP_DAC_OVERRIDE cannot write to.
    for (const mode of ["usual", "needed"]) {
      const reader = await a.exec(["timeout", "5", "head", "-n", "1", `${fifos}/${mode}`]);
      assert.match(String(reader), /^INSTANCE "web" /);
      assert.equal(Deno.statSync(`${fifos}/${mode}`).uid, 65_534);
    }

    // Addresses, virtual MACs and failover do not suffer.
    await lab.until("a holds the address", () => a.holds("192.0.2.10"), 5000);
    await upgrade(usual);
    await untilHas((await statusOf(usual)).pid, USUAL);
    const refusal = await tryReload(usual, of("usual") + NAMESPACE);
    assert.match(refusal, /another network namespace takes CAP_SYS_ADMIN(, \w+)?: restart it/);
    const fixed = await tryReload(usual, site(open, 'capabilities = "all"'));
    assert.match(fixed, /agent\.capabilities cannot change while the agent runs/);
    await a.exec(["kill", "-9", String((await statusOf(usual)).pid)]);
    await needed.untilState("web", "master");
    await lab.until("b holds the address", () => b.holds("192.0.2.10"), 5000);

    // A program of root's would have no more than the agent: then all is kept.
    const again = startHalb(
      lab,
      a,
      site(open, 'capabilities = "needed"').replace('"nobody"', '"root"'),
    );
    await again.untilState("web", "master");
    assert.match(again.log(), /all, since programs of this site run as root/);
    const { CapBnd } = setsOf(again.pid);
    assert.equal(CapBnd, setsOf(Deno.pid).CapBnd);
  } finally {
    for (const path of [open, fifos]) Deno.removeSync(path, { recursive: true });
  }

  async function upgrade(agent: HalbAgent): Promise<void> {
    const done = await agent.host.tryExec([halbPath(), "upgrade", "--control", agent.controlPath]);
    assert.equal(done.code, 0, done.stdout + done.stderr);
  }

  async function tryReload(agent: HalbAgent, text: string): Promise<string> {
    agent.writeSite(text);
    const words = [halbPath(), "reload", "--control", agent.controlPath];
    const { code, stdout, stderr } = await agent.host.tryExec(words);
    assert.equal(code, 2, stdout + stderr);
    return stdout + stderr;
  }
});

const NAMESPACE = `[[vrrp]]
name = "lan"
interface = "eth0"
namespace = "blue"
virtual_router_id = 52
addresses = ["192.0.2.20/24"]
`;

lab(
  "check names what an agent with fewer cannot do; the agent itself says so, too",
  async (lab) => {
    const host = await lab.host("a");
    await lab.lan("net", [host]);
    const path = `${lab.directory}/site.toml`;
    Deno.writeTextFileSync(path, site("/run", 'http = { listen = "127.0.0.1:80" }'), {
      mode: 0o600,
    });
    const check = (list: string) =>
      host.tryExec([halbPath(), "check", "--name", "a", "--capabilities", list, path]);
    const all = await check(
      "net_admin,net_raw,sys_nice,ipc_lock,setuid,setgid,kill,net_bind_service",
    );
    assert.deepEqual(
      [all.code, all.stdout.includes("valid: ")],
      [0, true],
      all.stdout + all.stderr,
    );
    const fewer = await check("cap_net_admin,cap_net_raw,cap_sys_nice,cap_ipc_lock");
    assert.equal(fewer.code, 4, fewer.stdout + fewer.stderr);
    assert.match(
      fewer.stdout,
      /site\.toml:2:10: error: A port below 1024: that takes CAP_NET_BIND/,
    );
    assert.match(
      fewer.stdout,
      /site\.toml:3:1: error: Programs as another user: that takes CAP_SET/,
    );
    const wrong = await check("cap_net_admim");
    assert.equal(wrong.code, 2, wrong.stdout + wrong.stderr);
    // What is refused there does not start here, with the same exit code.
    const none = startHalb(lab, host, site("/run", ""), {
      within: ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"],
    });
    const { code } = await none.process.exited;
    assert.equal(code, 4, none.log());
    assert.match(none.log(), /CAP_NET_RAW/);
  },
);
