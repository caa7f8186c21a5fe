/**
 * Two agents cut apart and joined again fifty times, at random moments and for random times: by a
 * pulled plug, which both sides notice, and by frames that are lost silently, which nobody does. Three
 * routers at once: adverts of 10 ms, of 100 ms, and of 100 ms with equal priorities. While apart the
 * right ones advertise; after the join one, within the protocol's bound; and a client's neighbour
 * entries lead to that one by announcements alone, before the client has asked for anything.
 *
 * Who advertised when is read from captures on the hosts' own interfaces, where a cut hides nothing.
 */

import assert from "node:assert/strict";
import { masterDownInterval } from "../../mod/vrrp/mod.ts";
import { ms, quantile } from "../bench/statistics.ts";
import { type Capture, type HalbAgent, type Host, type Lab, lab, startHalb } from "../lib/mod.ts";
import { Random, wantedSeed } from "../lib/random.ts";
import { routerOf } from "./agent_helpers.ts";

const ROUNDS = 50;
/** What a busy machine with two processors may add, microseconds. */
const SLACK = 60_000;
/** The machine does not announce more often because of losing adverts. */
const ANNOUNCE_GAP = 1_000_000;
const ADDRESSES = ["192.0.2.1", "192.0.2.2"] as const;

interface RouterPlan {
  readonly name: string;
  readonly id: number;
  readonly vip: string;
  /** Microseconds. */
  readonly interval: number;
  /** Of a and b. */
  readonly priorities: readonly [number, number];
}

const ROUTERS: readonly RouterPlan[] = [
  { name: "fast", id: 51, vip: "192.0.2.10", interval: 10_000, priorities: [150, 100] },
  { name: "slow", id: 52, vip: "192.0.2.20", interval: 100_000, priorities: [150, 100] },
  { name: "even", id: 53, vip: "192.0.2.30", interval: 100_000, priorities: [100, 100] },
];

/** The longest interval. */
const LONGEST = Math.max(...ROUTERS.map(({ interval }) => interval));
/** Rounds in which the machine stood still for longer than adverts of 10 ms can stand. */
const MOST_DISTURBED = 5;

/** Announces once, when there is a reason: nothing but the rule puts a neighbour right. */
function site(): string {
  return ROUTERS.map(({ name, id, vip, interval, priorities: [a, b] }) =>
    `[[vrrp]]
name = "${name}"
interface = "eth0"
virtual_router_id = ${id}
priority = { by_host = { a = ${a}, b = ${b} } }
advertisement_interval = "${interval / 1000}ms"
addresses = ["${vip}/24"]
garp = { repeat = 1, delay = "0s", refresh = "0s" }
`
  ).join("\n");
}

/** One cut and join; times are microseconds since 1970. Masters: 0 for a, 1 for b, by router. */
interface Round {
  readonly kind: "plug" | "silent";
  readonly isolated: 0 | 1;
  /** From the command that cuts to its return; likewise the join. */
  readonly cut: readonly [number, number];
  readonly join: readonly [number, number];
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** When the client was let ask for the addresses, and when it had its answers. */
  readonly asked: readonly [number, number];
}

/** An advert with a priority above 0, as it left its host. */
interface Claim {
  readonly time: number;
  readonly by: 0 | 1;
}

/** What an address resolution packet at the client said. */
interface Resolution {
  readonly time: number;
  readonly vip: string;
  readonly mac: string;
  readonly broadcast: boolean;
}

