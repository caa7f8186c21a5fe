/**
 * BIRD as a BFD peer.
 *
 * @module
 */

import type { Lab } from "./lab.ts";
import type { Host } from "./network.ts";
import { execute, type LabProcess, until } from "./process.ts";

/** One line of `show bfd sessions`. */
export interface BirdSession {
  readonly address: string;
  readonly interface: string;
  /** `Up`, `Down`, `Init` or `AdminDown`. */
  readonly state: string;
  /** Seconds between its packets. */
  readonly interval: number;
  /** Seconds until it takes silence for a failure. */
  readonly timeout: number;
}

/** A running BIRD with its protocol `bfd1`. */
export class Bird {
  readonly #process: LabProcess;
  readonly #config: string;
  readonly #socket: string;

  constructor(process: LabProcess, config: string, socket: string) {
    this.#process = process;
    this.#config = config;
    this.#socket = socket;
  }

  get process(): LabProcess {
    return this.#process;
  }

  log(): string {
    return this.#process.log();
  }

  /** A command of its command line, such as `disable bfd1`. */
  command(words: string): Promise<string> {
    return execute(["birdc", "-s", this.#socket, ...words.split(" ")]);
  }

  /** All its sessions. */
  async sessions(): Promise<BirdSession[]> {
    const text = await this.command("show bfd sessions");
    return text.split("\n").flatMap((line) => {
      const [address, on, state, since, interval, timeout] = line.trim().split(/\s+/);
      if (timeout === undefined || !/^[0-9a-f]*[.:]/.test(address!)) return [];
      if (!/^\d/.test(since!)) return [];
      return [{
        address: address!,
        interface: on!,
        state: state!,
        interval: Number(interval),
        timeout: Number(timeout),
      }];
    });
  }

  /** @throws where there is no session with that peer */
  async session(peer: string): Promise<BirdSession> {
    const sessions = await this.sessions();
    const found = sessions.find(({ address }) => address === peer);
    if (found === undefined) {
      throw new Error(`No session with ${peer}: ${sessions.map(({ address }) => address)}`);
    }
    return found;
  }

  async untilState(peer: string, state: string, timeoutMs = 10_000): Promise<void> {
    await until(`BIRD says ${state}`, async () => {
      const found = (await this.session(peer)).state;
      if (found === state) return true;
      throw new Error(`it is ${found}`);
    }, timeoutMs);
  }

  /** Other text inside of `protocol bfd bfd1 { … }`. */
  async configure(bfd: string): Promise<void> {
    Deno.writeTextFileSync(this.#config, configuration(bfd));
    await this.command("configure");
  }

  stop(): Promise<Deno.CommandStatus> {
    return this.#process.stop();
  }

  kill(): Promise<void> {
    return this.#process.kill();
  }
}

function configuration(bfd: string): string {
  return `log stderr all;
debug protocols { events, states };
router id 192.0.2.200;
protocol device { }
protocol bfd bfd1 {
${bfd}
}
`;
}

let started = 0;

/** Starts BIRD on a host. @param bfd text inside of `protocol bfd { … }` */
export async function startBird(lab: Lab, host: Host, bfd: string): Promise<Bird> {
  const base = `${lab.directory}/bird-${host.name}-${started++}`;
  const [config, socket] = [`${base}.conf`, `${base}.sock`];
  Deno.writeTextFileSync(config, configuration(bfd));
  // Real-time as ours is: at 10 ms × 3 another program's time slice is a failure.
  const words = ["chrt", "-f", "40", "bird", "-f", "-c", config, "-s", socket];
  const process = host.spawn([...words, "-P", `${base}.pid`], { name: `bird-${host.name}` });
  const bird = new Bird(process, config, socket);
  await until("BIRD answers", async () => {
    if (!process.running) throw new Error(`BIRD has ended: ${process.log()}`);
    return (await bird.command("show status")).includes("BIRD");
  }, 5000);
  return bird;
}
