/**
 * The daemons of a lab: halb, as the binary that is shipped, and keepalived as its peer.
 *
 * Every agent gets a directory of its own for its configuration, control socket and state, so that
 * several of them on one machine do not meet anywhere but on the wire.
 *
 * @module
 */

import { ask } from "../../mod/control/client.ts";
import type { Lab } from "./lab.ts";
import type { Host } from "./network.ts";
import { execute, type Executed, Hopeless, type LabProcess, tryExecute, until } from "./process.ts";

/** Whether this is the guest of `scripts/guest`. */
export const IN_GUEST = /User Mode Linux/.test(Deno.readTextFileSync("/proc/cpuinfo"));

const ROOT = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");

/** The binary under test: `./halb` of the repository unless the environment's HALB says another. */
export function halbPath(): string {
  return Deno.env.get("HALB") ?? `${ROOT}/halb`;
}

/** Runs `halb` with these arguments outside of any namespace, e.g. `check`, and waits for it. */
export function runHalb(argv: readonly string[]): Promise<Executed> {
  return tryExecute([halbPath(), ...argv]);
}

/** The parts of a status (CONTRACT.md, section 3) that the labs look at. */
export interface HalbStatus {
  readonly version: string;
  readonly pid: number;
  readonly name: string;
  readonly generation: number;
  readonly config: {
    readonly path: string;
    readonly sha256: string;
    readonly last_reload?: {
      readonly at: string;
      readonly result: string;
      readonly changes: number;
    };
  };
  readonly vrrp: readonly HalbRouterStatus[];
  readonly realtime?: Readonly<Record<string, unknown>>;
}

/** One virtual router in a status. */
export interface HalbRouterStatus {
  readonly name: string;
  readonly interface: string;
  readonly virtual_router_id: number;
  readonly state: "init" | "backup" | "master" | "fault";
  readonly waiting_for: readonly string[];
  readonly transitions: number;
  readonly priority: number;
  readonly effective_priority: number;
  readonly trackers: readonly Readonly<Record<string, unknown>>[];
  readonly addresses: readonly string[];
  readonly address_lease_ms: number;
  readonly sessions: readonly {
    readonly family: string;
    readonly master: { readonly address: string; readonly priority: number } | null;
    readonly master_down_interval_ms: number;
    readonly counters: {
      readonly advertisements_sent: number;
      readonly advertisements_received: number;
      readonly dropped: Readonly<Record<string, number>>;
    };
  }[];
}

/** How to start an agent. */
export interface HalbOptions {
  /** Agent name; the host's name unless given. */
  readonly name?: string;
  /** Further command-line arguments. */
  readonly args?: readonly string[];
  readonly env?: Record<string, string>;
  /** `debug` unless given. */
  readonly logLevel?: string;
  /** A command in whose surroundings it is started. */
  readonly within?: readonly string[];
}

/** A running `./halb`. */
export class HalbAgent {
  readonly name: string;
  readonly host: Host;
  readonly process: LabProcess;
  /** Its site.toml. */
  readonly configPath: string;
  readonly controlPath: string;
  readonly stateDirectory: string;
  readonly #logLevel: string;

  /** Use `startHalb`. */
  constructor(host: Host, directory: string, site: string, options: HalbOptions) {
    this.name = options.name ?? host.name;
    this.host = host;
    this.configPath = `${directory}/site.toml`;
    this.controlPath = `${directory}/control.sock`;
    this.stateDirectory = `${directory}/state`;
    this.#logLevel = options.logLevel ?? "debug";
    Deno.mkdirSync(this.stateDirectory, { recursive: true, mode: 0o700 });
    this.writeSite(site);
    const argv = [halbPath(), "run", "--config", this.configPath, "--name", this.name];
    this.process = host.spawn([...options.within ?? [], ...argv, ...options.args ?? []], {
      name: `halb-${this.name}`,
      ...(options.env === undefined ? {} : { env: options.env }),
    });
  }

  get pid(): number {
    return this.process.pid;
  }

  /** Writes site.toml; the lab's own paths are added to `[agent]` where it does not set them. */
  writeSite(site: string): void {
    const text = withAgentKeys(site, {
      control: `"${this.controlPath}"`,
      state_directory: `"${this.stateDirectory}"`,
      log: `{ level = "${this.#logLevel}" }`,
    });
    Deno.writeTextFileSync(this.configPath, text, { mode: 0o600 });
  }

  /**
   * What `halb status --json` prints. The guest takes a second to start a program, so that there
   * the agent itself is asked.
   *
   * @throws where it does not answer
   */
  async status(): Promise<HalbStatus> {
    if (IN_GUEST) return await ask(this.controlPath, { command: "status" }) as HalbStatus;
    const argv = [halbPath(), "status", "--json", "--control", this.controlPath];
    return JSON.parse(await execute(argv)) as HalbStatus;
  }

  /** One virtual router's status. @throws where there is none of that name */
  async router(name: string): Promise<HalbRouterStatus> {
    const found = (await this.status()).vrrp.find((router) => router.name === name);
    if (found === undefined) throw new Error(`No virtual router ${name} in the status`);
    return found;
  }

