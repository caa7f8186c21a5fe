/**
 * Two agents, every way to lose the master: the other takes over within the protocol's bound, no
 * two advertise or hold the address for longer than they may.
 */

import assert from "node:assert/strict";
import { adverts, longestDoubleMaster, takeovers } from "../lib/adverts.ts";
import { HolderWatch } from "../lib/holders.ts";
import {
  type Capture,
  type HalbAgent,
  type Host,
  type Lab,
  lab,
  type Lan,
  startHalb,
} from "../lib/mod.ts";

const VIP = "192.0.2.10";
const INTERVAL = 100_000;
/** Of b, priority 100: three intervals and a skew of 156/256. */
const MASTER_DOWN = 3 * INTERVAL + Math.floor(156 * INTERVAL / 256);
/** What a busy machine with two processors may add; the benchmark measures exactly. */
const TOLERANCE = 60_000;
/** The lease by default at this interval, milliseconds, and what DESIGN.md allows beyond it. */
const HOLD_BOUND = 3000 + 1500;

function site(options: { preempt?: boolean } = {}): string {
  return `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
priority = { by_host = { a = 150, b = 100 } }
advertisement_interval = "100ms"
preempt = ${options.preempt ?? true}
addresses = ["${VIP}/24"]
garp = { repeat = 2, delay = "1s" }
`;
}

interface Pair {
  readonly a: HalbAgent;
  readonly b: HalbAgent;
  readonly hosts: readonly [Host, Host, Host];
  readonly lan: Lan;
  readonly capture: Capture;
  readonly holders: HolderWatch;
}

/** Two agents and a client on one LAN; a is master. */
async function startPair(lab: Lab, options: { preempt?: boolean } = {}): Promise<Pair> {
  const hosts = await lab.hostsNamed("a", "b", "client");
  const lan = await lab.lan("net", hosts);
  const capture = await lab.capture(lan, "ip proto 112 or arp");
  const holders = await HolderWatch.start(VIP, hosts.slice(0, 2));
  const a = startHalb(lab, hosts[0], site(options));
  await a.untilState("web", "master");
  const b = startHalb(lab, hosts[1], site(options));
  await b.untilState("web", "backup");
  await lab.until("a holds the address", () => hosts[0].holds(VIP), 2000);
  await lab.delay(500);
  return { a, b, hosts, lan, capture, holders };
}

/** b took over once, after the master-down interval and no later than the tolerance allows. */
async function assertTakeover(pair: Pair, wait = MASTER_DOWN): Promise<void> {
  const seen = await adverts(pair.capture);
  const changes = takeovers(seen).filter(({ to }) => to === "192.0.2.2");
  assert.equal(changes.length, 1, `one takeover by b, not ${JSON.stringify(changes)}`);
  const took = changes[0]!.first - changes[0]!.lastHeard;
  assert.ok(
    took >= wait - 1000 && took <= wait + TOLERANCE,
    `b took over ${took} µs after the last advert, expected ${wait}`,
  );
}

async function untilHeldBy(lab: Lab, host: Host, timeoutMs = 3000): Promise<void> {
  await lab.until(`${host.name} holds the address`, () => host.holds(VIP), timeoutMs);
}

lab("kill -9: the other takes over, the dead one's address lapses", async (lab) => {
  const pair = await startPair(lab);
  await pair.a.kill();
  await untilHeldBy(lab, pair.hosts[1]);
  assert.equal(await pair.hosts[0].holds(VIP), true, "nobody has removed a's address yet");
  await lab.until("a's address lapses", async () => !await pair.hosts[0].holds(VIP), HOLD_BOUND);
  await assertTakeover(pair);
  const overlap = pair.holders.longestOverlap();
  assert.ok(overlap > 0 && overlap <= HOLD_BOUND, `two holders for ${overlap} ms`);
  assert.equal(longestDoubleMaster(await adverts(pair.capture)), 0);
});

lab("graceful stop: the successor speaks before the address goes", async (lab) => {
  const pair = await startPair(lab);
  const status = await pair.a.stop();
  assert.equal(status.code, 0, pair.a.log());
  await untilHeldBy(lab, pair.hosts[1]);
  assert.equal(await pair.hosts[0].holds(VIP), false);
  const seen = await adverts(pair.capture);
  const resigned = seen.findIndex(({ priority }) => priority === 0);
  assert.equal(seen[resigned]?.source, "192.0.2.1", "a says that it resigns");
  assert.ok(seen.slice(resigned + 1).every(({ source }) => source === "192.0.2.2"));
  // Skew_Time of b: 156/256 of an interval.
  await assertTakeover(pair, MASTER_DOWN - 3 * INTERVAL);
  const [left] = pair.holders.holdings().filter(({ host }) => host === "a");
  const successor = seen[resigned + 1]!.time / 1000;
  assert.ok(left!.to >= successor, `a let go ${successor - left!.to} ms before b spoke`);
});

