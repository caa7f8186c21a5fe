/** The lab library itself, proved against the kernel and against keepalived. */

import assert from "node:assert/strict";
import { execute, Lab, lab, startKeepalived, startProbe, until } from "../lib/mod.ts";

lab("two hosts reach each other until the link is cut", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  const lan = await lab.lan("net", [a, b]);
  const capture = await lab.capture(lan, "icmp");
  assert.deepEqual((await a.addresses("eth0")).filter((one) => one.family === "inet"), [{
    interface: "eth0",
    family: "inet",
    address: "192.0.2.1",
    prefixLength: 24,
    label: "eth0",
    scope: "global",
    validLifetime: Infinity,
    preferredLifetime: Infinity,
    flags: [],
    protocol: "",
  }]);
  const ping = () => a.tryExec(["ping", "-c", "1", "-W", "1", b.link(lan).address]);
  assert.equal((await ping()).code, 0);

  await b.link(lan).cut();
  assert.equal((await ping()).code, 1);
  await b.link(lan).restore();
  // Carrier is there when the kernel has got to it.
  await lab.until("they reach each other again", async () => (await ping()).code === 0, 5000);

  await b.link(lan).lose(100, "in");
  assert.equal((await ping()).code, 1);
  await b.link(lan).lose(0);
  assert.equal((await ping()).code, 0);

  const answers = await capture.packets("icmp.type == 0", [
    "eth.src",
    "ip.dst",
    "icmp.checksum.status",
  ]);
  assert.equal(answers.length, 3);
  for (const { time, fields } of answers) {
    assert.deepEqual(fields, {
      "eth.src": b.link(lan).mac,
      "ip.dst": "192.0.2.1",
      "icmp.checksum.status": "1",
    });
    assert.ok(Math.abs(time / 1000 - Date.now()) < 60_000, `${time} is not now`);
  }
});

lab("a capture has all that passed before its end, although tcpdump was held up", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  const lan = await lab.lan("net", [a, b]);
  const capture = await lab.capture(lan, "icmp");
  const namespace = ["ip", "netns", "pids", lan.namespace];
  const pids = (await execute(namespace)).split("\n").filter(Boolean).map(Number);
  for (const pid of pids) Deno.kill(pid, "SIGSTOP");
  await a.exec(["ping", "-c", "20", "-i", "0.002", b.link(lan).address]);
  const packets = capture.packets("icmp");
  // It would be told to end by now.
  await lab.delay(400);
  for (const pid of pids) Deno.kill(pid, "SIGCONT");
  assert.equal((await packets).length, 40);
});

lab("a host whose link is deleted has no interface", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  const lan = await lab.lan("net", [a, b], { prefix: "198.51.100.0/24" });
  assert.deepEqual((await a.routes()).map(({ to }) => to), ["198.51.100.0/24"]);
  await a.link(lan).delete();
  assert.deepEqual(await a.routes(), []);
  assert.deepEqual(await a.addresses("lo").then((all) => all.map(({ address }) => address)), [
    "127.0.0.1",
    "::1",
  ]);
});

lab("a frozen process stands still, a thawed one goes on", async (lab) => {
  const host = await lab.host("a");
  const process = host.spawn(["sh", "-c", "while :; do echo tick; sleep 0.01; done"]);
  await lab.until("it ticks", () => process.log().includes("tick"), 2000);
  process.freeze();
  await lab.delay(50);
  const before = process.log();
  await lab.delay(100);
  assert.equal(process.log(), before);
  process.thaw();
  await lab.until("it ticks again", () => process.log().length > before.length, 2000);
  const status = await process.stop();
  assert.equal(status.signal, "SIGTERM");
});