  /** Waits until `status` says so. */
  async untilState(
    router: string,
    state: HalbRouterStatus["state"],
    timeoutMs = 10_000,
  ): Promise<void> {
    await until(
      `${router} is ${state} on ${this.name}`,
      async () => {
        if (!this.process.running) throw new Hopeless(`halb has ended: ${tail(this.log())}`);
        const found = (await this.router(router)).state;
        if (found === state) return true;
        throw new Error(`it is ${found}`);
        // Each look is a program of its own that takes processor time from what is looked at.
      },
      timeoutMs,
      100,
    );
  }

  /** All it has logged. */
  log(): string {
    return this.process.log();
  }

  /** SIGTERM, and wait for the end of a graceful stop. */
  stop(timeoutMs = 10_000): Promise<Deno.CommandStatus> {
    return this.process.stop(timeoutMs);
  }

  /** SIGKILL: no hand-over, nothing cleaned up. */
  kill(): Promise<void> {
    return this.process.kill();
  }

  /** SIGSTOP: it stands still, its sockets stay open. */
  freeze(): void {
    this.process.freeze();
  }

  /** SIGCONT. */
  thaw(): void {
    this.process.thaw();
  }

  /** SIGHUP, with a new site.toml first where one is given. */
  reload(site?: string): void {
    if (site !== undefined) this.writeSite(site);
    this.process.signal("SIGHUP");
  }
}

/** Starts `./halb` on a host. @param site text of its site.toml */
export function startHalb(
  lab: Lab,
  host: Host,
  site: string,
  options: HalbOptions = {},
): HalbAgent {
  return new HalbAgent(host, agentDirectory(lab, host, "halb"), site, options);
}

/** A running keepalived. */
export class Keepalived {
  readonly host: Host;
  readonly process: LabProcess;
  readonly configPath: string;

  /** Use `startKeepalived`. */
  constructor(host: Host, directory: string, conf: string, options: Required<KeepalivedOptions>) {
    const { name, quiet, within, args } = options;
    this.host = host;
    this.configPath = `${directory}/keepalived.conf`;
    Deno.writeTextFileSync(this.configPath, conf, { mode: 0o600 });
    const file = (word: string) => `${directory}/${word}.pid`;
    const pids = ["-p", file("main"), "-r", file("vrrp"), "-c", file("check"), "-b", file("bfd")];
    const detail = quiet ? [] : ["-D"];
    const argv = ["keepalived", "-n", "-l", ...detail, "-f", this.configPath, ...pids, ...args];
    this.process = host.spawn([...within, ...argv], { name });
  }

  get pid(): number {
    return this.process.pid;
  }

  log(): string {
    return this.process.log();
  }

  /** SIGTERM, and wait: it hands over with a priority-0 advert. */
  stop(timeoutMs = 10_000): Promise<Deno.CommandStatus> {
    return this.process.stop(timeoutMs);
  }

  /** SIGKILL to it and its children. Its addresses stay. */
  kill(): Promise<void> {
    return this.process.kill();
  }

  freeze(): void {
    this.process.freeze();
  }

  thaw(): void {
    this.process.thaw();
  }

  /** SIGHUP, with a new configuration first where one is given. */
  reload(conf?: string): void {
    if (conf !== undefined) Deno.writeTextFileSync(this.configPath, conf, { mode: 0o600 });
    this.process.signal("SIGHUP");
  }
}

/** How to start keepalived. */
export interface KeepalivedOptions {
  readonly name?: string;
  /** It does not log each announcement, which takes it a millisecond and more. */
  readonly quiet?: boolean;
  /** Words before its command line. */
  readonly within?: readonly string[];
  /** Further command-line arguments. */
  readonly args?: readonly string[];
}

/** Starts keepalived on a host. @param conf text of its keepalived.conf */
export function startKeepalived(
  lab: Lab,
  host: Host,
  conf: string,
  options: KeepalivedOptions = {},
): Keepalived {
  const defaults = { name: `keepalived-${host.name}`, quiet: false, within: [], args: [] };
  const directory = agentDirectory(lab, host, "keepalived");
  return new Keepalived(host, directory, conf, { ...defaults, ...options });
}

let directories = 0;

function agentDirectory(lab: Lab, host: Host, kind: string): string {
  const path = `${lab.directory}/${kind}-${host.name}-${directories++}`;
  Deno.mkdirSync(path, { mode: 0o700 });
  return path;
}

/** Adds keys to the `[agent]` table, which is appended where the site has none. */
export function withAgentKeys(site: string, keys: Readonly<Record<string, string>>): string {
  const header = /^\[agent\][ \t]*(?:#.*)?$/m;
  const match = header.exec(site);
  const table = match === null ? "" : agentTable(site.slice(match.index + match[0].length));
  const lines = Object.entries(keys)
    .filter(([key]) => !new RegExp(`^\\s*${key}\\s*[=.]`, "m").test(table))
    .map(([key, value]) => `${key} = ${value}`);
  if (lines.length === 0) return site;
  // At the end, so that the site's own lines keep their numbers.
  if (match === null) return `${site.trimEnd()}\n\n[agent]\n${lines.join("\n")}\n`;
  return site.replace(header, (found) => `${found}\n${lines.join("\n")}`);
}

function agentTable(rest: string): string {
  const end = /^\[/m.exec(rest);
  return end === null ? rest : rest.slice(0, end.index);
}

function tail(text: string): string {
  return text.trimEnd().split("\n").slice(-5).join("\n");
}
