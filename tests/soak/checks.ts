/**
 * Health checks against services that are killed, hang and come back: some two thousand probes a
 * second over TCP, HTTP and TLS, from sockets of ours and of the runtime's. Afterwards every check is
 * right, and there are no more descriptors, memory and ports in use than before.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ask } from "../../mod/control/client.ts";
import type { Status } from "../../mod/control/status.ts";
import { memory } from "../bench/usage.ts";
import { makeCertificates, startNginx } from "../lab/check_helpers.ts";
import { type HalbAgent, type Host, Lab, startHalb } from "../lib/mod.ts";
import { Random, wantedSeed } from "../lib/random.ts";

const PLAIN = 10_000;
const SECURE = 20_000;
const TCP = 150;
const HTTP = 50;
/** Half of them from an interface, which takes another way. */
const TLS = 10;
/** Beats of checks in the clear and of those over TLS, milliseconds. */
const INTERVAL = 100;
const TLS_INTERVAL = 250;

const ACCIDENTS = ["kill", "hang", "silence"] as const;

/** Growth that is forgiven. */
const DESCRIPTORS = 12;
const MEMORY_KIB = 24 * 1024;
/** In a run that ends before the record of the last steps is full, and V8 has collected twice. */
const YOUNG_KIB = 64 * 1024;
/** When that is over, seconds. */
const GROWN = 180;
/** How often memory is noted on the way, seconds. */
const COURSE = 30;
/** How long the kernel remembers a connection that we have ended, seconds. */
const TIME_WAIT = 60;

function siteOf(ca: string): string {
  const check = (name: string, port: number, keys: string) =>
    `[[check]]\nname = "${name}"\naddress = "192.0.2.2"\nport = ${port}\n${keys}\n`;
  const all = [
    ...Array.from({ length: TCP }, (_, i) => check(`tcp${i}`, PLAIN + i, 'type = "tcp"')),
    ...Array.from({ length: HTTP }, (_, i) => check(`http${i}`, PLAIN + i, 'type = "http"')),
    ...Array.from({ length: TLS }, (_, i) =>
      check(
        `tls${i}`,
        SECURE + i,
        `type = "http"\ninterval = "${TLS_INTERVAL}ms"\ntimeout = "1s"\n` +
          `tls = { server_name = "www.example.net", ca = "${ca}" }\n` +
          (i % 2 === 0 ? "" : 'bind_interface = "eth0"'),
      )),
  ];
  return `[defaults.check]
interval = "${INTERVAL}ms"
retry_interval = "${INTERVAL}ms"
timeout = "500ms"
[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
addresses = ["192.0.2.10/24"]
track.checks = [{ name = "tcp0", weight = 1 }]
${all.join("")}`;
}

/** What must not grow. */
interface Use {
  readonly descriptors: number;
  readonly kib: number;
}