Deno.test({
  name: "a lab leaves nothing behind",
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const namespaces = async () =>
      (await execute(["ip", "netns", "list"])).split("\n")
        .filter((line) => line.startsWith(`halb-${Deno.pid}-`));
    assert.deepEqual(await namespaces(), []);
    const opened = await Lab.open();
    const [a, b] = await opened.hostsNamed("a", "b");
    const lan = await opened.lan("net", [a, b]);
    const process = a.spawn(["sleep", "1000"]);
    await opened.capture(lan);
    assert.equal((await namespaces()).length, 3);
    await opened.close();
    assert.deepEqual(await namespaces(), []);
    assert.equal(process.status?.signal, "SIGKILL");
    assert.throws(() => Deno.statSync(opened.directory), Deno.errors.NotFound);
  },
});

Deno.test({
  name: "a lab whose process is killed leaves nothing behind",
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const library = new URL("../lib/mod.ts", import.meta.url).href;
    const code = `import { Lab } from "${library}";
      const lab = await Lab.open();
      const host = await lab.host("a");
      host.spawn(["sleep", "1000"]);
      console.log(lab.directory);
      await lab.delay(60_000);`;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "-"],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(code));
    await writer.close();
    const reader = child.stdout.getReader();
    const directory = new TextDecoder().decode((await reader.read()).value).trim();
    const mine = async () =>
      (await execute(["ip", "netns", "list"])).includes(`halb-${child.pid}-`);
    assert.ok(directory.includes(`halb-${child.pid}-`), directory);
    assert.ok(await mine());
    child.kill("SIGKILL");
    await child.status;
    await until("its namespaces and its directory are gone", async () => {
      if (await mine()) return false;
      return !(await Deno.stat(directory).then(() => true, () => false));
    }, 15_000);
  },
});

function keepalivedConf(priority: number): string {
  return `global_defs { vrrp_version 3 }
vrrp_instance web {
  interface eth0
  virtual_router_id 51
  priority ${priority}
  advert_int 0.1
  virtual_ipaddress { 192.0.2.10/24 }
}
`;
}

/** What keepalived, which is nobody's real-time thread, may take beside two guests; µs. */
const BUSY = 500_000;

lab("keepalived fails over to keepalived", async (lab) => {
  const [a, b, client] = await lab.hostsNamed("a", "b", "client");
  const lan = await lab.lan("net", [a, b, client]);
  const capture = await lab.capture(lan, "ip proto 112 or arp");
  const first = startKeepalived(lab, a, keepalivedConf(150));
  await lab.until("a holds the address", () => a.holds("192.0.2.10"), 10_000);
  startKeepalived(lab, b, keepalivedConf(100));
  await lab.delay(500);
  assert.equal(await b.holds("192.0.2.10"), false);
  const probe = await startProbe(lab, client, "192.0.2.10");
  await lab.delay(300);

  await a.link(lan).delete();
  await first.kill();
  await lab.until("b holds the address", () => b.holds("192.0.2.10"), 5000);
  await lab.delay(300);

  const adverts = await capture.packets("vrrp", ["ip.src", "vrrp.prio", "vrrp.checksum.status"]);
  const last = adverts.findLastIndex(({ fields }) => fields["ip.src"] === "192.0.2.1");
  const next = adverts[last + 1];
  assert.ok(last >= 0 && next !== undefined, "both must have sent adverts");
  assert.deepEqual(next.fields, {
    "ip.src": "192.0.2.2",
    "vrrp.prio": "100",
    "vrrp.checksum.status": "1",
  });
  // Three intervals and (256 - 100) / 256 of one more.
  const waited = next.time - adverts[last]!.time;
  assert.ok(waited > 355_000 && waited < 355_000 + BUSY, `b took over after ${waited} µs`);

  const result = await probe.stop();
  const outage = result.longest();
  assert.ok(outage?.ended, "the client must have seen an outage, and its end");
  assert.deepEqual(result.answerers().map(({ mac }) => mac), [a.link(lan).mac, b.link(lan).mac]);
  assert.ok(
    outage.duration > 200_000 && outage.duration < 405_000 + BUSY,
    `${outage.duration} µs`,
  );
  // b announces the address right after its first advert, and the client follows.
  const announced = result.toRealtime(outage.end) - next.time;
  assert.ok(announced > 0 && announced < BUSY, `answered ${announced} µs after b's first advert`);
});