lab("50 cuts and joins: one advertiser within the bound, one way for neighbours", async (lab) => {
  const seed = wantedSeed() ?? Date.now() % 1_000_000;
  console.log(`cuts and joins: HALB_SEED=${seed}`);
  const random = new Random(seed);
  const [a, b, client] = await lab.hostsNamed("a", "b", "client");
  const hosts = [a, b];
  const lan = await lab.lan("net", [a, b, client]);
  const macs = hosts.map((host) => host.link(lan).mac);
  const sides = await Promise.all(
    hosts.map((host, i) =>
      lab.capture(
        host,
        `(ip proto 112 and src host ${ADDRESSES[i]}) or (arp and ether src ${macs[i]})`,
      )
    ),
  );
  const neighbours = await lab.capture(client, "arp");
  const first = startHalb(lab, a, site(), { logLevel: "info" });
  for (const { name } of ROUTERS) await first.untilState(name, "master");
  const agents = [first, startHalb(lab, b, site(), { logLevel: "info" })];
  let masters = await settled(lab, agents);
  await ask(client);
  const rounds: Round[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    // Now and then long enough after the last announcements for the next ones to come at once.
    const rested = i % 7 === 6;
    if (rested) await lab.delay(ANNOUNCE_GAP / 1000);
    const kind = rested || random.chance(0.6) ? "silent" : "plug";
    const isolated = rested || random.chance(0.7) ? 0 : 1;
    const link = hosts[isolated]!.link(lan);
    await lab.delay(random.int(0, 20));
    const cut = await timed(() => kind === "plug" ? link.cut() : link.lose(100));
    // Half to twice the master-down interval of one of them.
    const down = masterDownInterval(100, random.pick(ROUTERS).interval);
    await lab.delay(down * (0.5 + 1.5 * random.next()) / 1000);
    const join = await timed(() => kind === "plug" ? link.restore() : link.lose(0));
    const before = masters;
    // Whoever still is master has been heard by then.
    await lab.delay(LONGEST / 1000);
    await lab.until(
      "one master of each, and the client's neighbour entries lead to it",
      async () => {
        masters = await settled(lab, agents);
        const known = await Promise.all(ROUTERS.map(({ vip }) => client.neighbour(vip)));
        return known.every((mac, i) => mac === macs[masters[i]!]);
      },
      3000,
      30,
    );
    const asked = await timed(() => ask(client));
    rounds.push({ kind, isolated, cut, join, before, after: masters, asked });
  }
  const resolutions = await readResolutions(neighbours);
  const announced = (await Promise.all(sides.map(readResolutions))).flat()
    .filter(({ broadcast }) => broadcast);
  for (const [position, plan] of ROUTERS.entries()) {
    const claims = [...await claimsOf(sides[0]!, plan, 0), ...await claimsOf(sides[1]!, plan, 1)]
      .toSorted((x, y) => x.time - y.time);
    const seen = [resolutions, announced].map((all) => all.filter(({ vip }) => vip === plan.vip));
    judge(plan, position, rounds, claims, seen[0]!, seen[1]!, macs);
  }
});

/** Waits until each router has one master and one backup. Returns which agent is master of which. */
async function settled(lab: Lab, agents: readonly HalbAgent[]): Promise<number[]> {
  return await lab.until(
    "one master of each router",
    async () => {
      const masters: number[] = [];
      for (const { name, priorities: [a, b] } of ROUTERS) {
        const states = await Promise.all(
          agents.map(async (agent) => (await routerOf(agent, name)).state),
        );
        if (states.toSorted().join() !== "backup,master") throw new Error(`${name}: ${states}`);
        // Who has the higher priority preempts.
        if (a > b && states[0] !== "master") throw new Error(`${name}: ${states}`);
        masters.push(states.indexOf("master"));
      }
      return masters;
    },
    5000,
    20,
  );
}

/** Lets the client forget the addresses and resolve them anew. */
async function ask(client: Host): Promise<void> {
  const pings = ROUTERS.map(({ vip }) => `ping -q -c 1 -W 1 ${vip} >/dev/null &`).join(" ");
  await client.exec(["sh", "-c", `ip neighbour flush dev eth0; ${pings} wait`]);
}

async function timed(work: () => Promise<void>): Promise<[number, number]> {
  const start = Date.now();
  await work();
  return [start * 1000, Date.now() * 1000];
}

