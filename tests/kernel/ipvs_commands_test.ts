/**
 * The kernel's answer to every command and setting: what `ipvsadm` then shows, what is read back,
 * and which changes are edits.
 */

import assert from "node:assert/strict";
import {
  type Destination,
  netmaskOf,
  type RealServer,
  type Service,
  type Table,
  TUNNEL_CHECKSUM,
  TUNNEL_REMOTE_CHECKSUM,
} from "../../mod/ipvs/mod.ts";
import { IpvsDirector } from "../../mod/kernel/ipvs_director.ts";
import { openIpvs } from "../../mod/kernel/ipvs_io.ts";
import {
  directorTest,
  inside,
  run,
  saved,
  server,
  tableOf,
  tcp,
  udp,
  unloadIpvs,
  virtual,
} from "./lib.ts";

/** Makes the table what is wanted; then it must be read back as wanted, and nothing be left. */
function reach(director: IpvsDirector, wanted: Table, sent?: number): void {
  const outcome = director.converge(wanted);
  assert.deepEqual(outcome.failures.map(({ text }) => text), []);
  if (sent !== undefined) assert.equal(outcome.sent, sent);
  director.read();
  assert.deepEqual(director.refused, []);
  const plain = (table: Table) =>
    [...table].map(([name, { service, destinations }]) => [
      name,
      service,
      [...destinations].sort(([a], [b]) => a < b ? -1 : 1),
    ]).sort();
  assert.deepEqual(plain(director.table), plain(wanted));
  assert.deepEqual(director.converge(wanted), { sent: 0, reads: 0, failures: [] });
}

const SCHEDULERS = [
  ..."rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh".split(" "),
];

directorTest("every scheduler of this kernel, one service each", (director) => {
  const wanted = tableOf(
    ...SCHEDULERS.map((scheduler, i) =>
      virtual(tcp("192.0.2.10", 1000 + i), [server("198.51.100.11")], { scheduler })
    ),
  );
  reach(director, wanted, 2 * SCHEDULERS.length);
  const lines = SCHEDULERS.flatMap((scheduler, i) => [
    `-A -t 192.0.2.10:${1000 + i} -s ${scheduler}`,
    `-a -t 192.0.2.10:${1000 + i} -r 198.51.100.11:${1000 + i} -m -w 1`,
  ]);
  assert.deepEqual(saved(), lines.sort());
  // From each to the next is one edit.
  const turned = tableOf(
    ...SCHEDULERS.map((_, i) =>
      virtual(tcp("192.0.2.10", 1000 + i), [server("198.51.100.11")], {
        scheduler: SCHEDULERS[(i + 1) % SCHEDULERS.length]!,
      })
    ),
  );
  reach(director, turned, SCHEDULERS.length);
});

directorTest("protocols, families, marks, all ports, ranges", (director) => {
  const persistence = { timeout: 300, netmask: 0xffffffff };
  const six = [server("2001:db8::11", { port: 8080 })];
  const wanted = tableOf(
    virtual(tcp("192.0.2.10"), [server("198.51.100.11", { port: 8080, weight: 65535 })]),
    virtual(udp("192.0.2.10"), [server("198.51.100.11", { weight: 0 })]),
    virtual({ protocol: "sctp", address: "192.0.2.10", port: 36412 }, [server("198.51.100.11")]),
    virtual(tcp("2001:db8::10"), six),
    virtual(udp("2001:db8::10"), six),
    virtual({ protocol: "sctp", address: "2001:db8::10", port: 36412 }, six),
    virtual({ family: 4, mark: 7 }, [server("198.51.100.11", { forward: "direct" })]),
    virtual({ family: 6, mark: 4294967295 }, [server("2001:db8::11", { forward: "direct" })]),
    virtual(tcp("192.0.2.11", 0), [server("198.51.100.11", { forward: "direct" })], {
      persistence,
    }),
    virtual({ protocol: "tcp", address: "203.0.113.254", last: "203.0.114.1", port: 443 }),
  );
  reach(director, wanted);
  assert.deepEqual(
    saved(),
    [
      "-A -t 192.0.2.10:80 -s wlc",
      "-a -t 192.0.2.10:80 -r 198.51.100.11:8080 -m -w 65535",
      "-A -u 192.0.2.10:53 -s wlc",
      "-a -u 192.0.2.10:53 -r 198.51.100.11:53 -m -w 0",
      "-A --sctp-service 192.0.2.10:36412 -s wlc",
      "-a --sctp-service 192.0.2.10:36412 -r 198.51.100.11:36412 -m -w 1",
      "-A -t [2001:db8::10]:80 -s wlc",
      "-a -t [2001:db8::10]:80 -r [2001:db8::11]:8080 -m -w 1",
      "-A -u [2001:db8::10]:53 -s wlc",
      "-a -u [2001:db8::10]:53 -r [2001:db8::11]:8080 -m -w 1",
      "-A --sctp-service [2001:db8::10]:36412 -s wlc",
      "-a --sctp-service [2001:db8::10]:36412 -r [2001:db8::11]:8080 -m -w 1",
      "-A -f 7 -s wlc",
      "-a -f 7 -r 198.51.100.11:0 -g -w 1",
      // ipvsadm takes a mark for a signed number.
      "-A -f -1 -6 -s wlc",
      "-a -f -1 -6 -r [2001:db8::11]:0 -g -w 1",
      "-A -t 192.0.2.11:0 -s wlc -p 300",
      "-a -t 192.0.2.11:0 -r 198.51.100.11:0 -g -w 1",
      "-A -t 203.0.113.254:443 -s wlc",
      "-A -t 203.0.113.255:443 -s wlc",
      "-A -t 203.0.114.0:443 -s wlc",
      "-A -t 203.0.114.1:443 -s wlc",
    ].sort(),
  );
  reach(director, tableOf(), 13);
  assert.deepEqual(saved(), []);
});

