/**
 * The benchmark `ipvs` inside the guest.
 *
 * Each count gets a network namespace of its own, and daemons take turns. What a daemon has done is
 * seen from outside, in the same way for each: by edits that change nothing, of the first service
 * and of the last server, which the kernel refuses until they are there. A look takes a twentieth
 * of a millisecond; the guest's clock ticks every ten.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  type Destination,
  destinationName,
  encodeCommand,
  encodeQuestion,
  readDestination,
  type Service,
  type Table,
  type TableCommand,
} from "../../mod/ipvs/mod.ts";
import { IpvsDirector } from "../../mod/kernel/ipvs_director.ts";
import { type IpvsIo, openIpvs } from "../../mod/kernel/ipvs_io.ts";
import { Requester } from "../../mod/kernel/requester.ts";
import { MessageWriter, readAcknowledgement, splitMessages } from "../../mod/netlink/mod.ts";
import { bareLoop, bulkServer, bulkService, bulkTable, timed } from "../kernel/bulk.ts";
import { inside, run as runProgram, saved } from "../kernel/lib.ts";
import {
  type HalbAgent,
  type Host,
  type Keepalived,
  Lab,
  processTree,
  startHalb,
  startKeepalived,
} from "../lib/mod.ts";
import { machine, markdownTable, quantile } from "./statistics.ts";

type Shape = readonly [services: number, servers: number];
type Weight = (service: number, server: number) => number;

const SHAPES: readonly Shape[] = [[10, 10], [100, 100], [1, 10_000]];
const CHANGES = [1, 100];
/** A daemon that needs longer has failed, milliseconds. */
const PATIENCE = 120_000;
const LOOK_EACH_MS = 5;
/** Quiet time before all changes are counted. */
const QUIET_MS = 1_000;
/** Quiet time before memory is read. */
const SETTLE_MS = 3_000;

const args = Deno.args;
const option = (name: string) =>
  args.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
const runs = Number(option("runs") ?? (args.includes("--quick") ? 1 : 3));
const wanted = (name: string) => (option("only") ?? name).split(",").includes(name);
const shapes = SHAPES.filter(([a, b]) =>
  (option("shapes") ?? `${a}x${b}`).split(",").includes(`${a}x${b}`)
);

const nameOf = ([services, servers]: Shape) => `${services} × ${servers.toLocaleString("en")}`;

/** A site for halb. */
function site([services, servers]: Shape, weight: Weight): string {
  return Array.from({ length: services }, (_, i) =>
    `[[virtual_server]]
name = "v${i}"
listen = "${bulkService(i)}:80"
scheduler = "wlc"
real_server = [
${
      Array.from(
        { length: servers },
        (_, j) => {
          const { address, port } = bulkServer(i * servers + j);
          return `  { address = "${address}:${port}", weight = ${weight(i, j)} },`;
        },
      ).join("\n")
    }
]
`).join("\n");
}

function keepalivedConf([services, servers]: Shape, weight: Weight): string {
  return Array.from({ length: services }, (_, i) =>
    `virtual_server ${bulkService(i)} 80 {
  lvs_sched wlc
  lvs_method NAT
  protocol TCP
${
      Array.from(
        { length: servers },
        (_, j) => {
          const { address, port } = bulkServer(i * servers + j);
          return `  real_server ${address} ${port} {\n    weight ${weight(i, j)}\n  }`;
        },
      ).join("\n")
    }
}
`).join("\n");
}

/** Looks from outside at what is there. */
class Witness {
  readonly #io: IpvsIo;
  readonly #namespace: string;
  #sequence = 1_000_000;

  constructor(namespace: string) {
    this.#namespace = namespace;
    this.#io = openIpvs(namespace);
  }

