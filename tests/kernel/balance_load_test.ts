/**
 * A director at work beside a virtual router whose adverts come each 100 ms: a server drained under
 * load while a long request lasts, a reload that changes one server of 10,000. What it says to the
 * kernel is heard by nlmon; the protocol plane is late only where the machine itself was.
 * Beside ten thousand servers that is told, and not judged: this guest is slow to give a process
 * memory, and holds all its threads up meanwhile.
 *
 * `HALB_DRAIN_SECONDS`: how long the request lasts that a drain waits for; 20 unless it is said.
 */

import assert from "node:assert/strict";
import { monotonicMicros } from "../../ffi/mod.ts";
import {
  delay,
  type HalbAgent,
  halbPath,
  type HalbRouterStatus,
  type HalbStatus,
  until,
} from "../lib/mod.ts";
import { standstills } from "../lib/witness.ts";
import {
  command,
  listing,
  PATIENCE,
  untilEntries,
  virtualServer,
  type VirtualServerStatus,
} from "./balance.ts";
import {
  assertAlive,
  PORT,
  type Scene,
  scene,
  SERVERS,
  serverText,
  webSite,
} from "./balance_scene.ts";
import { bulkServer } from "./bulk.ts";
import type { Held } from "./exchange.ts";
import { inside, run } from "./lib.ts";
import { VIP4 } from "./network.ts";

const DRAIN_SECONDS = Number(Deno.env.get("HALB_DRAIN_SECONDS") ?? 20);
/** Of these 10,000 are in the table with the three of `web`. */
const BULK = 9_997;
/** Ten thousand commands, and a listing of them, beside all else on one processor. */
const BULK_PATIENCE = 90_000;
const SECOND = `198.51.100.12:${PORT}`;
const THIRD = `198.51.100.13:${PORT}`;
/** Lateness of the protocol plane that needs no explanation here, microseconds. */
const LATE = 100_000;

const ROUTER = `[[vrrp]]
name = "front"
interface = "eth0"
virtual_router_id = 51
priority = 150
advertisement_interval = "100ms"
addresses = ["192.0.2.20/24"]
`;

/** @param changed weight of one in the middle */
function bulkSite(changed: number): string {
  const servers = Array.from({ length: BULK }, (_, i) => {
    const { address, port } = bulkServer(i);
    return serverText({ address: `${address}:${port}`, weight: i === BULK >> 1 ? changed : 1 });
  });
  return webSite(
    SERVERS,
    `[[virtual_server]]
name = "bulk"
listen = "${VIP4}:81"
real_server = [
${servers.join(",\n")}
]

${ROUTER}`,
  );
}

interface Seen extends HalbStatus {
  readonly realtime: {
    /** Of the protocol plane's timers since its start, microseconds. */
    readonly timer_lateness_us: Readonly<Record<"p50" | "p99" | "max" | "count", number>>;
  };
  readonly virtual_servers: readonly VirtualServerStatus[];
}

const look = (agent: HalbAgent): Promise<Seen> =>
  agent.status() as Promise<unknown> as Promise<Seen>;

function latenessText({ realtime }: Seen): string {
  const { p50, p99, max, count } = realtime.timer_lateness_us;
  return `p50 ${p50} µs, p99 ${p99} µs, max ${max} µs of ${count}`;
}

/** Programs can have terminals from now on: on one they show progress. */
function allowTerminals(): void {
  // Devices are the guest's own, and of terminals it has none.
  if (Deno.readTextFileSync("/proc/mounts").includes(" /dev/pts ")) return;
  Deno.mkdirSync("/dev/pts");
  run("mount", "-t", "devpts", "devpts", "/dev/pts");
}

