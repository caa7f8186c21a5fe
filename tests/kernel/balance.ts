/**
 * The whole agent as director, in the network of `network.ts`: sites in short form, its status,
 * `ipvsadm`'s figures in the same form, and what was said to the kernel as nlmon hears it.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  AF_PACKET,
  bindSocket,
  closeDescriptor,
  ETH_P_ALL,
  htons,
  inNamespace,
  interfaceIndex,
  openSocket,
  receive,
  setReceiveBuffer,
  SOCK_RAW,
  sockaddrLl,
} from "../../ffi/mod.ts";
import {
  IPVS_CMD_DEL_DEST,
  IPVS_CMD_DEL_SERVICE,
  IPVS_CMD_FLUSH,
  IPVS_CMD_NEW_DEST,
  IPVS_CMD_NEW_SERVICE,
  IPVS_CMD_SET_DEST,
  IPVS_CMD_SET_SERVICE,
} from "../../mod/ipvs/mod.ts";
import { openIpvs } from "../../mod/kernel/ipvs_io.ts";
import { splitMessages } from "../../mod/netlink/mod.ts";
import { execute, type HalbAgent, halbPath, Host, type Lab, until } from "../lib/mod.ts";
import { inside, run } from "./lib.ts";

/** One processor for everything: what takes milliseconds elsewhere may take seconds here. */
export const PATIENCE = 30_000;

/** Counters of a service or a virtual server. */
export interface StatusCounters {
  readonly connections: number;
  readonly packets_in: number;
  readonly packets_out: number;
  readonly bytes_in: number;
  readonly bytes_out: number;
}

/** A real server in a status (CONTRACT.md, section 3). */
export interface RealServerStatus {
  readonly address: string;
  readonly weight: number;
  readonly effective_weight: number;
  readonly override: number | null;
  readonly state: "up" | "down" | "draining";
  readonly counters: StatusCounters & {
    readonly active_connections: number;
    readonly inactive_connections: number;
  };
}

/** A virtual server in a status. */
export interface VirtualServerStatus {
  readonly name: string;
  readonly listen: readonly string[];
  readonly active: boolean;
  readonly quorum: { readonly required: number; readonly current: number; readonly met: boolean };
  readonly sorry_server_active: boolean;
  readonly counters: StatusCounters;
  readonly real_servers: readonly RealServerStatus[];
}

/** A namespace of the network as a host of the lab: it ends what runs there, and logs it. */
export function adopted(lab: Lab, namespace: string): Host {
  const host = new Host(namespace, namespace, lab.directory);
  lab.hosts.push(host);
  return host;
}

/** What `halb status --json` says of virtual servers. */
export async function virtualServers(agent: HalbAgent): Promise<readonly VirtualServerStatus[]> {
  const status = await agent.status() as unknown as {
    readonly virtual_servers: readonly VirtualServerStatus[];
  };
  return status.virtual_servers;
}

/** One of them. @throws {Error} where there is none of that name */
export async function virtualServer(agent: HalbAgent, name: string): Promise<VirtualServerStatus> {
  const found = (await virtualServers(agent)).find((each) => each.name === name);
  if (found === undefined) throw new Error(`No virtual server ${name} in the status`);
  return found;
}

/** Runs a command of `halb` against an agent. @throws {CommandError} where it fails */
export function command(agent: HalbAgent, ...words: readonly string[]): Promise<string> {
  return execute([halbPath(), ...words, "--control", agent.controlPath]);
}

/** Waits until the kernel has so many services and servers together. */
export function untilEntries(count: number, namespace = "d", patience = PATIENCE): Promise<true> {
  return until(
    `${count} entries in the table`,
    () => {
      const entries = inside(namespace, "ipvsadm -Sn").split("\n").filter((line) => line !== "");
      if (entries.length === count) return true;
      throw new Error(`there are ${entries.length}`);
    },
    patience,
    // Each look takes the one processor from the agent that is waited for.
    200,
  );
}