async function claimsOf(capture: Capture, { id }: RouterPlan, by: 0 | 1): Promise<Claim[]> {
  const filter = `vrrp.virt_rtr_id == ${id} && vrrp.prio > 0`;
  return (await capture.packets(filter)).map(({ time }) => ({ time, by }));
}

async function readResolutions(capture: Capture): Promise<Resolution[]> {
  const fields = ["arp.src.proto_ipv4", "arp.src.hw_mac", "eth.dst"];
  return (await capture.packets("arp", fields)).map(({ time, fields: one }) => ({
    time,
    vip: one["arp.src.proto_ipv4"]!,
    mac: one["arp.src.hw_mac"]!,
    broadcast: one["eth.dst"] === "ff:ff:ff:ff:ff:ff",
  }));
}

/** Everything that must hold of one router in all rounds; prints how long it took. */
function judge(
  plan: RouterPlan,
  position: number,
  rounds: readonly Round[],
  claims: readonly Claim[],
  resolutions: readonly Resolution[],
  announced: readonly Resolution[],
  macs: readonly string[],
): void {
  const alone: number[] = [];
  const right = { prompt: [] as number[], owed: [] as number[] };
  let doubles = 0;
  let disturbed = 0;
  rounds.forEach((round, i) => {
    const start = rounds[i - 1]?.asked[1] ?? 0;
    const end = round.asked[1];
    const here = claims.filter(({ time }) => time > start && time <= end);
    const [before, after] = [round.before[position]!, round.after[position]!];
    const what = `${plan.name}, round ${i}, ${round.kind} cut of ${"ab"[round.isolated]}`;
    const by = (who: number) => here.filter((claim) => claim.by === who).map(({ time }) => time);
    whileApart(plan, round, before, claims, what);
    const loser = 1 - after;
    const last = by(loser).filter((time) => time > round.cut[0]).at(-1) ?? 0;
    const atJoin = (who: number) =>
      by(who).some((time) => time > round.join[0] - 1.5 * plan.interval && time < round.join[0]);
    if (longestSilence(by(after), round.join[1]) > 3 * plan.interval) {
      // The machine stood still, and the other one took over as it should.
      disturbed++;
    } else if (round.kind === "silent") {
      // Also where the other one's time was up only after the join, before it had heard anything.
      if (atJoin(0) && atJoin(1)) {
        doubles++;
        const [a, b] = plan.priorities;
        assert.equal(after, a > b ? 0 : 1, `${what}: the better one is master`);
        alone.push(Math.max(0, last - round.join[1]));
      }
      const bound = round.join[1] + plan.interval + SLACK;
      assert.ok(last <= bound, `${what}: two for ${last - round.join[1]} µs`);
    } else if (last > round.join[1]) {
      // A hand-over: the former one has at most a last word after the new one's first.
      const [first] = by(after).filter((time) => time > round.join[0]);
      assert.ok(first !== undefined && last <= first + SLACK, `${what}: two at once`);
    }
    const wrong = neighboursWrong(plan, round, resolutions, announced, macs[after]!, after);
    if (wrong !== undefined) {
      if (round.kind === "silent") right[wrong.owed ? "owed" : "prompt"].push(wrong.took);
      assert.ok(wrong.took <= wrong.allowed, `${what}: neighbours wrong for ${wrong.took} µs`);
    }
    const answers = resolutions.filter(({ time, broadcast }) =>
      !broadcast && time >= round.asked[0] - 1000 && time <= round.asked[1] + 1000
    );
    assert.deepEqual(
      [...new Set(answers.map(({ mac }) => mac))],
      [macs[after]],
      `${what}: answers`,
    );
  });
  assert.ok(disturbed <= MOST_DISTURBED, `${plan.name}: ${disturbed} rounds were disturbed`);
  assert.ok(doubles >= 5, `${plan.name}: both were master in only ${doubles} rounds`);
  console.log(
    `${plan.name}: both master at ${doubles} joins of ${rounds.length}, ${disturbed} disturbed`,
  );
  console.log(`  the worse one spoke on for ${distribution(alone)}`);
  console.log(`  neighbours were wrong after a silent cut for ${distribution(right.prompt)}`);
  console.log(`  where announced less than a second before: ${distribution(right.owed)}`);
}

