/**
 * `takeover`: a master with many addresses is gone; how long after its own first advert has the
 * backup put the last address in place, announced each once, and announced each as often as it
 * should. `ip -batch`, which only adds addresses, is the floor under the first of these.
 *
 * An address is in place when the kernel tells of it (a netlink socket in the backup's namespace,
 * read by this process as it comes; times of the wall clock, as in the capture). Announcements are
 * taken where they leave the host, before any queue of the LAN can lose one.
 *
 * An advert names at most 255 addresses, and one of IPv6 that must not be fragmented 90: so 700
 * addresses are three routers and 1000 of IPv6 are twelve, for both daemons. keepalived can also
 * hold addresses that are in no advert; that is how its users do it, and has rows of its own.
 *
 * Every run has hosts of its own: a kernel that has just left a thousand groups joins as many
 * several times more slowly.
 *
 * @module
 */

import {
  Epoll,
  EPOLLIN,
  inNamespace,
  NETLINK_ROUTE,
  NetlinkSocket,
  realtimeMicros,
  setScheduler,
} from "../../ffi/mod.ts";
import { formatIp, parseIp } from "../../mod/ip/mod.ts";
import {
  readAddress,
  RTM_NEWADDR,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV6_IFADDR,
  splitMessages,
} from "../../mod/netlink/mod.ts";
import { type Host, Lab } from "../lib/mod.ts";
import { type Daemon, type RouterSpec, start } from "./sites.ts";
import { machine, markdownTable, ms, quantile } from "./statistics.ts";
import { type Frame, readAdvert, readAnnouncement, Wire } from "./wire.ts";

type Contender = Daemon | "keepalived, excluded" | "ip -batch";

interface Load {
  readonly family: 4 | 6;
  readonly addresses: number;
  readonly routers: number;
}

const LOADS: readonly Load[] = [
  { family: 4, addresses: 1, routers: 1 },
  { family: 4, addresses: 100, routers: 1 },
  { family: 4, addresses: 700, routers: 3 },
  { family: 6, addresses: 1000, routers: 12 },
];
const INTERVAL = 100_000;
const REPEAT = 5;
/** Seconds until the announcements that come later: after the end of what is looked at. */
const LATER = 30;
/** Longest time a takeover may take, microseconds. */
const PATIENCE = 20_000_000;

/** Microseconds after the backup's first advert, or after the start of `ip`. */
interface Sample {
  readonly present: number;
  readonly once: number;
  readonly often: number;
}

/** @param args `--quick`: one run, at most 100 addresses; `--runs=N`; `--addresses=700`; `--only=halb` */
export async function run(args: readonly string[]): Promise<void> {
  const quick = args.includes("--quick");
  const option = (name: string) =>
    args.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
  const runs = Number(option("runs") ?? (quick ? 1 : 3));
  const wanted = option("addresses");
  const only = option("only");
  console.log(`\ntakeover, ${await machine()}\n`);
  const rows: string[][] = [];
  for (const load of LOADS) {
    if (wanted === undefined ? quick && load.addresses > 100 : `${load.addresses}` !== wanted) {
      continue;
    }
    const contenders = contendersFor(load).filter((one) => one === (only ?? one));
    const samples = new Map<Contender, Sample[]>(contenders.map((one) => [one, []]));
    for (let i = 0; i < runs; i++) {
      for (const contender of contenders) {
        samples.get(contender)!.push(await attempt(load, contender));
      }
    }
    for (const [contender, list] of samples) {
      const row = [`${load.addresses} IPv${load.family}`, contender, `${list.length}`];
      for (const key of ["present", "once", "often"] as const) {
        const values = list.map((sample) => sample[key]);
        row.push(ms(quantile(values, 0.5)), ms(Math.max(...values)));
      }
      rows.push(row);
      console.error(row.join("  "));
    }
  }
  const header = ["addresses", "by", "runs", "all present, median ms", "worst"];
  header.push("all announced once, median ms", "worst", `${REPEAT} times, median ms`, "worst");
  console.log(markdownTable(header, rows));
}

