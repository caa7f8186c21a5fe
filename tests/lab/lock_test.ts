/**
 * The kernel's configuration lock (RTNL) is one for the whole machine: whoever deletes a thousand
 * interfaces, in whatever namespace, holds it for hundreds of milliseconds, and every change of an
 * address, link or membership waits. Adverts must not: the protocol plane never takes it.
 *
 * It is the lock that is on trial here, not the scheduler. A kernel without preemption (the default
 * of many servers and of virtual machines: CONFIG_PREEMPT_NONE) lets nobody else run on the
 * processor that deletes, no matter how urgent; a `chrt -f 50` loop of any program is then held up
 * for as long as the deletion takes if it happens to be woken there. Seen on such a machine: 386 ms.
 * So the deletion is bound to one processor and the protocol plane, by `realtime.cpus`, to
 * another, as an administrator who needs adverts of 10 ms on such a kernel should do.
 *
 * What is left are hiccups of a busy virtual machine, which hit any program now and then. Each
 * round shows by a measure of its own that the lock was held: another host's change of a link, on
 * the protocol's processor, had to wait. An advert that waits for the lock is late by most of that
 * time and all behind it as well, in every round; a hiccup is shorter and hits few rounds (seen: 10
 * to 25 ms in one of six). So most rounds must keep the 2 ms for each advert, and no advert may be
 * late by half of the time the lock was held.
 */

import assert from "node:assert/strict";
import { adverts } from "../lib/adverts.ts";
import { type Host, type Lab, lab, startHalb } from "../lib/mod.ts";
import { statusOf, VIP, webSite } from "./agent_helpers.ts";

const CPUS = navigator.hardwareConcurrency;
/** Where the lock is held, and where adverts are sent from. */
const [BUSY, OURS] = [0, CPUS - 1];
const INTERVAL = 10_000;
/** Late by more than this is late, microseconds. */
const LATE = 2_000;
const ROUNDS = 6;
/** Of them without a late advert, at least. */
const PUNCTUAL = 4;
/** Pairs of interfaces in each round; more where that does not hold the lock for long enough. */
const PAIRS = 1_200;
const HELD = 200_000;

interface Round {
  /** Wall time, microseconds since 1970. */
  readonly from: number;
  readonly to: number;
  /** For how long a change of another interface had to wait, microseconds. */
  readonly held: number;
}

function on(processor: number): string[] {
  return ["taskset", "-c", String(processor)];
}

async function makeInterfaces(host: Host, pairs: number): Promise<void> {
  const lines = Array.from(
    { length: pairs },
    (_, i) => `link add v${i} group 7 type veth peer name w${i} group 7`,
  );
  await host.exec([...on(BUSY), "ip", "-batch", "-"], { input: lines.join("\n") });
}

/**
 * Deletes them all in one go, while another host changes an interface of its own again and again
 * and notes how long each change took.
 */
async function holdLock(other: Host, bystander: Host): Promise<Round> {
  const script = `i=0
    while [ -e "$1" ]; do
      i=$((i + 1)); before=$(date +%s%N)
      ip link set lo mtu $((60000 + i % 100))
      echo $(($(date +%s%N) - before))
    done`;
  const flag = await Deno.makeTempFile({ prefix: "halb-lock-" });
  const measuring = bystander.exec([...on(OURS), "sh", "-c", script, "sh", flag]);
  try {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const from = Date.now() * 1000;
    await other.exec([...on(BUSY), "ip", "link", "delete", "group", "7"]);
    const to = Date.now() * 1000;
    await Deno.remove(flag);
    const waited = (await measuring).trim().split("\n").map((line) => Number(line) / 1000);
    return { from, to, held: Math.max(...waited) };
  } finally {
    await Deno.remove(flag).catch(() => {});
    await measuring.catch(() => {});
  }
}

/** Rounds in which the lock was held long enough. */
async function rounds(lab: Lab, other: Host, bystander: Host): Promise<Round[]> {
  const found: Round[] = [];
  let pairs = PAIRS;
  for (let attempt = 0; found.length < ROUNDS && attempt < 2 * ROUNDS; attempt++) {
    await makeInterfaces(other, pairs);
    await lab.delay(200);
    const round = await holdLock(other, bystander);
    if (round.held >= HELD) found.push(round);
    else pairs = Math.min(4_000, Math.ceil(pairs * 1.5));
    await lab.delay(200);
  }
  assert.equal(found.length, ROUNDS, "the lock was held long enough in each round");
  return found;
}

/**
 * How late each advert was: behind the grid of 10 ms that the punctual ones around it lie on. The
 * grid is taken from a fifth of a second: the clock of the capture may be slewed meanwhile, and
 * after a long hiccup, of which there may be one outside of the rounds, it begins anew.
 */
function lateness(times: readonly number[]): number[] {
  const offsets = times.map((time, i) => time - times[0]! - i * INTERVAL);
  return offsets.map((offset, i) => {
    const around = offsets.slice(Math.max(0, i - 10), i + 10);
    return offset - Math.min(...around);
  });
}

lab("the kernel's lock held for 200 ms delays no advert by more than 2 ms", async (lab) => {
  const [host, listener, other, bystander] = await lab.hostsNamed("a", "b", "other", "bystander");
  const lan = await lab.lan("net", [host, listener]);
  assert.ok(CPUS > 1, "two processors are needed: one is taken by whoever holds the lock");
  const site = `[agent]\nrealtime = { cpus = [${OURS}] }\n\n${webSite("10ms")}`;
  const agent = startHalb(lab, host, site, { logLevel: "info" });
  await agent.untilState("web", "master");
  await lab.until("it holds the address", () => host.holds(VIP), 2000);
  const capture = await lab.capture(lan, "ip proto 112");
  const held = await rounds(lab, other, bystander);
  const after = await statusOf(agent);
  const times = (await adverts(capture)).map(({ time }) => time);
  const late = lateness(times);
  assert.equal(after.vrrp[0]!.sessions[0]!.counters.send_errors, 0);

  const report: string[] = [];
  let quiet = 0;
  let worst = 0;
  for (const { from, to, held: locked } of held) {
    const inside = late.filter((_, i) => times[i]! >= from && times[i]! <= to + INTERVAL);
    assert.ok(inside.length >= locked / INTERVAL - 1, `${inside.length} adverts in ${locked} µs`);
    const most = Math.max(...inside);
    const count = inside.filter((one) => one > LATE).length;
    report.push(
      `lock ${Math.round(locked)} µs: latest of ${inside.length} ${most} µs, ${count} late`,
    );
    if (most <= LATE) quiet++;
    worst = Math.max(worst, most / locked);
  }
  const outside = late.filter((_, i) =>
    !held.some(({ from, to }) => times[i]! >= from && times[i]! <= to + INTERVAL)
  );
  report.push(`without: latest of ${outside.length} ${Math.max(...outside)} µs`);
  report.push(`of its own: ${JSON.stringify(after.realtime.timer_lateness_us)}`);
  const said = report.join("\n");
  console.log(said);
  assert.ok(quiet >= PUNCTUAL, `only ${quiet} rounds without a late advert:\n${said}`);
  assert.ok(worst < 0.5, `an advert waited for the lock:\n${said}`);
}, { attempts: 2 });
