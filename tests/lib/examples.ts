/**
 * The sites of `config/examples`, run as they are: a lab builds the hosts that a file describes,
 * with the interfaces and addresses that stand in it. Only paths become the lab's own.
 *
 * @module
 */

import { ask } from "../../mod/control/client.ts";
import { type HalbAgent, IN_GUEST, runHalb, startHalb } from "./daemons.ts";
import type { Lab } from "./lab.ts";
import type { Host, Lan } from "./network.ts";
import { Hopeless, type LabProcess, until } from "./process.ts";

const FOLDER = new URL("../../config/examples/", import.meta.url);
/** How long anything may take, milliseconds: a guest has one processor for all of it. */
const PATIENCE = 60_000;

/** The text of a file of `config/examples`. */
export function exampleText(file: string): string {
  return Deno.readTextFileSync(new URL(file, FOLDER));
}

/** Writes a file of `config/examples` for one host. @param edit changes its text @returns its path */
export function placeExample(
  lab: Lab,
  host: Host,
  file: string,
  edit: (text: string) => string = (text) => text,
): string {
  Deno.chmodSync(lab.directory, 0o711);
  const folder = programs(lab, host);
  Deno.mkdirSync(folder, { recursive: true, mode: 0o755 });
  const { mode } = Deno.statSync(new URL(file, FOLDER));
  Deno.writeTextFileSync(`${folder}/${file}`, edit(exampleText(file)));
  Deno.chmodSync(`${folder}/${file}`, (mode ?? 0) & 0o100 ? 0o755 : 0o644);
  return `${folder}/${file}`;
}

/** What stands in for /usr/local/sbin of a host. */
function programs(lab: Lab, host: Host): string {
  return `${lab.directory}/programs-${host.name}`;
}

/**
 * Starts the agent of a node of the file: the host's name is the node's.
 *
 * @param edit changes its text
 */
export function startExample(
  lab: Lab,
  host: Host,
  file: string,
  edit: (text: string) => string = (text) => text,
): HalbAgent {
  const site = edit(exampleText(file)).replaceAll("/usr/local/sbin", programs(lab, host));
  // A guest's one processor has better things to do than to log each packet.
  return startHalb(lab, host, site, IN_GUEST ? { logLevel: "info" } : {});
}

/** `halb WORDS`, told to an agent. */
export async function command(agent: HalbAgent, ...words: string[]): Promise<void> {
  const { code, stderr } = await runHalb([...words, "--control", agent.controlPath]);
  if (code !== 0) throw new Error(`halb ${words.join(" ")}: exit ${code}: ${stderr}`);
}

/** Waits for a virtual router's state, asking the agent itself: no program is started for it. */
export async function untilRouter(
  agent: HalbAgent,
  router: string,
  state: "master" | "backup" | "fault",
): Promise<void> {
  await until(
    `${router} is ${state} on ${agent.name}`,
    async () => {
      if (!agent.process.running) throw new Hopeless(`halb has ended: ${agent.log().slice(-500)}`);
      const { vrrp } = await ask(agent.controlPath, { command: "status" }) as {
        readonly vrrp: readonly { readonly name: string; readonly state: string }[];
      };
      const found = vrrp.find(({ name }) => name === router)?.state;
      if (found === state) return true;
      throw new Error(`it is ${found}`);
    },
    PATIENCE,
    100,
  );
}

/** A machine is lost: all its cables at once. */
export async function lose(host: Host): Promise<void> {
  await Promise.all(host.links.map((link) => link.cut()));
}

/** Its cables are plugged in again. */
export async function giveBack(host: Host): Promise<void> {
  await Promise.all(host.links.map((link) => link.restore()));
}

/** Hosts that forward packets of both families. */
export async function forwarding(...hosts: readonly Host[]): Promise<void> {
  for (const host of hosts) {
    await host.sysctl("net.ipv4.ip_forward", "1");
    await host.sysctl("net.ipv6.conf.all.forwarding", "1");
  }
}

/** Runs `ip` on a host. @param words of one command */
export function ip(host: Host, words: string): Promise<string> {
  return host.exec(["ip", ...words.split(" ")]);
}

/** A LAN with the addresses that stand in the example. */
export function lanOf(
  lab: Lab,
  name: string,
  places: readonly (readonly [Host, ...string[]])[],
): Promise<Lan> {
  const addresses = Object.fromEntries(places.map(([host, ...own]) => [host.name, own]));
  return lab.lan(name, places.map(([host]) => host), { prefix: null, addresses });
}

/** A client that asks again and again; each answer and each failure is a line of its log. */
export class Client {
  readonly #process: LabProcess;
  readonly #answer: RegExp;

  constructor(process: LabProcess, answer: RegExp) {
    this.#process = process;
    this.#answer = answer;
  }

  /** Its lines, answers or not. */
  lines(): string[] {
    return this.#process.log().split("\n").filter((line) => line !== "");
  }

  /** What the answers said, oldest first: a name, or the number of a ping. */
  answers(): string[] {
    return this.lines().flatMap((line) => this.#answer.exec(line)?.[1] ?? []);
  }

  /** Waits for answers from now on. @returns them */
  async untilMore(when: string, count = 10): Promise<string[]> {
    const before = this.answers().length;
    await until(
      `answers go on ${when}`,
      () => {
        if (!this.#process.running) {
          throw new Hopeless(`the client has ended: ${this.#process.log().slice(-500)}`);
        }
        if (this.answers().length >= before + count) return true;
        throw new Error(this.lines().slice(-3).join("\n"));
      },
      PATIENCE,
      100,
    );
    return this.answers().slice(before);
  }

  /** Waits until the newest answers, of those from now on, come from exactly these. */
  async untilFrom(servers: readonly string[], when: string, among = 6): Promise<void> {
    const before = this.lines().length;
    await until(
      `answers of ${servers} ${when}`,
      () => {
        const lines = this.lines().slice(before);
        // A failure counts: it is nobody.
        const newest = lines.slice(-among).map((line) => this.#answer.exec(line)?.[1] ?? "");
        const seen = [...new Set(newest)].sort();
        if (newest.length === among && seen.join() === [...servers].sort().join()) return true;
        throw new Error(`answers of ${seen.map((name) => name || "nobody")}`);
      },
      PATIENCE,
      100,
    );
  }
}

/** Pings ten times a second. */
export class Pings extends Client {
  constructor(host: Host, address: string) {
    const words = ["ping", "-n", "-O", "-i", "0.1", address];
    super(host.spawn(words, { name: `pings-${address}` }), /bytes from .* icmp_seq=(\d+)/);
  }

  /** The longest time without an answer between two answers, seconds. */
  longestOutage(): number {
    const numbers = this.answers().map(Number);
    return Math.max(0, ...numbers.slice(1).map((each, i) => each - numbers[i]! - 1)) / 10;
  }
}