/** One that does not take over has dashes in its row, and the others have their figures. */
async function attempt(load: Load, contender: Contender): Promise<Sample> {
  try {
    return contender === "ip -batch" ? await floor(load) : await measure(load, contender);
  } catch (error) {
    console.error(`${contender}: ${error instanceof Error ? error.message : error}`);
    return { present: NaN, once: NaN, often: NaN };
  }
}

function contendersFor(load: Load): Contender[] {
  const all: Contender[] = ["halb", "keepalived", "ip -batch"];
  return load.routers === 1 ? all : [...all, "keepalived, excluded"];
}

// ===== the routers ===============================================================================

/** Addresses of all routers; over IPv6 the first of each router is link-local. */
function addressesOf({ family, addresses, routers }: Load): string[][] {
  const networks = ["198.51.100", "203.0.113", "192.0.2"];
  const each = Math.ceil(addresses / routers);
  return Array.from({ length: routers }, (_, router) => {
    const first = router * each;
    const count = Math.min(each, addresses - first);
    return Array.from({ length: count }, (_, i) => {
      const number = first + i;
      if (family === 4) {
        return `${networks[Math.floor(number / 240)]}.${number % 240 + 10}`;
      }
      return i === 0
        ? `fe80::5:${(router + 1).toString(16)}`
        : `2001:db8:1::${(number + 1).toString(16)}`;
    });
  });
}

function routersOf(load: Load, contender: Contender, priority: number): RouterSpec[] {
  const length = load.family === 4 ? 32 : 128;
  const lists = addressesOf(load).map((list) => list.map((one) => `${one}/${length}`));
  const router = { interface: "eth0", priority, interval: INTERVAL };
  if (contender === "keepalived, excluded") {
    const [first = [], ...rest] = lists;
    return [{
      ...router,
      name: "r1",
      virtualRouterId: 1,
      addresses: first,
      excluded: rest.flat(),
    }];
  }
  return lists.map((addresses, i) => {
    return { ...router, name: `r${i + 1}`, virtualRouterId: i + 1, addresses };
  });
}

// ===== one run ===================================================================================

async function measure(load: Load, contender: Exclude<Contender, "ip -batch">): Promise<Sample> {
  const lab = await Lab.open();
  try {
    const [a, b] = await lab.hostsNamed("a", "b");
    const lan = await lab.lan("net", [a, b], load.family === 4 ? {} : { prefix: null });
    const expected = addressesOf(load).flat();
    const daemon = contender === "halb" ? "halb" : "keepalived";
    const options = { repeat: REPEAT, delay: LATER };
    const first = start(lab, daemon, a, routersOf(load, contender, 150), options);
    await lab.until(
      "the master holds",
      async () => {
        const held = new Set((await a.addresses()).map(({ address }) => address));
        return expected.every((one) => held.has(one));
      },
      30_000,
      200,
    );
    start(lab, daemon, b, routersOf(load, contender, 100), options);
    // Long enough for the backup to have heard the master, and for both to have come to rest. One
    // that is slow to open its sockets takes over first, and has to let go again.
    await lab.delay(3000);
    await lab.until("the backup holds nothing", async () => {
      const before = await holdsNone(b, expected);
      await lab.delay(500);
      return before && await holdsNone(b, expected);
    }, 30_000);
    const filter = "ip proto 112 or ip6 proto 112 or arp or (icmp6 and ip6[40] == 136)";
    const wire = await Wire.start(b, "eth0", `${lab.directory}/wire.pcap`, filter);
    const watch = new AddressWatch(b, expected);
    let present: number;
    try {
      await lan.link(a).delete();
      // The signals are sent, its end is not waited for: times are taken when they are read.
      const gone = first.kill();
      present = watch.untilAll();
      await gone;
    } finally {
      watch.close();
    }
    // Announcements may go on for some time when all is in place.
    await lab.delay(2000);
    return announced(await wire.stop(), lan.link(b).mac, expected, present);
  } finally {
    await lab.close();
  }
}

