/**
 * BFD without a false alarm. Pairs of halb, BIRD, bfdd and keepalived, at 3.3, 10 and 50 ms × 3 as
 * far as they allow, all in the same minute:
 *
 * - while every core is busy at ordinary priority, and halb's control planes read a large
 *   configuration again and again, in which every router has changed;
 * - while both ends of a pair are frozen together for 5 to 200 ms.
 *
 * What counts is on the wire: a session that was up and says Down for silence. None of halb's may
 * say so, but where a thread ahead of all agents was not let run by the machine either, or an agent
 * at either end remembers that it was late itself (`realtime.stalls` of its status). With
 * HALB_SOAK_CHECKS=1000 one of halb's agents runs so many health checks a second all the while:
 * pings, and tcp and udp to servers on the other host.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Fall, falls } from "../bench/bfd_wire.ts";
import { markdownTable } from "../bench/statistics.ts";
import { Wire } from "../bench/wire.ts";
import {
  BFD_DAEMONS,
  type BfdDaemon,
  type BfdSpec,
  halbSessions,
  LEAST_INTERVAL,
  startBfd,
} from "../lib/bfd_daemons.ts";
import { type Freeze, freezeTogether } from "../lib/freeze.ts";
import { ask } from "../../mod/control/client.ts";
import type { Status } from "../../mod/control/status.ts";
import { type HalbAgent, type Host, Lab, type Lan, processTree, startHalb } from "../lib/mod.ts";
import type { Stall } from "../lib/stall_main.ts";
import { stalledWithin, witnessStalls } from "../lib/stalls.ts";
import { burn } from "./load.ts";

const MULTIPLIER = 3;
/** Microseconds, one for each interface: BIRD's intervals belong to that. */
const INTERVALS = [3_300, 10_000, 50_000];
/** KiB of a capture, and milliseconds until it has begun. */
const BUFFER = 4_096;
const SETTLE = 2_500;
/** Share of the time that the first half takes. */
const BUSY = 0.6;
/** Between two reloads, milliseconds. */
const RELOAD = 1_500;
/** Routers of halb's large configuration. */
const ROUTERS = 150;
/** Health checks of one of its agents, each once a second, and where they ask. */
const CHECKS = Number(Deno.env.get("HALB_SOAK_CHECKS") ?? 0);
const SERVICE = 7_000;
/** Of the probes that are due, so many must be made on a busy machine. */
const LEAST_PROBED = 0.5;
/** From the first that goes on to the second, and what this program may be late by; microseconds. */
const APART = 2_000;
const LATE = 3_000;

/** Two ends of one kind. */
interface Pair {
  readonly daemon: BfdDaemon;
  readonly intervals: readonly number[];
  readonly lans: readonly Lan[];
  readonly sessions: readonly [readonly BfdSpec[], readonly BfdSpec[]];
  readonly agents: readonly HalbAgent[];
  /** Processes of either end. */
  readonly pids: readonly (readonly number[])[];
}

/** Times of stalls are told in milliseconds, and those of captures are of another clock; microseconds. */
const CLOCKS = 5_000;

/** What was late when a session fell: the machine, or halb itself as its status tells. */
type Explained = (kind: "machine" | "own", fall: Fall, interval: number) => boolean;

/** Falls of the sessions of one interval. */
interface Seen {
  readonly daemon: BfdDaemon;
  readonly interval: number;
  readonly falls: readonly Fall[];
  /** Ends that were ever up: two where all is well. */
  readonly ends: number;
}

