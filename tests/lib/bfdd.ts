/**
 * FRR's bfdd as a BFD peer. It drops root for the user `frr`, so its directory is not the lab's
 * private one. zebra runs beside it, which tells it of the host's interfaces.
 *
 * @module
 */

import type { Lab } from "./lab.ts";
import type { Host } from "./network.ts";
import { execute, type LabProcess, until } from "./process.ts";

const DAEMONS = "/usr/lib/frr";

/** What `show bfd peers json` says of one session; intervals in milliseconds. */
export interface BfddPeer {
  readonly peer: string;
  /** `up`, `down`, `init` or `shutdown`. */
  readonly status: string;
  readonly diagnostic: string;
  readonly "remote-diagnostic": string;
  readonly "receive-interval": number;
  readonly "transmit-interval": number;
  readonly "detect-multiplier": number;
  readonly "remote-receive-interval": number;
  readonly "remote-transmit-interval": number;
  readonly "remote-detect-multiplier": number;
}

/** A running zebra and bfdd. */
export class Bfdd {
  readonly #directory: string;
  readonly #processes: readonly LabProcess[];

  constructor(directory: string, processes: readonly LabProcess[]) {
    this.#directory = directory;
    this.#processes = processes;
  }

  get process(): LabProcess {
    return this.#processes.at(-1)!;
  }

  log(): string {
    return this.#processes.map((process) => process.log()).join("");
  }

  /** Lines of its command line, one after the other. */
  command(...lines: readonly string[]): Promise<string> {
    const words = lines.flatMap((line) => ["-c", line]);
    return execute(["vtysh", "--vty_socket", this.#directory, "-d", "bfdd", ...words]);
  }

  /** Changes one peer. @param peer its line, such as `peer 192.0.2.1 interface eth0` */
  async configure(peer: string, ...lines: readonly string[]): Promise<void> {
    await this.command("configure terminal", "bfd", peer, ...lines);
  }

  /** All its sessions. */
  async peers(): Promise<BfddPeer[]> {
    const text = await this.command("show bfd peers json");
    return JSON.parse(text.slice(text.indexOf("["))) as BfddPeer[];
  }

  /** @throws where there is no session with that peer */
  async peer(address: string): Promise<BfddPeer> {
    const peers = await this.peers();
    const found = peers.find(({ peer }) => peer === address);
    if (found === undefined) {
      throw new Error(`bfdd has no peer ${address}: ${peers.map(({ peer }) => peer)}`);
    }
    return found;
  }

  async untilStatus(address: string, status: string, timeoutMs = 10_000): Promise<void> {
    await until(`bfdd says ${status}`, async () => {
      const found = (await this.peer(address)).status;
      if (found === status) return true;
      throw new Error(`it is ${found}`);
    }, timeoutMs);
  }

  async stop(): Promise<void> {
    for (const process of [...this.#processes].reverse()) await process.stop();
  }
}

let started = 0;

/** Starts zebra and bfdd on a host. @param configuration text of its bfdd.conf */
export async function startBfdd(lab: Lab, host: Host, configuration: string): Promise<Bfdd> {
  const directory = Deno.makeTempDirSync({ prefix: `halb-${Deno.pid}-bfdd-` });
  lab.atEnd(() => Deno.remove(directory, { recursive: true }));
  Deno.writeTextFileSync(`${directory}/zebra.conf`, "");
  Deno.writeTextFileSync(`${directory}/bfdd.conf`, configuration);
  await execute(["chown", "-R", "frr:frr", directory]);
  const number = started++;
  const daemon = (name: string, more: readonly string[] = []) =>
    host.spawn([
      // Real-time as ours is: at 10 ms × 3 another program's time slice is a failure.
      ...["chrt", "-f", "40", `${DAEMONS}/${name}`],
      ...["-u", "frr", "-g", "frr", "-i", `${directory}/${name}.pid`],
      ...["-z", `${directory}/zserv`, "--vty_socket", directory],
      ...["-f", `${directory}/${name}.conf`, "--log", "stdout", ...more],
    ], { name: `frr-${name}-${number}` });
  const zebra = daemon("zebra");
  await until("zebra listens", () => exists(`${directory}/zserv`), 5000);
  const bfdd = daemon("bfdd", ["--bfdctl", `${directory}/bfdd.sock`]);
  await until("bfdd listens", () => exists(`${directory}/bfdd.vty`), 5000);
  return new Bfdd(directory, [zebra, bfdd]);
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