  /** Whether the kernel has it: an edit that changes nothing is refused where it is not there. */
  #accepts(command: TableCommand): boolean {
    const writer = new MessageWriter(192);
    encodeCommand(writer, this.#io.family, ++this.#sequence, command);
    this.#io.send(writer.finish());
    const [message] = splitMessages(this.#io.receive() ?? new Uint8Array()).messages;
    const answer = message === undefined ? undefined : readAcknowledgement(message);
    return answer?.ok === true && answer.value.errno === 0;
  }

  hasService(service: Service): boolean {
    return this.#accepts({ kind: "set-service", service });
  }

  hasServer(service: Service, destination: Destination): boolean {
    return this.#accepts({ kind: "set-destination", service: service.key, destination });
  }

  /** The weight that a server has now. */
  weight({ key }: Service, name: string): number | undefined {
    const answers = new Requester(this.#io, ++this.#sequence).dump((writer, sequence) =>
      encodeQuestion(writer, this.#io.family, sequence, { kind: "destinations", service: key })
    );
    for (const answer of answers) {
      const read = readDestination(answer, key.family);
      if (read.ok && destinationName(read.value.destination.key) === name) {
        return read.value.destination.weight;
      }
    }
    return undefined;
  }

  count(): number {
    return saved(this.#namespace).length;
  }

  close(): void {
    this.#io.close();
  }
}

async function untilTrue(what: string, look: () => boolean): Promise<number> {
  const end = performance.now() + PATIENCE;
  while (!look()) {
    if (performance.now() > end) throw new Error(`Waited in vain for ${what}`);
    await new Promise((wake) => setTimeout(wake, LOOK_EACH_MS));
  }
  return performance.now();
}

function firstAndLast(table: Table): {
  readonly first: Service;
  readonly last: readonly [Service, Destination][];
} {
  const entries = [...table.values()];
  const first = entries[0]!.service;
  // The last of each service: daemons may take them in another order.
  const last = entries.map(({ service, destinations }) =>
    [service, [...destinations.values()].at(-1)!] as [Service, Destination]
  );
  return { first, last };
}

type Daemon = "halb" | "keepalived";

function startDaemon(
  lab: Lab,
  daemon: Daemon,
  host: Host,
  shape: Shape,
): HalbAgent | Keepalived {
  return daemon === "halb"
    ? startHalb(lab, host, site(shape, () => 1), { logLevel: "info" })
    : startKeepalived(lab, host, keepalivedConf(shape, () => 1), { quiet: true });
}

interface Filled {
  /** From exec to the last server, milliseconds. */
  readonly fromStart: number;
  /** From the first service to the last server. */
  readonly filling: number;
}

async function fill(
  witness: Witness,
  table: Table,
  began: number,
): Promise<Filled> {
  const { first, last } = firstAndLast(table);
  const from = await untilTrue("the first service", () => witness.hasService(first));
  const entries = [...table.values()].reduce((sum, { destinations }) => sum + destinations.size, 0);
  for (const [service, destination] of last.toReversed()) {
    await untilTrue("the last server", () => witness.hasServer(service, destination));
  }
  const end = performance.now();
  assert.equal(witness.count(), entries + table.size, "it is not whole");
  return { fromStart: end - began, filling: end - from };
}

/** Resident memory of a daemon, KiB: of all of its processes, what they share counted in each. */
function resident(pid: number): number {
  return processTree(pid).reduce((sum, one) => {
    const text = Deno.readTextFileSync(`/proc/${one}/status`);
    return sum + Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1] ?? 0);
  }, 0);
}

interface Counts {
  readonly fromStart: number[];
  readonly filling: number[];
  readonly reloads: Map<number, number[]>;
  readonly memory: number[];
}

const results = new Map<string, Counts>();
function counts(shape: Shape, who: string): Counts {
  const key = `${nameOf(shape)} ${who}`;
  const found = results.get(key) ?? { fromStart: [], filling: [], reloads: new Map(), memory: [] };
  results.set(key, found);
  return found;
}

let numbered = 0;

async function measureDaemon(daemon: Daemon, shape: Shape): Promise<void> {
  const lab = await Lab.open();
  const host = await lab.host(`h${numbered++}`);
  const witness = new Witness(host.namespace);
  try {
    const table = bulkTable(...shape);
    const into = counts(shape, daemon);
    const began = performance.now();
    const process = startDaemon(lab, daemon, host, shape);
    const filled = await fill(witness, table, began);
    into.fromStart.push(filled.fromStart);
    into.filling.push(filled.filling);
    await lab.delay(SETTLE_MS);
    into.memory.push(resident(process.pid));
    // A look at one service of ten thousand servers would disturb what it looks at.
    if (shape[0] !== 100) return;
    for (const [i, changes] of CHANGES.entries()) {
      const value = i + 2;
      const text = daemon === "halb" ? site : keepalivedConf;
      const began = performance.now();
      const weight = spread(shape, changes, value);
      process.reload(text(shape, weight));
      into.reloads.set(changes, [
        ...into.reloads.get(changes) ?? [],
        await untilReloaded(witness, shape, weight, value) - began,
      ]);
      await lab.delay(QUIET_MS);
      const heavy = saved(host.namespace).filter((line) => line.endsWith(`-w ${value}`));
      assert.equal(heavy.length, changes);
    }
  } finally {
    witness.close();
    await lab.close();
  }
}

/** Weights where so many servers have another, spread over all services, the last one among them. */
function spread([services, servers]: Shape, changes: number, value: number): Weight {
  const step = Math.floor(services * servers / changes);
  return (i, j) => (i * servers + j + 1) % step === 0 ? value : 1;
}

/** Waits for the last change. @returns when that was */
function untilReloaded(
  witness: Witness,
  shape: Shape,
  weight: Weight,
  value: number,
): Promise<number> {
  const { service, destinations } = [...bulkTable(...shape, weight).values()].at(-1)!;
  const [name, { weight: last }] = [...destinations].at(-1)!;
  assert.equal(last, value);
  return untilTrue("the last change", () => witness.weight(service, name) === value);
}

function measureDirectly(shape: Shape): void {
  const table = bulkTable(...shape);
  const fresh = () => {
    const name = `n${numbered++}`;
    runProgram("ip", "netns", "add", name);
    runProgram("ip", "-n", name, "link", "set", "lo", "up");
    return name;
  };
  if (wanted("bare")) counts(shape, "bare loop").filling.push(bareLoop(fresh(), table));
  const own = fresh();
  const director = new IpvsDirector(openIpvs(own));
  const time = timed(() => assert.deepEqual(director.converge(table).failures, []));
  director.close();
  if (wanted("director")) counts(shape, "halb's director").filling.push(time);
  if (wanted("ipvsadm")) {
    const rules = "/run/tmp/bench.rules";
    Deno.writeTextFileSync(rules, inside(own, "ipvsadm -Sn"));
    const other = fresh();
    const words = ["netns", "exec", other, "sh", "-c", `ipvsadm -R <${rules}`];
    const restoring = timed(() => runProgram("ip", ...words));
    assert.equal(saved(other).length, saved(own).length);
    const into = counts(shape, "ipvsadm -R");
    into.filling.push(restoring);
    into.fromStart.push(restoring);
  }
}

const middle = (values: readonly number[]) =>
  values.length === 0 ? "–" : quantile(values, 0.5).toFixed(0);

console.log(`\nipvs, in the guest: ${await machine()}\n`);
for (const shape of shapes) {
  for (let i = 0; i < runs; i++) {
    measureDirectly(shape);
    for (const daemon of ["halb", "keepalived"] as const) {
      if (wanted(daemon)) await measureDaemon(daemon, shape);
    }
  }
}
const rows = [...results].map(([key, { fromStart, filling, reloads, memory }]) => [
  key,
  `${filling.length}`,
  middle(filling),
  middle(fromStart),
  ...CHANGES.map((changes) => middle(reloads.get(changes) ?? [])),
  middle(memory),
]);
const header = ["services × servers", "runs", "first to last, ms", "start to last, ms"];
header.push(...CHANGES.map((changes) => `reload of ${changes}, ms`), "resident KiB");
console.log(markdownTable(header, rows));
Deno.exit(0);