export async function run(seconds: number): Promise<void> {
  const lab = await Lab.open();
  try {
    const pairs: Pair[] = [];
    for (const daemon of BFD_DAEMONS) pairs.push(await start(lab, daemon));
    await lab.delay(6_000);
    const witness = await witnessStalls(lab, lab.hosts[0]!);
    const checking = pairs.find(({ daemon }) => daemon === "halb")!.agents[0]!;
    const before = await lab.until("checks are asked", () => probed(checking), 60_000);
    const since = performance.now();
    const late: Stall[] = [];
    const busy = await watched(lab, pairs, () => beBusy(lab, pairs, seconds * BUSY, late));
    const after = await lab.until("it answers", () => probed(checking), 60_000);
    const rate = (after - before) / ((performance.now() - since) / 1000);
    console.log(`${rate.toFixed(0)} probes of health checks a second`);
    assert.ok(rate >= CHECKS * LEAST_PROBED, `${rate} probes a second of ${CHECKS}`);
    const stalls = await witness.end();
    const explained: Explained = (kind, { at }, interval) => {
      const detection = MULTIPLIER * interval;
      const seen = kind === "machine" ? stalls : late;
      return stalledWithin(seen, at - 2 * detection - CLOCKS, at + CLOCKS, detection / 4);
    };
    for (const agent of pairs.flatMap(({ agents }) => agents)) {
      const lateness = (await agent.status()).realtime?.timer_lateness_us;
      console.log(`${agent.name}: lateness of timers, µs: ${JSON.stringify(lateness)}`);
    }
    const frozen = await freezes(lab, pairs, seconds * (1 - BUSY));
    console.log(table(busy.seen, frozen, explained));
    console.log(`halb's planes were reconfigured ${busy.result} times`);
    for (const { daemon, interval, falls, ends } of busy.seen) {
      if (daemon !== "halb") continue;
      assert.equal(ends, 2, `${interval} µs: both ends are up`);
      const wrong = falls.filter((fall) =>
        !explained("machine", fall, interval) && !explained("own", fall, interval)
      );
      console.log(`${interval} µs: ${wrong.length} falls that nothing explains`);
      for (const { at, session } of wrong) {
        const around = [...stalls, ...late].filter(([when, by]) =>
          when <= at + 50_000 && when + by >= at - 250_000
        );
        const told = around.map(([when, by]) => `${((when - at) / 1000).toFixed(1)}: ${by} µs`);
        console.log(
          `  ${session} at ${new Date(at / 1000).toISOString()}; late, ms from there: ${told}`,
        );
      }
      assert.deepEqual(wrong, [], `falls at ${interval} µs that nothing explains`);
    }
    for (const { daemon, interval, falls, void: excused } of frozen) {
      if (daemon !== "halb" || interval < 10_000) continue;
      assert.ok(falls <= excused, `${falls} falls of frozen pairs at ${interval} µs`);
    }
  } catch (error) {
    console.error(await lab.report());
    throw error;
  } finally {
    await lab.close();
  }
}

/** Adds when and for how long the agents remember that they were late; microseconds. */
async function collect(pairs: readonly Pair[], late: Stall[]): Promise<void> {
  for (const agent of pairs.flatMap(({ agents }) => agents)) {
    const { realtime } = await ask(agent.controlPath, { command: "status" }) as Status;
    for (const { at, late_us } of realtime.stalls) late.push([Date.parse(at) * 1000, late_us]);
  }
}

async function start(lab: Lab, daemon: BfdDaemon): Promise<Pair> {
  const name = daemon.toLowerCase();
  const hosts = await lab.hostsNamed(`${name}-a`, `${name}-b`);
  const intervals = INTERVALS.filter((interval) => interval >= LEAST_INTERVAL[daemon]);
  const lans: Lan[] = [];
  const sessions: [BfdSpec[], BfdSpec[]] = [[], []];
  for (const [i, interval] of intervals.entries()) {
    const prefix = `198.51.100.${16 * i}/28`;
    const lan = await lab.lan(`${name}${i}`, hosts, { prefix });
    lans.push(lan);
    const addresses = hosts.map((host) => lan.link(host).address);
    for (const side of [0, 1] as const) {
      const [own, peer] = [addresses[side]!, addresses[1 - side]!];
      const spec = { name: `s${i}`, own, peer, interface: `eth${i}` };
      sessions[side].push({ ...spec, interval, multiplier: MULTIPLIER });
    }
  }
  if (daemon === "halb") await serve(lab, hosts[1]);
  const agents: HalbAgent[] = [];
  const pids: number[][] = [];
  for (const side of [0, 1] as const) {
    if (daemon === "halb") {
      const agent = startHalb(lab, hosts[side], large(sessions[side], side, 0), {
        logLevel: "info",
      });
      agents.push(agent);
      pids.push([agent.pid]);
    } else pids.push([(await startBfd(lab, daemon, hosts[side], sessions[side])).pid]);
  }
  // keepalived's children come with its configuration.
  if (daemon === "keepalived") await lab.delay(1_000);
  return {
    daemon,
    intervals,
    lans,
    sessions,
    agents,
    pids: pids.map(([pid]) => processTree(pid!)),
  };
}

