/**
 * The Debian package on a Debian with systemd as its first process (tests/lib/machine.ts): what
 * `dpkg` and `systemctl` do to it, and it to the machine.
 */

import assert from "node:assert/strict";
import { execute, halbPath, type Lab, lab } from "../lib/mod.ts";
import { Machine } from "../lib/machine.ts";

const PACKAGE = new URL("../../scripts/package", import.meta.url).pathname;
/** What the unit allows: those that docs/installing.md names. */
const CAPABILITIES = [
  "cap_kill",
  "cap_setgid",
  "cap_setuid",
  "cap_net_bind_service",
  "cap_net_admin",
  "cap_net_raw",
  "cap_ipc_lock",
  "cap_sys_nice",
];
/** Time without a sign of life, in place of the unit's: more than a busy machine stands still. */
const WATCHDOG = 8;
/** The unit's own. */
const USUAL_WATCHDOG = 30;
/** Folders whose files come and go by themselves, or are lists of what was done. */
const VOLATILE = [
  "/dev",
  "/exchange",
  "/proc",
  "/run",
  "/sys",
  "/tmp",
  "/var/log",
  "/var/lib/dpkg",
];
/** Backups that programs such as useradd make of these, and their lock. */
const BACKUPS = /^\S+ \S+ \/etc\/(?:(?:passwd|group|shadow|gshadow|subuid|subgid)-|\.pwd\.lock)$/;

/** Builds the package, and an older one that has a file more. Both lie in the exchange then. */
async function packages(lab: Lab, exchange: string): Promise<void> {
  const env = { HALB: halbPath(), HALB_COMPRESSION: "none", HALB_PACKAGES: lab.directory };
  const built = (await execute([PACKAGE], { env })).trim();
  const script = `set -e
dpkg-deb -R "$1" "$2/old"
sed -i 's/^Version: .*/Version: 0.0.1/' "$2/old/DEBIAN/control"
echo former >"$2/old/usr/share/doc/halb/obsolete"
dpkg-deb -Znone -b "$2/old" "$3/old.deb"
rm -r "$2/old"
mv "$1" "$3/new.deb"`;
  await execute(["sh", "-c", script, "sh", built, lab.directory, exchange]);
}

/** Every file with its owner and mode, apart from what is volatile. */
async function files(machine: Machine): Promise<string[]> {
  const prune = VOLATILE.map((path) => `-path ${path}`).join(" -o ");
  const listed = await machine.run(
    `find / -xdev \\( ${prune} \\) -prune -o -printf '%M %u:%g %p\\n' | LC_ALL=C sort`,
  );
  return listed.split("\n").filter((line) => !BACKUPS.test(line));
}

/** What `systemctl show` says of the service. */
async function property(machine: Machine, name: string): Promise<string> {
  return await machine.run(`systemctl show -P ${name} halb`);
}

/** Until systemd calls the service active, with another main process than before if one is named. */
async function untilActive(machine: Machine, formerly = "0"): Promise<string> {
  await machine.until(
    "the service is active",
    `[ "$(systemctl is-active halb)" = active ] && ` +
      `[ "$(systemctl show -P MainPID halb)" != ${formerly} ]`,
  );
  return await property(machine, "MainPID");
}

async function holds(machine: Machine, address: string): Promise<boolean> {
  return (await machine.run("ip -br address show dev eth0")).includes(`${address}/`);
}

async function untilHeld(machine: Machine, address: string): Promise<void> {
  await machine.until(`it holds ${address}`, `ip -br address show dev eth0 | grep -F ${address}/`);
}

async function transitions(machine: Machine): Promise<number> {
  const status = JSON.parse(await machine.run("halb status --json"));
  return status.vrrp[0].transitions;
}

async function dropIn(machine: Machine, ...lines: readonly string[]): Promise<void> {
  await machine.run(`mkdir -p /etc/systemd/system/halb.service.d
printf '%s\\n' '[Service]' ${lines.map((line) => `'${line}'`).join(" ")} \
  >/etc/systemd/system/halb.service.d/lab.conf
systemctl daemon-reload`);
}