/** One row of `ipvsadm -Ln --stats`. */
export interface StatsRow {
  /** `TCP 192.0.2.10:80` or `-> 198.51.100.11:8080`. */
  readonly name: string;
  readonly figures: readonly number[];
}

/** Figures of a listing by `ipvsadm`, exact. */
export function listing(namespace: string, ...options: readonly string[]): StatsRow[] {
  const rows: StatsRow[] = [];
  for (const line of inside(namespace, ["ipvsadm", "-Ln", ...options].join(" ")).split("\n")) {
    const words = line.trim().split(/\s+/);
    const isEntry = /^(TCP|UDP|SCTP|FWM|->)$/.test(words[0] ?? "") &&
      words[1] !== "RemoteAddress:Port";
    if (!isEntry) continue;
    const figures = words.slice(2).map(Number).filter((value) => !Number.isNaN(value));
    rows.push({ name: `${words[0]} ${words[1]}`, figures });
  }
  return rows;
}

/** Commands that change the table, as they pass the kernel's netlink in one namespace. */
export class Overheard {
  readonly #fd: number;
  readonly #family: number;
  readonly #buffer = new Uint8Array(1 << 20);

  constructor(namespace: string) {
    run("modprobe", "nlmon");
    run("ip", "-n", namespace, "link", "add", "nlmon0", "type", "nlmon");
    run("ip", "-n", namespace, "link", "set", "nlmon0", "up");
    const io = openIpvs(namespace);
    this.#family = io.family;
    io.close();
    this.#fd = inNamespace(namespace, () => {
      const fd = openSocket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
      setReceiveBuffer(fd, 16 << 20);
      bindSocket(fd, sockaddrLl(interfaceIndex("nlmon0"), ETH_P_ALL));
      return fd;
    });
  }

  /** Names of the commands since the last call, those that read left out. */
  commands(): string[] {
    const names: string[] = [];
    for (;;) {
      const length = receive(this.#fd, this.#buffer, 0);
      if (length <= 0) return names;
      for (
        const { type, flags, payload } of splitMessages(this.#buffer.slice(0, length)).messages
      ) {
        // An answer to a dump has the same numbers, and is no request.
        if (type !== this.#family || (flags & REQUEST) === 0) continue;
        const name = CHANGES.get(payload[0] ?? 0);
        if (name !== undefined) names.push(name);
      }
    }
  }

  close(): void {
    closeDescriptor(this.#fd);
  }
}

const REQUEST = 1;
const CHANGES: ReadonlyMap<number, string> = new Map([
  [IPVS_CMD_NEW_SERVICE, "add-service"],
  [IPVS_CMD_SET_SERVICE, "set-service"],
  [IPVS_CMD_DEL_SERVICE, "delete-service"],
  [IPVS_CMD_NEW_DEST, "add-destination"],
  [IPVS_CMD_SET_DEST, "set-destination"],
  [IPVS_CMD_DEL_DEST, "delete-destination"],
  [IPVS_CMD_FLUSH, "flush"],
]);

/** The figures of a virtual server in the order of `ipvsadm --stats`. */
export function figuresOf(counters: StatusCounters): number[] {
  const { connections, packets_in, packets_out, bytes_in, bytes_out } = counters;
  return [connections, packets_in, packets_out, bytes_in, bytes_out];
}

/** Fails where what `status` says of a virtual server's counters is not what `ipvsadm` says. */
export function assertSameFigures(server: VirtualServerStatus, rows: readonly StatsRow[]): void {
  const shown = rows.filter(({ name }) => server.listen.some((each) => name.endsWith(` ${each}`)));
  const sum = [0, 1, 2, 3, 4].map((i) =>
    shown.reduce((total, { figures }) => total + (figures[i] ?? 0), 0)
  );
  assert.deepEqual(figuresOf(server.counters), sum, server.name);
}
