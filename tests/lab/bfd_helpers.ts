/** What the BFD labs share: sessions of our own on a lab's host, and the questions to ask of them. */

import { strict as assert } from "node:assert";
import { EventFd } from "../../ffi/mod.ts";
import type { Session, SessionEvent, SessionSettings } from "../../mod/bfd/mod.ts";
import type { EchoReport } from "../../mod/plane/bfd.ts";
import { bfdSettings } from "../lib/bfd_settings.ts";
import type { Capture, Host, Lab } from "../lib/mod.ts";
import type { BfdSessionConfig, Command, Start } from "./bfd_worker.ts";

/** A change of state, as the driver tells it. */
export interface Told {
  readonly type: string;
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly cause: string;
  readonly reason: string;
  /** CLOCK_MONOTONIC, microseconds. */
  readonly at: number;
  readonly text?: string;
}

export interface SessionReport {
  readonly session: Session;
  readonly sourcePort: number;
  readonly hearing: boolean;
  readonly waitingFor: readonly string[];
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly sendErrors: number;
  readonly stallGraces: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly echo?: EchoReport;
}

interface Report {
  readonly type: "state";
  readonly at: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly sessions: readonly SessionReport[];
}

/** A loop with sessions. */
export class Sessions {
  /** All it has told, in order. */
  readonly told: Told[] = [];
  readonly #lab: Lab;
  readonly #port: MessagePort;
  readonly #bell: EventFd;
  readonly #reports: Report[] = [];
  readonly #configs = new Map<string, BfdSessionConfig>();

  constructor(lab: Lab) {
    this.#lab = lab;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#bell = new EventFd();
    const worker = new Worker(new URL("./bfd_worker.ts", import.meta.url), { type: "module" });
    port1.onmessage = ({ data }) => {
      if (data.type === "state") this.#reports.push(data);
      else this.told.push(data);
    };
    const start: Start = { port: port2, wake: this.#bell.fd };
    worker.postMessage(start, [port2]);
    lab.atEnd(async () => {
      if (!this.ended) {
        this.#command({ type: "stop", now: true });
        await lab.until("the loop has ended", () => this.ended, 5000);
      }
      port1.close();
      worker.terminate();
      this.#bell.close();
    });
  }

  get ended(): boolean {
    return this.told.some(({ type }) => type === "stopped");
  }

  #command(command: Command): void {
    this.#port.postMessage(command);
    this.#bell.signal();
  }

  set(config: BfdSessionConfig): void {
    this.#configs.set(config.settings.name, config);
    this.#command({ type: "set", config });
  }

  remove(name: string): void {
    this.#command({ type: "remove", name });
  }

  apply(name: string, event: SessionEvent): void {
    this.#command({ type: "apply", name, event });
  }

  stop(now: boolean): void {
    this.#command({ type: "stop", now });
  }

  /** What the driver knows now. */
  async report(): Promise<Report> {
    const before = this.#reports.length;
    this.#command({ type: "query" });
    await this.#lab.until("the loop reports", () => this.#reports.length > before, 5000);
    return this.#reports.at(-1)!;
  }

  async session(name: string): Promise<SessionReport> {
    const found = (await this.report()).sessions.find(({ session }) =>
      session.settings.name === name
    );
    assert(found !== undefined, `there is a session ${name}`);
    return found;
  }

  /** Changes of one session, told since `from`. */
  changes(name: string, from = 0): Told[] {
    return this.told.slice(from).filter((one) => one.type === "transition" && one.name === name);
  }

  /** Changes of one session from Up to anything else. */
  falls(name: string): Told[] {
    return this.changes(name).filter(({ from }) => from === "up");
  }

  /**
   * Waits until the session enters the state, however short it stays, or is in it. Returns the change
   * that led there.
   */
  until(name: string, state: string, timeoutMs = 10_000): Promise<Told> {
    const now = this.told.length;
    return this.#lab.until(`${name} is ${state}`, () => {
      const error = this.told.find(({ type }) => type === "error");
      if (error !== undefined) throw new Error(error.text);
      const last = this.changes(name).at(-1);
      if (last?.to === state) return last;
      return this.changes(name, now).find(({ to }) => to === state);
    }, timeoutMs);
  }

  /** Changes the settings of a session that runs. */
  configure(name: string, changed: Partial<SessionSettings>): void {
    const config = this.#configs.get(name)!;
    this.set({ ...config, settings: { ...config.settings, ...changed } });
  }
}

/** A single-hop session on `eth0`, at 50 ms × 3 unless said otherwise. */
export function bfdConfig(
  host: Host,
  peer: string,
  changed: Partial<SessionSettings> = {},
  ends: Partial<BfdSessionConfig["ends"]> = {},
): BfdSessionConfig {
  return {
    settings: bfdSettings(changed),
    ends: {
      namespace: host.namespace,
      family: peer.includes(":") ? "ipv6" : "ipv4",
      peer,
      source: "",
      interface: "eth0",
      multihop: false,
      minimumTtl: 255,
      ...ends,
    },
  };
}

/**
 * How often one of the two ends was silent for so long, microseconds, while it was up. Threads stand
 * still on a busy machine, theirs and this test's: what then goes down went down rightly, be it that
 * we miss the peer or that the peer misses us and says so. Ends the capture.
 */
export async function silences(capture: Capture, time: number): Promise<number> {
  const last = new Map<string, { readonly time: number; readonly up: boolean }>();
  let count = 0;
  for (const { time: at, fields } of await capture.packets("bfd", ["ip.src", "bfd.sta"])) {
    const before = last.get(fields["ip.src"]!);
    if (before?.up && at - before.time >= time) count++;
    last.set(fields["ip.src"]!, { time: at, up: Number(fields["bfd.sta"]) === 3 });
  }
  return count;
}