/** It waits for a configuration, in a folder that only it can read. */
async function installs(machine: Machine): Promise<void> {
  await machine.run("dpkg -i /exchange/old.deb");
  assert.equal(await machine.run("dpkg --verify halb"), "", "all is as it was packed");
  assert.equal(await machine.run("stat -c '%U:%G %a' /etc/halb"), "root:halb 750");
  assert.equal(await machine.run("systemctl is-enabled halb"), "enabled");
  assert.equal(await property(machine, "ActiveState"), "inactive");
  assert.equal(await property(machine, "ConditionResult"), "no", "there is no site.toml");
  assert.equal(await machine.run("systemctl --failed --no-legend"), "");
}

/** The installed example, with this node's name in it. */
async function starts(machine: Machine): Promise<void> {
  await machine.run(`modprobe dummy
ip link add eth0 type dummy
ip link set eth0 up
ip address add 192.0.2.1/24 dev eth0
sed "s/edge-a/$(hostname)/" /usr/share/doc/halb/examples/site.toml >/etc/halb/site.toml
chown root:halb /etc/halb/site.toml
chmod 0640 /etc/halb/site.toml
systemctl enable --now halb`);
  const pid = await untilActive(machine);
  await untilHeld(machine, "192.0.2.10");
  const status = await machine.run(`cat /proc/${pid}/status`);
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1];
  const user = await machine.run("id -u halb");
  assert.equal(field("Uid"), [user, user, user, user].join("\t"));
  assert.equal(field("NoNewPrivs"), "1");
  assert.equal(field("Seccomp"), "2");
  for (const set of ["CapEff", "CapPrm", "CapBnd", "CapAmb"]) {
    const named = (await machine.run(`capsh --decode=${field(set)}`)).split("=")[1]!.split(",");
    assert.deepEqual(named, CAPABILITIES, set);
  }
  const modes = "stat -c '%U:%G %a %n' /run/halb /var/lib/halb /var/log/halb";
  assert.equal(
    await machine.run(modes),
    ["/run/halb", "/var/lib/halb", "/var/log/halb"].map((path) => `halb:halb 700 ${path}`)
      .join("\n"),
  );
}

async function reloads(machine: Machine): Promise<void> {
  const pid = await property(machine, "MainPID");
  await machine.run("sed -i s/192.0.2.10/192.0.2.20/ /etc/halb/site.toml\nsystemctl reload halb");
  assert.ok(await holds(machine, "192.0.2.20"), "reload returns when it is done");
  assert.ok(!await holds(machine, "192.0.2.10"));
  const invalid = "cp -p /etc/halb/site.toml /run/\necho nonsense >>/etc/halb/site.toml\n";
  assert.equal((await machine.tryRun(`${invalid}systemctl reload halb`)).code, 1);
  // What it says goes through the journal's own queue.
  const told = "journalctl -u halb -n 50 | grep -F 'site.toml\" is not valid' >/dev/null";
  await machine.until("the journal has why", told);
  await machine.run("mv /run/site.toml /etc/halb/");
  assert.equal(await property(machine, "ActiveState"), "active");
  assert.equal(await property(machine, "MainPID"), pid);
  assert.ok(await holds(machine, "192.0.2.20"));
}

async function survivesKill(machine: Machine): Promise<void> {
  const pid = await property(machine, "MainPID");
  await machine.run(`kill -KILL ${pid}`);
  await untilActive(machine, pid);
  await untilHeld(machine, "192.0.2.20");
  assert.equal(await property(machine, "NRestarts"), "1");
}

async function isWatched(machine: Machine): Promise<void> {
  await dropIn(machine, `WatchdogSec=${WATCHDOG}s`);
  await machine.run("systemctl restart halb");
  const pid = await untilActive(machine);
  // Time for two signs of life: it is fed, and not just not missed yet.
  const fed = "$(systemctl show -P WatchdogTimestampMonotonic halb)";
  await machine.until("it is fed again", `[ ${fed} -gt ${await fedAt(machine)} ]`);
  const seconds = await machine.run(`kill -STOP ${pid}
SECONDS=0
until journalctl -u halb -b | grep 'Watchdog timeout' >/dev/null; do sleep 0.2; done
echo $SECONDS`);
  // Such a machine may need seconds for each look into the journal.
  assert.ok(Number(seconds) < USUAL_WATCHDOG / 2, `noticed after ${seconds} s`);
  await untilActive(machine, pid);
  await untilHeld(machine, "192.0.2.20");
}