/** The sessions and many virtual routers, which differ from one `version` to the next. */
function large(sessions: readonly BfdSpec[], side: number, version: number): string {
  const tracked = Array.from({ length: CHECKS }, (_, i) => `{ name = "c${i}", weight = 1 }`)
    .join(", ");
  const routers = Array.from({ length: ROUTERS }, (_, i) =>
    `[[vrrp]]
name = "r${i}"
interface = "eth2"
virtual_router_id = ${i + 1}
priority = ${(side === 0 ? 150 : 50) + version % 2}
addresses = ["203.0.113.${i + 1}/32"]
${i === 0 && side === 0 && CHECKS > 0 ? `track.checks = [${tracked}]\n` : ""}`);
  const checks = Array.from({ length: side === 0 ? CHECKS : 0 }, (_, i) => {
    const type = ["ping", "tcp", "udp"][i % 3]!;
    const more = type === "ping" ? "" : `port = ${SERVICE}\n`;
    const reply = type === "udp" ? `payload = "00"\nrequire_reply = true\n` : "";
    // The widest of the sessions' networks carries them.
    const { peer } = sessions.at(-1)!;
    return `[[check]]\nname = "c${i}"\ntype = "${type}"\naddress = "${peer}"\n${more}${reply}` +
      `interval = "1s"\nretry_interval = "1s"\n`;
  });
  return `${halbSessions(sessions)}\n${routers.join("\n")}\n${checks.join("\n")}`;
}

/** Answers tcp and udp. */
async function serve(lab: Lab, host: Host): Promise<void> {
  const text = `
import socket, threading
def echo():
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(("0.0.0.0", ${SERVICE}))
    while True:
        data, sender = udp.recvfrom(100); udp.sendto(data, sender)
threading.Thread(target=echo, daemon=True).start()
tcp = socket.socket(); tcp.bind(("0.0.0.0", ${SERVICE})); tcp.listen(1024)
while True: tcp.accept()[0].close()
`;
  const path = `${lab.directory}/service.py`;
  Deno.writeTextFileSync(path, text);
  host.spawn(["/usr/bin/python3", path], { name: "service" });
  await lab.until("the service listens", async () => {
    const shown = await host.exec(["ss", "-Hltun"]);
    return shown.split(`:${SERVICE}`).length > 2;
  }, 10_000);
}

/** Probes that have ended. */
async function probed(agent: HalbAgent): Promise<number> {
  const { checks } = await ask(agent.controlPath, { command: "status" }) as Status;
  return checks.reduce((sum, { counters }) => sum + counters.passed + counters.failed, 0);
}

/** What all wires show while something is done. */
async function watched<T>(
  lab: Lab,
  pairs: readonly Pair[],
  act: () => Promise<T>,
): Promise<{ seen: Seen[]; result: T }> {
  const wires = new Map<Lan, Wire>();
  for (const lan of pairs.flatMap(({ lans }) => lans)) {
    const path = `${lab.directory}/${lan.name}-${performance.now()}.pcap`;
    wires.set(lan, await Wire.start(lan, "br0", path, "udp port 3784", BUFFER));
  }
  // To begin with, captures hold the machine up.
  await lab.delay(SETTLE);
  const since = Date.now() * 1000;
  const result = await act();
  const until = Date.now() * 1000;
  const seen: Seen[] = [];
  await Promise.all(pairs.flatMap(({ daemon, intervals, lans }) =>
    lans.map(async (lan, i) => {
      const { falls: found, up } = falls(await wires.get(lan)!.stop());
      const counted = found.filter(({ at }) => at >= since && at <= until);
      seen.push({ daemon, interval: intervals[i]!, falls: counted, ends: up.size });
    })
  ));
  return { seen, result };
}

