/**
 * Where the log goes: systemd-journald and rsyslogd themselves, files that are rotated; and how much
 * of it, while the agent runs. Daemons get a /run and a /dev of their own.
 */

import assert from "node:assert/strict";
import { ask } from "../../mod/control/client.ts";
import type { LogStatus } from "../../mod/control/log_protocol.ts";
import { execute, type Lab, lab, type LabProcess, runHalb, startHalb } from "../lib/mod.ts";
import { statusOf, untilLogged, VIP, webSite } from "./agent_helpers.ts";

const ROUTER = webSite("100ms");

/** Mounts the daemons' directories, and then becomes the command. */
const PRIVATELY = `set -e
mount -t tmpfs none /run
mkdir -p /run/systemd/journal /run/log/journal
mount -t tmpfs none /dev
mknod -m 666 /dev/null c 1 3
mknod -m 666 /dev/zero c 1 5
mknod -m 666 /dev/urandom c 1 9
mknod -m 666 /dev/random c 1 8
# What "ip netns exec" has mounted has no control groups, without which journald does not begin.
mount -t cgroup2 none /sys/fs/cgroup
exec "$@"`;

/** What is done in another process's mounts. */
const inMounts = (process: LabProcess) => ["nsenter", `--mount=/proc/${process.pid}/ns/mnt`];

function site(log: string): string {
  return `[agent]\nlog = ${log}\n${ROUTER}`;
}

lab("systemd-journald gets fields, and what was said while it was away", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const within = ["unshare", "-m", "sh", "-c", PRIVATELY, "sh"];
  const log = '{ targets = ["journal", "stderr"], levels = { kernel = "error" } }';
  const agent = startHalb(lab, host, site(log), { within });
  await agent.untilState("web", "master");
  // Nobody is there yet: that holds nothing up, and status says so.
  const { targets } = (await statusOf(agent)).log;
  assert.match(targets[0]?.trouble ?? "", /^\/run\/systemd\/journal\/socket: /);
  assert.equal(targets[1]?.trouble, null);
  const mounts = inMounts(agent.process);
  host.spawn([...mounts, "/lib/systemd/systemd-journald"], { name: "journald" });
  const entries = async (): Promise<Record<string, string>[]> => {
    const found = await execute([
      ...mounts,
      "sh",
      "-c",
      "journalctl -o json --no-pager -D /run/log/journal/* SYSLOG_IDENTIFIER=halb",
    ]);
    return found.trimEnd().split("\n").map((line) => JSON.parse(line));
  };
  const became = await lab.until(
    "the journal has the transition",
    async () => (await entries()).find(({ MESSAGE }) => /backup → master/.test(MESSAGE!)),
    20_000,
    200,
  );
  assert.equal(became.PRIORITY, "6");
  assert.equal(became.HALB_SUBSYSTEM, "vrrp");
  assert.equal(became.HALB_NAME, "web");
  assert.match(became.HALB_REASON!, /advertisement/);
  assert.match(became.MESSAGE!, /^vrrp\.web: backup → master reason=/);
  assert.equal(became._PID, String(agent.pid));
  // From its first line on, in order.
  const [first] = await entries();
  assert.match(first!.MESSAGE!, /halb \S+ starts as a/);
  await lab.until("no trouble", async () => {
    return (await statusOf(agent)).log.targets.every(({ trouble }) => trouble === null);
  }, 5000);
});

lab("rsyslogd reads what it gets, and gets the rest when it is back", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const [conf, out] = [`${lab.directory}/rsyslog.conf`, `${lab.directory}/out.log`];
  const format = "%syslogfacility-text%.%syslogseverity-text% %programname%|%procid%|%msg%\\n";
  Deno.writeTextFileSync(
    conf,
    `module(load="imuxsock" SysSock.RateLimit.Interval="0")
template(name="all" type="string" string="${format}")
action(type="omfile" file="${out}" template="all")
`,
  );
  const within = ["unshare", "-m", "sh", "-c", PRIVATELY, "sh"];
  const agent = startHalb(lab, host, site('{ targets = ["syslog"] }'), { within });
  await agent.untilState("web", "master");
  // A copy: where there is AppArmor, the one that is installed may read its own files alone.
  const program = `${lab.directory}/rsyslogd`;
  Deno.copyFileSync("/usr/sbin/rsyslogd", program);
  const rsyslogd = (number: number) => {
    const argv = [program, "-n", "-f", conf, "-i", `${lab.directory}/rsyslog${number}.pid`];
    return host.spawn([...inMounts(agent.process), ...argv], { name: `rsyslogd${number}` });
  };
  const read = (): string => {
    try {
      return Deno.readTextFileSync(out);
    } catch {
      return "";
    }
  };
  const has = (description: string, looks: RegExp) =>
    lab.until(description, () => looks.test(read()), 20_000, 50);
  const one = rsyslogd(1);
  await has(
    "the transition",
    new RegExp(
      `^daemon\\.info halb\\|${agent.pid}\\| vrrp\\.web: backup → master reason=`,
      "m",
    ),
  );
  const [first] = read().split("\n").filter((line) => line.includes(" halb|"));
  assert.match(first!, /control: halb \S+ starts as a/);
  await one.stop();
  await ask(agent.controlPath, { command: "release", name: "web" });
  await lab.until("it waits", async () => {
    return (await statusOf(agent)).log.targets[0]?.trouble !== null;
  }, 10_000);
  rsyslogd(2);
  await has(
    "what was said meanwhile",
    /^daemon\.info halb\|\d+\| control: Released web on request/m,
  );
});

