/**
 * The three frameworks in one agent, on two directors: checks and a quorum drive virtual routers, a
 * BFD session and checks drive real servers. Each failure happens once, to one director alone, and
 * how long each consequence took is printed.
 */

import assert from "node:assert/strict";
import { inNamespace } from "../../ffi/mod.ts";
import { type HalbAgent, type Host, lab, startHalb, until } from "../lib/mod.ts";
import { PATIENCE, virtualServer } from "./balance.ts";
import { PORT, routersText, twoDirectors, VIP } from "./directors.ts";
import { run } from "./lib.ts";

const BFD = 'transmit_interval = "300ms"\nreceive_interval = "300ms"\ndetect_multiplier = 5\n';
/** Where each director asks: what is closed to one is open to the other. */
const UPLINK = { a: 7001, b: 7002 };
const HEALTH = { a: 9001, b: 9002 };

const SITE = `[defaults.check]
interval = "300ms"
retry_interval = "100ms"

[[check]]
name = "uplink"
type = "tcp"
address = "192.0.2.1"
port = { by_host = { a = ${UPLINK.a}, b = ${UPLINK.b} } }

${routersText("200ms", 'track = { checks = ["uplink"], virtual_servers = ["web"] }')}
[[bfd]]
name = "to-r1"
peer = "198.51.100.11"
interface = "eth1"
${BFD}
[[virtual_server]]
name = "web"
listen = "${VIP}:80"
scheduler = "rr"
follow = "front"
check = { type = "tcp", port = { by_host = { a = ${HEALTH.a}, b = ${HEALTH.b} } } }

[[virtual_server.real_server]]
address = "198.51.100.11:${PORT}"
check = [
  { type = "bfd", session = "to-r1" },
  { type = "tcp", port = { by_host = { a = ${HEALTH.a}, b = ${HEALTH.b} } } },
]

[[virtual_server.real_server]]
address = "198.51.100.12:${PORT}"

[[virtual_server.real_server]]
address = "198.51.100.13:${PORT}"
`;

const PEER = ["2", "3"].map((last) =>
  `[[bfd]]
name = "to-${last}"
peer = "198.51.100.${last}"
interface = "eth0"
${BFD}`
).join("\n");

/** A service that is there: it takes connections, and says nothing. */
class Service {
  readonly #host: Host;
  readonly #port: number;
  #listener: Deno.Listener | null = null;

  constructor(host: Host, port: number) {
    this.#host = host;
    this.#port = port;
  }