async function fedAt(machine: Machine): Promise<string> {
  return await property(machine, "WatchdogTimestampMonotonic");
}

/** The new program takes over: the router notices nothing, and nothing that was written is lost. */
async function isUpdated(machine: Machine): Promise<void> {
  await machine.run("chmod 0755 /etc/halb\nchown root:root /etc/halb/site.toml");
  await machine.run("chmod 0644 /etc/halb/site.toml");
  const written = "sha256sum /etc/halb/site.toml /etc/systemd/system/halb.service.d/lab.conf";
  const [before, pid, moved] = [
    await machine.run(written),
    await property(machine, "MainPID"),
    await transitions(machine),
  ];
  await machine.run("test -e /usr/share/doc/halb/obsolete\ndpkg -i /exchange/new.deb");
  assert.notEqual(await untilActive(machine, pid), pid);
  assert.equal(await machine.run(written), before);
  assert.equal(await machine.run("stat -c '%U:%G %a' /etc/halb"), "root:halb 755", "as we set it");
  assert.equal(await transitions(machine), moved, "no failover");
  assert.ok(await holds(machine, "192.0.2.20"));
  assert.equal((await machine.tryRun("test -e /usr/share/doc/halb/obsolete")).code, 1);
  assert.equal(await machine.run("dpkg --verify halb"), "");
}

async function stops(machine: Machine): Promise<void> {
  // Of the process that has taken over, which systemd has not started.
  await machine.run("systemctl stop halb");
  assert.ok(!await holds(machine, "192.0.2.20"));
  assert.equal(await property(machine, "Result"), "success");
}

/** One that does not answer is killed, and what it held for ever is removed. */
async function isCleanedUpAfter(machine: Machine): Promise<void> {
  await dropIn(machine, "TimeoutStopSec=10s");
  await machine.run("echo 'address_lease = \"off\"' >>/etc/halb/site.toml\nsystemctl start halb");
  await untilHeld(machine, "192.0.2.20");
  await machine.run(`kill -STOP ${await property(machine, "MainPID")}\nsystemctl stop halb`);
  assert.equal(await property(machine, "Result"), "timeout");
  assert.ok(!await holds(machine, "192.0.2.20"), "ExecStopPost has removed it");
}

/** Twice: what is written stays, and a package that comes back goes on with it. */
async function isRemoved(machine: Machine): Promise<void> {
  await machine.run("systemctl start halb");
  await untilHeld(machine, "192.0.2.20");
  await machine.run("dpkg -r halb");
  assert.ok(!await holds(machine, "192.0.2.20"));
  await machine.run("test -e /etc/halb/site.toml\ntest -d /var/lib/halb\ntest ! -e /usr/bin/halb");
  await machine.run("dpkg -i /exchange/new.deb");
  await untilActive(machine);
  await untilHeld(machine, "192.0.2.20");
}

async function isPurged(machine: Machine): Promise<void> {
  await machine.run("dpkg -P halb");
  assert.ok(!await holds(machine, "192.0.2.20"));
  assert.equal((await machine.tryRun("id halb || pidof halb")).code, 1);
  assert.equal(await machine.run("systemctl --failed --no-legend"), "");
}

lab("the package installs, runs under systemd, is updated and purged", async (lab) => {
  const machine = await Machine.boot(lab);
  try {
    await packages(lab, machine.exchange);
    const before = await files(machine);
    await installs(machine);
    await starts(machine);
    await reloads(machine);
    await survivesKill(machine);
    await isWatched(machine);
    await isUpdated(machine);
    await stops(machine);
    await isCleanedUpAfter(machine);
    await isRemoved(machine);
    await isPurged(machine);
    const left = (await files(machine)).filter((line) => !before.includes(line));
    assert.deepEqual(left.map((line) => line.split(" ")[2]).sort(), [
      "/etc/halb",
      "/etc/halb/site.toml",
      "/etc/systemd/system/halb.service.d",
      "/etc/systemd/system/halb.service.d/lab.conf",
    ], "what we have written, and nothing else");
  } catch (error) {
    console.error(await machine.report());
    throw error;
  }
}, { timeoutMs: 850_000 });