directorTest("settings of a service: each is one edit of the one before, and back", (director) => {
  const persistence = { timeout: 300, netmask: 0xffffffff };
  const steps: readonly (readonly [Partial<Omit<Service, "key">>, string])[] = [
    [{}, "-s wlc"],
    [{ scheduler: "sh", schedulerFlags: 1 }, "-s sh -b sh-fallback"],
    [{ scheduler: "sh", schedulerFlags: 3 }, "-s sh -b sh-fallback,sh-port"],
    [{ scheduler: "mh", schedulerFlags: 3 }, "-s mh -b mh-fallback,mh-port"],
    [{ scheduler: "rr", schedulerFlags: 4 }, "-s rr -b flag-3"],
    [{ scheduler: "rr", onePacket: true }, "-s rr -o"],
    [{ persistence }, "-s wlc -p 300"],
    [{ persistence: { timeout: 1, netmask: netmaskOf(4, 24) } }, "-s wlc -p 1 -M 255.255.255.0"],
    [{ persistence: { timeout: 2678400, netmask: netmaskOf(4, 32) } }, "-s wlc -p 2678400"],
    [{ persistence, engine: "sip" }, "-s wlc -p 300 --pe sip"],
    [{ persistence }, "-s wlc -p 300"],
    [{}, "-s wlc"],
  ];
  for (const [at, [settings, line]] of steps.entries()) {
    const wanted = tableOf(virtual(udp("192.0.2.10", 5060), [], settings));
    reach(director, wanted, 1);
    const shown = `-A -u 192.0.2.10:5060 ${line}`;
    // What ipvsadm leaves out of what it saves is in its list.
    const kept = saved()[0]!.replace(/ -o\b/, "");
    assert.equal(kept, shown.replace(/ -o\b/, ""), `step ${at}`);
    const list = inside("d", "ipvsadm -Ln");
    assert.equal(/\bops\b/.test(list), settings.onePacket === true, list);
  }
  const mask = { timeout: 60, netmask: 64 };
  const six = virtual(udp("2001:db8::10", 5060), [], { persistence: mask });
  reach(director, tableOf(six), 2);
  assert.deepEqual(saved(), ["-A -u [2001:db8::10]:5060 -s wlc -p 60 -M 64"]);
});