  start(): void {
    const listener = inNamespace(
      this.#host.namespace,
      () => Deno.listen({ hostname: "0.0.0.0", port: this.#port }),
    );
    this.#listener = listener;
    (async () => {
      while (this.#listener === listener) {
        try {
          (await listener.accept()).close();
        } catch {
          // Reset before it was taken, or the service has ended.
        }
      }
    })();
  }

  stop(): void {
    const listener = this.#listener;
    this.#listener = null;
    listener?.close();
  }
}

/** A status with what is looked at here. */
interface Since {
  readonly since: string;
  readonly state: string;
  readonly waiting_for?: readonly string[];
}

lab("checks drive routers, BFD drives servers, a quorum drives a router", async (lab) => {
  const { client, a, b, servers, exchange } = await twoDirectors(lab);
  const [r1] = servers;
  const uplink = { a: new Service(client, UPLINK.a), b: new Service(client, UPLINK.b) };
  const health = servers.map((host) => ({
    a: new Service(host, HEALTH.a),
    b: new Service(host, HEALTH.b),
  }));
  const services = [uplink, ...health].flatMap((pair) => [pair.a, pair.b]);
  try {
    for (const each of services) each.start();
    let peer = startHalb(lab, r1, PEER);
    const first = startHalb(lab, a, SITE);
    await first.untilState("front", "master", PATIENCE);
    const second = startHalb(lab, b, SITE);
    await second.untilState("front", "backup", PATIENCE);

    const router = async (agent: HalbAgent) => await agent.router("front") as unknown as Since;
    const server = async (agent: HalbAgent, i: number) =>
      (await virtualServer(agent, "web")).real_servers[i] as unknown as Since;
    const untilServers = (agent: HalbAgent, wanted: string) =>
      until(`the servers of ${agent.name} are ${wanted}`, async () => {
        const { real_servers, active } = await virtualServer(agent, "web");
        const states = real_servers.map(({ state }) => state).join(" ");
        if (states === wanted) return true;
        throw new Error(`${states}, ${active ? "active" : "not active"}`);
      }, PATIENCE);
    const untilTable = (host: Host, count: number) =>
      until(`${host.name} has ${count} servers in its table`, () => {
        const text = run("ip", "netns", "exec", host.namespace, "ipvsadm", "-Sn");
        const found = text.match(/^-a/gm)?.length ?? 0;
        if (found === count) return true;
        throw new Error(`it has ${found}`);
      }, PATIENCE);
    const answering = () => [...new Set(exchange.askOften(VIP, 80, 3))].sort().join(" ");
    const lines: string[] = [];
    /** What has come of what was done at a time, by the agent's own clock, which is the test's. */
    const note = (what: string, at: number, { since }: Since) => {
      const took = Date.parse(since) - at;
      lines.push(`${what}: after ${took} ms`);
      assert.ok(took > -100, `${what} before its cause: ${took} ms`);
    };

    await untilServers(first, "up up up");
    await untilServers(second, "up up up");
    await untilTable(a, 3);
    await untilTable(b, 0);
    assert.equal(answering(), "r1 r2 r3");

    // A check of one director fails: the other one is master, with all servers.
    let at = Date.now();
    uplink.a.stop();
    await second.untilState("front", "master", PATIENCE);
    await first.untilState("front", "fault", PATIENCE);
    note("a check of a fails, a is in fault", at, await router(first));
    note("a check of a fails, b is master", at, await router(second));
    assert.match((await router(first)).waiting_for!.join(), /uplink.*connection refused/);
    await untilTable(b, 3);
    await untilTable(a, 0);
    assert.equal(answering(), "r1 r2 r3");
    at = Date.now();
    uplink.a.start();
    await first.untilState("front", "master", PATIENCE);
    note("it passes again, a is master", at, await router(first));
    await untilTable(a, 3);
    await untilTable(b, 0);

    // A server's session is lost, and nothing else: its service and its other check are there.
    at = Date.now();
    await peer.kill();
    await untilServers(first, "down up up");
    note("a BFD session is lost, its server is down", at, await server(first, 0));
    await untilTable(a, 2);
    assert.equal(answering(), "r2 r3");
    assert.equal((await router(first)).state, "master");
    at = Date.now();
    peer = startHalb(lab, r1, PEER);
    await untilServers(first, "up up up");
    note("the session is up again, its server is up", at, await server(first, 0));
    await untilTable(a, 3);

    // One director reaches no server any more: its quorum is lost, and the other one is master.
    at = Date.now();
    for (const { a: service } of health) service.stop();
    await second.untilState("front", "master", PATIENCE);
    await first.untilState("front", "fault", PATIENCE);
    note("a reaches no server, a is in fault", at, await router(first));
    note("a reaches no server, b is master", at, await router(second));
    assert.match((await router(first)).waiting_for!.join(), /web/);
    await untilServers(first, "down down down");
    await untilTable(b, 3);
    assert.equal(answering(), "r1 r2 r3");
    at = Date.now();
    for (const { a: service } of health) service.start();
    await first.untilState("front", "master", PATIENCE);
    note("a reaches them again, a is master", at, await router(first));
    await untilTable(a, 3);
    await untilTable(b, 0);
    assert.equal(answering(), "r1 r2 r3");
    console.log(lines.join("\n"));
  } finally {
    exchange.close();
    for (const each of services) each.stop();
  }
}, { timeoutMs: 300_000 });