lab("link cut: the isolated master lets go, and comes back when the link does", async (lab) => {
  const pair = await startPair(lab);
  const link = pair.hosts[0].link(pair.lan);
  await link.cut();
  await pair.a.untilState("web", "fault", 2000);
  assert.deepEqual((await pair.a.router("web")).waiting_for, ["interface eth0: no carrier"]);
  await untilHeldBy(lab, pair.hosts[1]);
  await lab.until("a dropped the address", async () => !await pair.hosts[0].holds(VIP), 2000);
  await link.restore();
  await pair.a.untilState("web", "master");
  await pair.b.untilState("web", "backup");
  await lab.until("b dropped the address", async () => !await pair.hosts[1].holds(VIP), 2000);
  await assertTakeover(pair);
  const seen = await adverts(pair.capture);
  assert.equal(takeovers(seen).length, 2, "b once, then a again");
  assert.equal(longestDoubleMaster(seen), 0);
  assert.ok(pair.holders.longestOverlap() <= HOLD_BOUND);
});

lab("silent isolation: two masters only as long as the cut, one after it", async (lab) => {
  const pair = await startPair(lab);
  const link = pair.hosts[0].link(pair.lan);
  await link.lose(100);
  await pair.b.untilState("web", "master");
  assert.equal((await pair.a.router("web")).state, "master", "it cannot know");
  await link.lose(0);
  const healed = Date.now() * 1000;
  await pair.b.untilState("web", "backup");
  await lab.until("b dropped the address", async () => !await pair.hosts[1].holds(VIP), 2000);
  await lab.delay(500);
  const after = (await adverts(pair.capture)).filter(({ time }) => time > healed);
  const last = after.findLast(({ source, priority }) => source === "192.0.2.2" && priority > 0);
  const spoke = last === undefined ? 0 : last.time - healed;
  assert.ok(spoke <= INTERVAL + TOLERANCE, `b spoke for ${spoke} µs after the cut was mended`);
});

lab("frozen process: its address lapses; thawed, it listens before it speaks", async (lab) => {
  const pair = await startPair(lab);
  pair.a.freeze();
  await untilHeldBy(lab, pair.hosts[1]);
  await lab.until("a's address lapses", async () => !await pair.hosts[0].holds(VIP), HOLD_BOUND);
  await lab.delay(500);
  const thawed = Date.now() * 1000;
  pair.a.thaw();
  await pair.a.untilState("web", "master");
  await pair.b.untilState("web", "backup");
  const seen = await adverts(pair.capture);
  const [spoke] = seen.filter(({ time, source }) => source === "192.0.2.1" && time > thawed);
  assert.ok(spoke !== undefined);
  const listened = spoke.time - thawed;
  assert.ok(listened >= INTERVAL - 5000, `a spoke ${listened} µs after it was thawed`);
  assert.equal(longestDoubleMaster(seen), 0);
  assert.ok(pair.holders.longestOverlap() <= HOLD_BOUND);
  assert.match(pair.a.log(), /Was silent for \d+ µs as master: listening first/);
});

lab("frozen process without preemption: the thawed one stays backup", async (lab) => {
  const pair = await startPair(lab, { preempt: false });
  pair.a.freeze();
  await untilHeldBy(lab, pair.hosts[1]);
  await lab.until("a's address lapses", async () => !await pair.hosts[0].holds(VIP), HOLD_BOUND);
  const thawed = Date.now() * 1000;
  pair.a.thaw();
  await pair.a.untilState("web", "backup");
  await lab.delay(1000);
  assert.equal((await pair.a.router("web")).state, "backup");
  const seen = await adverts(pair.capture);
  const spoke = seen.filter(({ time, source }) => source === "192.0.2.1" && time > thawed);
  assert.deepEqual(spoke, [], "the thawed router must not have said a word");
});

lab("a frozen backup does not take over because of its own stall", async (lab) => {
  const pair = await startPair(lab);
  for (let i = 0; i < 5; i++) {
    pair.b.freeze();
    await lab.delay(700);
    pair.b.thaw();
    await lab.delay(300);
  }
  const router = await pair.b.router("web");
  assert.equal(router.state, "backup");
  assert.equal(takeovers(await adverts(pair.capture)).length, 0);
});

lab("host lost: interface gone, then the process", async (lab) => {
  const pair = await startPair(lab);
  await pair.hosts[0].link(pair.lan).delete();
  await pair.a.kill();
  await untilHeldBy(lab, pair.hosts[1]);
  await lab.delay(300);
  await assertTakeover(pair);
  assert.equal(longestDoubleMaster(await adverts(pair.capture)), 0);
});

lab("a restarted master takes over again, and adopts what it left", async (lab) => {
  const pair = await startPair(lab);
  await pair.a.kill();
  const again = startHalb(lab, pair.hosts[0], site());
  await again.untilState("web", "master");
  await pair.b.untilState("web", "backup");
  await lab.until("only a holds it", async () => {
    return await pair.hosts[0].holds(VIP) && !await pair.hosts[1].holds(VIP);
  }, 3000);
  await lab.delay(4000);
  assert.equal(await pair.hosts[0].holds(VIP), true, "the lease is refreshed");
  assert.equal(longestDoubleMaster(await adverts(pair.capture)), 0);
});