/** The least of several looks: probes that are under way have descriptors, too. */
async function useOf(lab: Lab, agent: HalbAgent): Promise<Use> {
  const { pid } = agent.process;
  const looks: Use[] = [];
  for (let i = 0; i < 20; i++) {
    const descriptors = [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
    looks.push({ descriptors, kib: memory(pid) });
    await lab.delay(50);
  }
  return {
    descriptors: Math.min(...looks.map((one) => one.descriptors)),
    kib: Math.min(...looks.map((one) => one.kib)),
  };
}

/** Connections that wait for nobody on a host, by the port they went to. */
async function waiting(host: Host): Promise<{ plain: number; secure: number }> {
  const shown = await host.exec(["ss", "-Htan", "state", "time-wait"]);
  const ports = [...shown.matchAll(/ 192\.0\.2\.2:(\d+)\s*$/gm)].map(([, port]) => Number(port));
  return {
    plain: ports.filter((port) => port < SECURE).length,
    secure: ports.filter((port) => port >= SECURE).length,
  };
}

export async function run(seconds: number): Promise<void> {
  const seed = wantedSeed() ?? Date.now() % 1_000_000;
  const random = new Random(seed);
  console.log(`HALB_SEED=${seed}`);
  const lab = await Lab.open();
  const counts: Record<string, number> = {};
  try {
    const [own, server] = await lab.hostsNamed("a", "server");
    const lan = await lab.lan("net", [own, server]);
    const { directory } = await makeCertificates(lab);
    Deno.chmodSync(lab.directory, 0o755);
    const http = `server { listen ${PLAIN}-${PLAIN + TCP - 1}; return 200 "ok"; }
      server { listen ${SECURE}-${SECURE + TLS - 1} ssl; return 200 "ok";
        ssl_certificate ${directory}/www.pem; ssl_certificate_key ${directory}/www.key; }`;
    const serve = () =>
      startNginx(lab, server, http, [PLAIN, SECURE + TLS - 1], "worker_connections 8192;");
    let nginx = await serve();
    const agent = startHalb(lab, own, siteOf(`${directory}/ca.pem`), { logLevel: "warning" });
    const status = async () => await ask(agent.controlPath, { command: "status" }) as Status;
    const untilAll = (healthy: boolean) =>
      lab.until(`every check is ${healthy ? "well" : "known to fail"}`, async () => {
        const { checks } = await status();
        const others = checks.filter((one) => one.healthy !== healthy);
        if (checks.length === TCP + HTTP + TLS && others.length === 0) return true;
        throw new Error(others.slice(0, 3).map((one) => `${one.name}: ${one.reason}`).join(", "));
      }, 30_000);
    const probes = async () =>
      (await status()).checks.reduce(
        (sum, { counters }) => sum + counters.passed + counters.failed,
        0,
      );
    const suffer = async (accident: typeof ACCIDENTS[number]) => {
      counts[accident] = (counts[accident] ?? 0) + 1;
      if (accident === "kill") await nginx.stop();
      if (accident === "hang") nginx.freeze();
      if (accident === "silence") await lan.link(server).lose(100);
      // A server that hangs goes on to be connected with: tcp is content with that.
      if (accident !== "hang") await untilAll(false);
      await lab.delay(random.int(100, 1000));
      if (accident === "kill") nginx = await serve();
      if (accident === "hang") nginx.thaw();
      if (accident === "silence") await lan.link(server).lose(0);
      await untilAll(true);
    };
    await untilAll(true);
    const begun = Date.now();
    const course: string[] = [];
    const sufferFor = async (length: number) => {
      const end = Date.now() + length * 1000;
      while (Date.now() < end) {
        await lab.delay(random.int(500, 1500));
        await suffer(random.pick(ACCIDENTS));
        const passed = (Date.now() - begun) / 1000;
        if (passed >= course.length * COURSE) {
          course.push(`${passed.toFixed(0)} s: ${memory(agent.process.pid)}`);
        }
      }
    };
    // Each before anything is compared, and for a while: what heaps grow to in the beginning stays.
    for (const accident of ACCIDENTS) await suffer(accident);
    await sufferFor(seconds / 3);
    const before = await useOf(lab, agent);
    await sufferFor(seconds * 2 / 3);
    const after = await useOf(lab, agent);
    const total = await probes();
    const left = await waiting(own);
    console.log(`memory, KiB: ${course.join(", ")}`);
    console.log(JSON.stringify({ probes: total, accidents: counts, before, after, waiting: left }));
    assert.ok(total > seconds * 500, `${total} probes in ${seconds} s`);
    assert.ok(after.descriptors <= before.descriptors + DESCRIPTORS, "descriptors leak");
    const growth = seconds / 3 < GROWN ? YOUNG_KIB : MEMORY_KIB;
    assert.ok(after.kib <= before.kib + growth, "memory leaks");
    assert.equal(left.plain, 0, "ports that wait for nobody");
    assert.ok(left.secure <= TLS / 2 * TIME_WAIT * 1000 / TLS_INTERVAL, "too many ports wait");
  } catch (error) {
    console.error(await lab.report());
    throw error;
  } finally {
    await lab.close();
  }
}