async function holdsNone(host: Host, expected: readonly string[]): Promise<boolean> {
  const held = new Set((await host.addresses()).map(({ address }) => address));
  return !expected.some((one) => held.has(one));
}

/** All times count from the backup's first advert. */
function announced(
  frames: readonly Frame[],
  mac: string,
  expected: readonly string[],
  present: number,
): Sample {
  const began = frames.find((frame) => readAdvert(frame)?.sender === mac)?.time;
  if (began === undefined) throw new Error("The backup did not advertise");
  const times = new Map<string, number[]>();
  for (const frame of frames) {
    const seen = readAnnouncement(frame);
    if (seen?.sender !== mac) continue;
    const list = times.get(seen.address);
    if (list === undefined) times.set(seen.address, [frame.time]);
    else list.push(frame.time);
  }
  const lastOf = (count: number) =>
    Math.max(...expected.map((address) => {
      // One that is missing makes the figure a dash.
      return times.get(parseIp(address)!.join("."))?.[count - 1] ?? NaN;
    }));
  return { present: present - began, once: lastOf(1) - began, often: lastOf(REPEAT) - began };
}

/** How long it takes to add the addresses and to do nothing else. */
async function floor(load: Load): Promise<Sample> {
  const lab = await Lab.open();
  try {
    const [host, other] = await lab.hostsNamed("host", "other");
    await lab.lan("net", [host, other], load.family === 4 ? {} : { prefix: null });
    await lab.delay(1500);
    const form = load.family === 4
      ? "/32 dev eth0 noprefixroute"
      : "/128 dev eth0 noprefixroute nodad";
    const expected = addressesOf(load).flat();
    const path = `${lab.directory}/batch`;
    const lines = expected.map((address) => `address add ${address}${form}`);
    Deno.writeTextFileSync(path, lines.join("\n"));
    const watch = new AddressWatch(host, expected);
    try {
      const began = realtimeMicros();
      host.spawn(["ip", "-batch", path]);
      return { present: watch.untilAll() - began, once: NaN, often: NaN };
    } finally {
      watch.close();
    }
  } finally {
    await lab.close();
  }
}

/** Hears of addresses that come to a host. */
class AddressWatch {
  readonly #socket: NetlinkSocket;
  readonly #epoll = new Epoll();
  readonly #missing: Set<string>;

  constructor(host: Host, expected: readonly string[]) {
    this.#missing = new Set(expected.map((address) => formatIp(parseIp(address)!)!));
    const groups = [RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR];
    this.#socket = inNamespace(host.namespace, () => new NetlinkSocket(NETLINK_ROUTE, groups));
    this.#socket.setReceiveBuffer(8 * 1024 * 1024);
    this.#epoll.add(this.#socket.fd, EPOLLIN, 0);
  }

  /** Blocks until all have come. Returns when the last one did, however busy the machine is. */
  untilAll(): number {
    setScheduler("fifo", 30, { resetOnFork: true });
    try {
      return this.#untilAll();
    } finally {
      setScheduler("other", 0);
    }
  }

  #untilAll(): number {
    const buffer = new Uint8Array(65536);
    const end = realtimeMicros() + PATIENCE;
    while (this.#missing.size > 0) {
      this.#epoll.wait(100);
      for (;;) {
        const length = this.#socket.receive(buffer);
        if (length < 0) break;
        for (const message of splitMessages(buffer.subarray(0, length)).messages) {
          const read = message.type === RTM_NEWADDR ? readAddress(message) : undefined;
          if (read?.ok) this.#missing.delete(read.value.address);
        }
      }
      if (realtimeMicros() > end) throw new Error(`${this.#missing.size} addresses did not come`);
    }
    return realtimeMicros();
  }

  close(): void {
    this.#epoll.close();
    this.#socket.close();
  }
}