directorTest("settings of a server: each is one edit of the one before, and back", (director) => {
  const gue = (flags: number, port = 6080) => ({ type: "gue", port, flags }) as const;
  const tunnel = (kind: NonNullable<Destination["tunnel"]>): Partial<RealServer> => ({
    forward: "tunnel",
    tunnel: kind,
  });
  // What ipvsadm saves, and what it lists of the thresholds, which it does not save.
  const steps: readonly (readonly [Partial<RealServer>, string, RegExp?])[] = [
    [{}, "-m -w 1"],
    [{ weight: 0 }, "-m -w 0"],
    [{ weight: 65535 }, "-m -w 65535"],
    [{ upperThreshold: 100, lowerThreshold: 50 }, "-m -w 1", /:80 +100 +50 /],
    [{ upperThreshold: 10 }, "-m -w 1", /:80 +10 +0 /],
    [{ forward: "direct" }, "-g -w 1"],
    [tunnel({ type: "ipip", port: 0, flags: 0 }), "-i -w 1 --tun-type ipip"],
    [tunnel(gue(0)), "-i --tun-type gue --tun-port 6080 --tun-nocsum -w 1"],
    [tunnel(gue(0, 6081)), "-i --tun-type gue --tun-port 6081 --tun-nocsum -w 1"],
    [tunnel(gue(TUNNEL_CHECKSUM)), "-i --tun-type gue --tun-port 6080 --tun-csum -w 1"],
    [tunnel(gue(TUNNEL_REMOTE_CHECKSUM)), "-i --tun-type gue --tun-port 6080 --tun-remcsum -w 1"],
    [tunnel({ type: "gre", port: 0, flags: 0 }), "-i --tun-type gre --tun-nocsum -w 1"],
    [tunnel({ type: "gre", port: 0, flags: TUNNEL_CHECKSUM }), "-i --tun-type gre --tun-csum -w 1"],
    [tunnel({ type: "ipip", port: 0, flags: 0 }), "-i -w 1 --tun-type ipip"],
    [{}, "-m -w 1"],
  ];
  reach(director, tableOf(virtual(tcp("192.0.2.10"))), 1);
  for (const [settings, line, thresholds = /:80 +0 +0 /] of steps) {
    reach(director, tableOf(virtual(tcp("192.0.2.10"), [server("198.51.100.11", settings)])), 1);
    const shown = saved().find((each) => each.startsWith("-a"))!;
    const prefix = "-a -t 192.0.2.10:80 -r 198.51.100.11:80 ";
    assert.equal(sortedWords(shown.replace(prefix, "")), sortedWords(line));
    assert.match(inside("d", "ipvsadm -Ln --thresholds"), thresholds);
  }
});

/** Options in any order. */
function sortedWords(line: string): string {
  return line.split(/ (?=-)/).sort().join(" ");
}

directorTest("servers of the other address family are reached through tunnels", (director) => {
  const ipip = { type: "ipip", port: 0, flags: 0 } as const;
  const wanted = tableOf(
    virtual(tcp("192.0.2.10"), [server("2001:db8::11", { forward: "tunnel", tunnel: ipip })]),
    virtual(tcp("2001:db8::10"), [server("198.51.100.11", { forward: "tunnel", tunnel: ipip })]),
  );
  reach(director, wanted, 4);
  assert.deepEqual(saved().filter((line) => line.startsWith("-a")), [
    "-a -t 192.0.2.10:80 -r [2001:db8::11]:80 -i -w 1 --tun-type ipip",
    "-a -t [2001:db8::10]:80 -r 198.51.100.11:80 -i -w 1 --tun-type ipip",
  ]);
});

directorTest("what ipvsadm has made is adopted, and what it changes is noticed", (director) => {
  inside("d", "ipvsadm -A -t 192.0.2.10:80 -s rr");
  inside("d", "ipvsadm -a -t 192.0.2.10:80 -r 198.51.100.11 -m -w 3");
  inside("d", "ipvsadm -a -t 192.0.2.10:80 -r 198.51.100.99 -m");
  inside("d", "ipvsadm -A -f 9 -s rr");
  const web = (weight: number) =>
    tableOf(virtual(tcp("192.0.2.10"), [server("198.51.100.11", { weight })], { scheduler: "rr" }));
  assert.deepEqual(director.converge(web(3)), { sent: 1, reads: 1, failures: [] });
  assert.deepEqual(saved(), [
    "-A -f 9 -s rr",
    "-A -t 192.0.2.10:80 -s rr",
    "-a -t 192.0.2.10:80 -r 198.51.100.11:80 -m -w 3",
  ]);
  inside("d", "ipvsadm -C");
  const outcome = director.converge(web(4));
  assert.deepEqual([outcome.failures, outcome.reads], [[], 1]);
  assert.deepEqual(saved(), [
    "-A -t 192.0.2.10:80 -s rr",
    "-a -t 192.0.2.10:80 -r 198.51.100.11:80 -m -w 4",
  ]);
  inside("d", "ipvsadm -d -t 192.0.2.10:80 -r 198.51.100.11");
  assert.deepEqual(director.converge(web(5)).failures, []);
  assert.equal(saved()[1], "-a -t 192.0.2.10:80 -r 198.51.100.11:80 -m -w 5");
});