/** The longest time between two adverts after `since`. */
function longestSilence(times: readonly number[], since: number): number {
  const later = times.filter((time) => time > since);
  return Math.max(0, ...later.slice(1).map((time, i) => time - later[i]!));
}

/** Who is cut off by a pulled plug is silent; who hears nothing takes over; a master goes on. */
function whileApart(
  plan: RouterPlan,
  { kind, isolated, cut, join }: Round,
  before: number,
  claims: readonly Claim[],
  what: string,
): void {
  const between = (who: number, from: number, to: number) =>
    claims.filter(({ by, time }) => by === who && time > from && time < to)
      .map(({ time }) => time);
  const other = 1 - before;
  const down = masterDownInterval(plan.priorities[other]!, plan.interval);
  const unplugged = kind === "plug" ? isolated : undefined;
  if (unplugged !== undefined) {
    const spoke = between(unplugged, cut[1] + SLACK, join[0]);
    assert.deepEqual(spoke, [], `${what}: who is cut off keeps quiet`);
  }
  if (unplugged !== before) {
    const times = [cut[0], ...between(before, cut[0], join[0]), join[0]];
    const gap = longestSilence(times, 0);
    assert.ok(gap <= plan.interval + SLACK, `${what}: the master was silent for ${gap} µs`);
  }
  if (unplugged === other) return;
  const [took] = between(other, cut[0], join[0]);
  if (took === undefined) {
    assert.ok(join[0] - cut[1] <= down + SLACK, `${what}: nobody took over`);
    return;
  }
  assert.ok(took <= cut[1] + down + SLACK, `${what}: took over after ${took - cut[1]} µs`);
  const heard = between(before, 0, cut[0] + 1).at(-1)!;
  // A thread that was held up between its look at the clock and the packet counts from before it.
  const soonest = down - SLACK / 3;
  assert.ok(took - heard >= soonest, `${what}: took over after ${took - heard} µs already`);
}

/**
 * For how long after the join the client's way led to the wrong one, and for how long it may:
 * an interval, counted from the join or a second after the last announcement. undefined: never.
 */
function neighboursWrong(
  plan: RouterPlan,
  { kind, cut, join, asked }: Round,
  resolutions: readonly Resolution[],
  announced: readonly Resolution[],
  mac: string,
  after: number,
): { took: number; allowed: number; owed: boolean } | undefined {
  const told = resolutions.filter(({ time, broadcast }) =>
    broadcast && time > cut[0] && time < asked[0]
  );
  const lastWrong = told.findLastIndex((one) => one.mac !== mac);
  if (lastWrong < 0) return undefined;
  const fixed = told[lastWrong + 1];
  assert.ok(fixed !== undefined, `${plan.vip}: nobody announced it again`);
  const wrong = told[lastWrong]!.time;
  const former = announced.findLast((one) => one.mac === mac && one.time < fixed.time - 1000);
  const owed = former === undefined ? 0 : Math.max(0, former.time + ANNOUNCE_GAP - join[1]);
  // Whose plug was pulled is master again only after its master-down interval.
  const preempts = kind === "plug" ? masterDownInterval(plan.priorities[after]!, plan.interval) : 0;
  const took = Math.max(0, fixed.time - Math.max(join[1], wrong));
  return { took, allowed: Math.max(preempts, owed) + plan.interval + SLACK, owed: owed > 0 };
}

function distribution(micros: readonly number[]): string {
  const at = (share: number) => ms(quantile(micros, share));
  return `${at(0.5)} ms (median of ${micros.length}), ${at(0.9)} ms (90 %), ${at(1)} ms (worst)`;
}