/**
 * Both cores busy, and one reload after the other. Returns how many there were.
 *
 * @param late gets what the agents remember of it, as long as they do: the last of it alone
 */
async function beBusy(
  lab: Lab,
  pairs: readonly Pair[],
  seconds: number,
  late: Stall[],
): Promise<number> {
  const load = burn();
  lab.atEnd(() => load.stop());
  const end = performance.now() + seconds * 1000;
  let reloads = 0;
  while (performance.now() < end) {
    reloads++;
    for (const { agents, sessions } of pairs) {
      agents.forEach((agent, side) => {
        agent.reload(large(sessions[side as 0 | 1], side, reloads));
      });
    }
    await lab.delay(RELOAD);
    await lab.until("the agents answer", () => collect(pairs, late).then(() => true), 60_000);
  }
  await load.stop();
  await collect(pairs, late);
  // On a machine that is busier still one may last longer than all of this.
  await lab.until("reloads are in the log", () => {
    return pairs.flatMap(({ agents }) => agents).every((agent) => /[Rr]eload/.test(agent.log()));
  }, 60_000);
  return reloads;
}

/** Falls of frozen pairs, by interval. */
interface FrozenSeen {
  readonly daemon: BfdDaemon;
  readonly interval: number;
  readonly freezes: number;
  readonly falls: number;
  /** Falls where this program itself let the second go too late. */
  readonly void: number;
}

async function freezes(lab: Lab, pairs: readonly Pair[], seconds: number): Promise<FrozenSeen[]> {
  const done = new Map<Pair, Freeze[]>(pairs.map((pair) => [pair, []]));
  const { seen } = await watched(lab, pairs, async () => {
    const end = performance.now() + seconds * 1000;
    while (performance.now() < end) {
      for (const pair of pairs) {
        const order = Math.random() < 0.5 ? pair.pids : pair.pids.toReversed();
        const length = 5_000 + Math.random() * 195_000;
        done.get(pair)!.push(freezeTogether(order, length, Math.random() * APART));
        await lab.delay(20 + Math.random() * 60);
      }
    }
  });
  return seen.map(({ daemon, interval, falls }) => {
    const [, list] = [...done].find(([pair]) => pair.daemon === daemon)!;
    // Between its own freezes a pair falls for other reasons: the others go on being frozen, and the
    // machine stands still as it does.
    const frozenAt = (at: number): Freeze | undefined =>
      list.findLast(({ from, to, apart }) =>
        from <= at && at <= to + apart + 2 * MULTIPLIER * interval
      );
    const together = falls.filter(({ at }) => frozenAt(at) !== undefined);
    const excused = together.filter(({ at }) => frozenAt(at)!.apart >= APART + LATE);
    return {
      daemon,
      interval,
      freezes: list.length,
      falls: together.length,
      void: excused.length,
    };
  });
}

function table(
  busy: readonly Seen[],
  frozen: readonly FrozenSeen[],
  explained: Explained,
): string {
  const order = (one: { daemon: BfdDaemon; interval: number }) =>
    BFD_DAEMONS.indexOf(one.daemon) * 1e6 + one.interval;
  const rows = busy.toSorted((a, b) => order(a) - order(b)).map((one) => {
    const { daemon, interval, falls: list, ends } = one;
    const cold = frozen.find((other) => other.daemon === daemon && other.interval === interval)!;
    return [
      daemon,
      `${interval / 1000} ms × ${MULTIPLIER}`,
      String(ends),
      String(list.length),
      String(list.filter((fall) => explained("machine", fall, interval)).length),
      String(
        list.filter((fall) =>
          daemon === "halb" && !explained("machine", fall, interval) &&
          explained("own", fall, interval)
        ).length,
      ),
      String(cold.freezes),
      String(cold.falls),
      String(cold.void),
    ];
  });
  const header = [
    "pair",
    "session",
    "ends up",
    "falls while busy",
    "of them while the machine stood still",
    "while halb alone did",
    "freezes",
    "falls of frozen pairs",
    "of them by this program's fault",
  ];
  return markdownTable(header, rows);
}