directorTest("a scheduler that this kernel lacks is named, the rest is done", (director) => {
  const missing = virtual(tcp("192.0.2.10"), [server("198.51.100.11")], { scheduler: "twos" });
  const outcome = director.converge(tableOf(missing, virtual(tcp("192.0.2.11"))));
  assert.deepEqual(outcome.failures.map(({ text }) => text), [
    'add tcp 192.0.2.10:80: twos: this kernel has no scheduler "twos" (module ip_vs_twos)',
  ]);
  assert.deepEqual(saved(), ["-A -t 192.0.2.11:80 -s wlc"]);
  const engine = { engine: "none-such", persistence: { timeout: 9, netmask: 0xffffffff } };
  const pe = director.converge(tableOf(virtual(udp("192.0.2.12"), [], engine)));
  assert.match(pe.failures[0]?.text ?? "", /or no engine "none-such"/);
});

directorTest("timeouts, version, counters, synchronisation daemons", (director) => {
  const before = director.timeouts();
  assert.deepEqual(before, { tcp: 900, tcpFin: 120, udp: 300 });
  director.execute({ kind: "set-timeouts", timeouts: { tcp: 90, tcpFin: 0, udp: 30 } });
  assert.deepEqual(director.timeouts(), { tcp: 90, tcpFin: 120, udp: 30 });
  assert.match(inside("d", "ipvsadm -Ln --timeout"), /Timeout \(tcp tcpfin udp\): 90 120 30/);
  director.execute({ kind: "set-timeouts", timeouts: before });
  assert.deepEqual(director.timeouts(), before);

  assert.deepEqual(director.info(), { version: "1.2.1", tableSize: 4096 });
  director.execute({ kind: "zero", service: null });

  assert.deepEqual(director.daemons(), []);
  const master = {
    role: "master",
    interface: "lo",
    id: 5,
    maxLength: 1400,
    group: "239.1.2.3",
    port: 8849,
    ttl: 3,
  } as const;
  const backup = {
    role: "backup",
    interface: "lo",
    id: 255,
    maxLength: 1400,
    group: "ff05::8848",
    port: 8849,
    ttl: 3,
  } as const;
  director.execute({ kind: "start-daemon", daemon: master });
  director.execute({ kind: "start-daemon", daemon: backup });
  assert.deepEqual(director.daemons(), [master, backup]);
  assert.equal(
    inside("d", "ipvsadm -Ln --daemon").trim(),
    "master sync daemon (mcast=lo, syncid=5, maxlen=1400, group=239.1.2.3, port=8849, ttl=3)\n" +
      "backup sync daemon (mcast=lo, syncid=255, maxlen=1400, group=ff05::8848, port=8849, ttl=3)",
  );
  director.execute({ kind: "stop-daemon", role: "master" });
  assert.deepEqual(director.daemons(), [backup]);
  assert.throws(
    () => director.execute({ kind: "stop-daemon", role: "master" }),
    /Cannot stop daemon: ESRCH/,
  );
  director.execute({ kind: "stop-daemon", role: "backup" });
  // What is left to the kernel is filled in by it.
  const plain = { ...master, maxLength: 0, group: "", port: 0, ttl: 0 };
  director.execute({ kind: "start-daemon", daemon: plain });
  const [filled] = director.daemons();
  assert.deepEqual({ ...filled, maxLength: 0 }, {
    ...plain,
    group: "224.0.0.81",
    port: 8848,
    ttl: 1,
  });
  director.execute({ kind: "stop-daemon", role: "master" });
});

Deno.test("the kernel loads IPVS by itself; where it cannot, that is said with what to do", () => {
  unloadIpvs();
  openIpvs("").close();
  unloadIpvs();
  run("mount", "-t", "tmpfs", "tmpfs", "/lib/modules");
  try {
    assert.throws(() => openIpvs(""), /This kernel has no IPVS.*modprobe ip_vs/);
  } finally {
    run("umount", "/lib/modules");
  }
  openIpvs("").close();
});