/** `halb drain` on a terminal: the long request ends in peace, new ones go elsewhere. */
async function drained(
  { host, traffic }: Scene,
  agent: HalbAgent,
  long: Held,
): Promise<void> {
  allowTerminals();
  const words = [halbPath(), "drain", "web", SECOND, "--control", agent.controlPath];
  const drain = host.spawn(["script", "-qefc", words.join(" "), "/dev/null"], { name: "drain" });
  await until(
    "it is draining",
    async () => {
      const { real_servers } = await virtualServer(agent, "web");
      const { state, effective_weight } = real_servers.find(({ address }) => address === SECOND)!;
      return state === "draining" && effective_weight === 0;
    },
    PATIENCE,
    100,
  );
  // One that was asked for before may be on its way.
  await traffic.next(2);
  const from = traffic.answers.length;
  const end = monotonicMicros() + DRAIN_SECONDS * 1_000_000;
  while (monotonicMicros() < end) {
    assert.ok(long.alive(), "the long request goes on");
    assert.ok(drain.running, drain.log());
    await delay(500);
  }
  const later = await traffic.next(3);
  const seen = [...traffic.answers.slice(from), ...later];
  assert.ok(seen.length > DRAIN_SECONDS, `${seen.length} requests`);
  assert.deepEqual([...new Set(seen)].sort(), ["r1", "r3"]);
  assert.match(drain.log(), /198\.51\.100\.12:8080 drains: 1 active and \d+ inactive connections/);
  long.close();
  const { code } = await drain.exited;
  assert.equal(code, 0, drain.log());
  assert.match(drain.log(), /out after [\dms ]+, no connection is left; halb undrain puts it back/);
  await untilEntries(3);
  await command(agent, "undrain", "web", SECOND);
  await untilEntries(4);
  await until("it is asked again", async () => (await traffic.next(6)).includes("r2"), PATIENCE);
}

/** What has begun: connections of a client, one to each server, and requests that go on. */
async function underLoad(
  { start, traffic }: Scene,
): Promise<{ agent: HalbAgent; long: Held; others: Held[] }> {
  const agent = start(webSite(SERVERS, ROUTER));
  await untilEntries(4);
  await agent.untilState("front", "master", PATIENCE);
  const held = [1, 2, 3].map(() => traffic.exchange.hold(VIP4, 80));
  const long = held.find(({ server }) => server === "r2")!;
  traffic.begin(80);
  assert.ok((await traffic.next(9)).includes("r2"));
  return { agent, long, others: held.filter((each) => each !== long) };
}

async function ended(agent: HalbAgent): Promise<void> {
  assert.equal((await agent.stop(PATIENCE)).code, 0);
  assert.equal(inside("d", "ipvsadm -Sn").trim(), "");
}

scene(
  `under load: a drain lasts as long as a request of ${DRAIN_SECONDS} s, adverts are on time`,
  async (scene) => {
    const { agent, long, others } = await underLoad(scene);
    await drained(scene, agent, long);
    assertAlive(others, "after the drain");
    await scene.traffic.pause();
    // Nobody else is there to see a master that falls silent: its own clock and a witness do.
    const seen = await look(agent);
    const worst = standstills(0)[0]?.[1] ?? 0;
    console.log(`${latenessText(seen)}; the machine itself: ${worst} µs`);
    const { max } = seen.realtime.timer_lateness_us;
    assert.ok(max <= LATE + 2 * worst, `${max} µs late, the machine ${worst} µs`);
    // Where the machine stood still it may have listened first, and come back.
    const [{ state }] = seen.vrrp as [HalbRouterStatus];
    assert.equal(state, "master");
    await ended(agent);
  },
  180_000 + DRAIN_SECONDS * 1000,
);

scene(
  "under load: one of 10,000 servers reloaded is one command, connections and orders stay",
  async (scene) => {
    const { reload, traffic, overheard } = scene;
    const { agent, long, others } = await underLoad(scene);
    const held = [long, ...others];
    // An order outlives what a reload changes.
    await command(agent, "weight", "web", THIRD, "0");
    await until("the order is in the table", async () => {
      return !(await traffic.next(6)).includes("r3");
    }, PATIENCE);
    await reload(agent, bulkSite(1));
    const weights = () => listing("d", "-t", `${VIP4}:81`).slice(1).map(({ figures: [w] }) => w!);
    await until(
      "all are in the table",
      () => {
        const { length } = weights();
        if (length === BULK) return true;
        throw new Error(`there are ${length}`);
      },
      BULK_PATIENCE,
      1000,
    );
    assertAlive(held, "beside ten thousand");
    assert.ok(!(await traffic.next(6)).includes("r3"), "the order stands");
    overheard.commands();
    await reload(agent, bulkSite(7));
    await until("the weight is there", () => weights().includes(7), BULK_PATIENCE, 1000);
    assert.deepEqual(overheard.commands(), ["set-destination"]);
    assert.equal(weights().filter((weight) => weight !== 1).length, 1);
    assertAlive(held, "after the reload");
    await traffic.next(3);
    await traffic.pause();
    const seen = await look(agent);
    const [web] = seen.virtual_servers;
    assert.deepEqual(web!.real_servers.map(({ override }) => override), [null, null, 0]);
    console.log(`${latenessText(seen)}; the machine itself: ${standstills(0)[0]?.[1] ?? 0} µs`);
    await ended(agent);
  },
  280_000,
);