/** Lines of a log file of JSON. */
function records(path: string): { level: string; category: string; message: string }[] {
  return Deno.readTextFileSync(path).trimEnd().split("\n").map((line) => JSON.parse(line));
}

/** An agent that logs to a file. */
async function logging(lab: Lab, log: (path: string) => string) {
  const [host, other] = await lab.hostsNamed("a", "b");
  const lan = await lab.lan("net", [host, other]);
  const path = `${lab.directory}/halb.log`;
  const agent = startHalb(lab, host, site(log(path)));
  await agent.untilState("web", "master");
  return { agent, other, lan, path };
}

lab("a log file may be rotated away, with HUP and without", async (lab) => {
  const { agent, path } = await logging(lab, (path) => {
    return `{ targets = ["file:${path}"], format = "json" }`;
  });
  assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
  assert.ok(records(path).some(({ message }) => /starts as/.test(message)));
  Deno.renameSync(path, `${path}.1`);
  agent.process.signal("SIGHUP");
  const reloaded = (path: string) => () => {
    return records(path).some(({ message }) => message === "Reload: applied");
  };
  await lab.until("the new file has the reload", reloaded(path), 10_000);
  assert.ok(!reloaded(`${path}.1`)(), "in the new one only");
  // Nobody tells it: each second it looks by itself.
  Deno.renameSync(path, `${path}.2`);
  await lab.until(
    "a file anew",
    async () => {
      await ask(agent.controlPath, { command: "log", level: "info" });
      return Deno.statSync(path).isFile;
    },
    10_000,
    200,
  );
  // To a link it does not go: a reload that wants that changes nothing.
  Deno.symlinkSync(path, `${path}.link`);
  agent.writeSite(site(`{ targets = ["file:${path}.link"] }`));
  const refused = await runHalb(["reload", "--control", agent.controlPath]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr + refused.stdout, /halb\.log\.link": it is a link/);
});

lab("levels by subsystem change while the agent runs, and an order ends by itself", async (lab) => {
  const { agent, path } = await logging(lab, (path) => {
    return `{ targets = ["file:${path}"], format = "json", levels = { vrrp = "warning" } }`;
  });
  const halbLog = (...argv: string[]) => runHalb(["log", ...argv, "--control", agent.controlPath]);
  assert.ok(!records(path).some(({ category }) => category.startsWith("vrrp")), "no transition");
  const done = await halbLog("debug", "vrrp", "--for", "1h", "--json");
  assert.equal(done.code, 0, done.stderr);
  const { levels, ordered } = JSON.parse(done.stdout) as LogStatus;
  assert.deepEqual(levels, { vrrp: "warning" });
  assert.deepEqual(ordered.map(({ subsystem, level }) => [subsystem, level]), [["vrrp", "debug"]]);
  const fired = () =>
    records(path).filter(({ level, category, message }) => {
      return level === "debug" && category === "vrrp.web" &&
        message === "Timer fired: advertisement";
    }).length;
  await lab.until("timers are told", () => fired() >= 10, 10_000);
  // Ten adverts a second: the rest of ten seconds is one line.
  const folded = await lab.until(
    "the others are counted",
    () => records(path).find(({ message }) => / \(repeated \d+ times in \d+ s\)$/.test(message)),
    25_000,
  );
  assert.match(folded.message, /^Timer fired: advertisement \(repeated \d+ times in 1\d s\)$/);
  // What is ordered outlasts a reload, which still changes what is configured.
  agent.writeSite(site(`{ targets = ["file:${path}"], format = "json", level = "error" }`));
  await runHalb(["reload", "--control", agent.controlPath]);
  const text = (await halbLog()).stdout;
  assert.match(text, /^vrrp +debug +until .*; configured: error$/m);
  assert.match(text, /^bfd +error$/m);
  await halbLog("configured");
  assert.deepEqual((await statusOf(agent)).log.ordered, []);
  await halbLog("warning", "--for", "1s");
  await lab.until("the order is over", async () => {
    return (await statusOf(agent)).log.ordered.length === 0;
  }, 10_000);
  const events = await runHalb(["events", "--type", "operator", "--control", agent.controlPath]);
  assert.match(events.stdout, /halb log debug vrrp for 3600 s/);
  assert.match(events.stdout, /halb log configured/);
});

lab("at level debug a backup tells whom it hears", async (lab) => {
  const hosts = await lab.hostsNamed("a", "b");
  await lab.lan("net", hosts);
  const master = startHalb(lab, hosts[0], ROUTER);
  await master.untilState("web", "master");
  const backup = startHalb(lab, hosts[1], ROUTER);
  await backup.untilState("web", "backup");
  await untilLogged(lab, backup, "Heard an advertisement source=192.0.2.1 priority=150", 2);
  assert.ok(await hosts[0].holds(VIP));
});
