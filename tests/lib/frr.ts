/**
 * FRR's vrrpd as a peer. It speaks through macvlan interfaces with the virtual MAC, which somebody
 * else has to make: here, the lab. Its daemons drop root for the user `frr`, so their directory is
 * not the lab's private one.
 *
 * @module
 */

import type { Lab } from "./lab.ts";
import type { Host } from "./network.ts";
import { execute, type LabProcess, until } from "./process.ts";

const DAEMONS = "/usr/lib/frr";

/** One virtual router of FRR; it serves both families at once. */
export interface FrrRouter {
  readonly virtualRouterId: number;
  readonly priority: number;
  /** Milliseconds, a multiple of 10. */
  readonly intervalMs: number;
  readonly preempt?: boolean;
  /** With prefix length. */
  readonly ipv4?: readonly string[];
  /** With prefix length; the first must be link-local. */
  readonly ipv6?: readonly string[];
}

/** What `show vrrp` says of one router. */
export interface FrrState {
  readonly v4: string;
  readonly v6: string;
  readonly text: string;
}

/** A running zebra and vrrpd. */
export class FrrVrrpd {
  readonly #directory: string;
  readonly #zebra: LabProcess;
  readonly #vrrpd: LabProcess;

  constructor(directory: string, zebra: LabProcess, vrrpd: LabProcess) {
    this.#directory = directory;
    this.#zebra = zebra;
    this.#vrrpd = vrrpd;
  }

  log(): string {
    return this.#zebra.log() + this.#vrrpd.log();
  }

  /** State of the only router: `Master`, `Backup` or `Initialize` for each family. */
  async state(): Promise<FrrState> {
    const argv = ["vtysh", "--vty_socket", this.#directory, "-d", "vrrpd", "-c", "show vrrp"];
    const text = await execute(argv);
    const of = (family: string) =>
      new RegExp(`Status \\(${family}\\)\\s+(\\S+)`).exec(text)?.[1] ?? "none";
    return { v4: of("v4"), v6: of("v6"), text };
  }

  /** SIGTERM: it resigns. */
  async stop(): Promise<void> {
    await this.#vrrpd.stop();
    await this.#zebra.stop();
  }

  async kill(): Promise<void> {
    await this.#vrrpd.kill();
    await this.#zebra.kill();
  }
}

let started = 0;

/** Makes the macvlans and starts zebra and vrrpd on a host's eth0. */
export async function startFrr(lab: Lab, host: Host, router: FrrRouter): Promise<FrrVrrpd> {
  const directory = Deno.makeTempDirSync({ prefix: `halb-${Deno.pid}-frr-` });
  lab.atEnd(() => Deno.remove(directory, { recursive: true }));
  const { virtualRouterId: id, priority, intervalMs, ipv4 = [], ipv6 = [] } = router;
  const hex = id.toString(16).padStart(2, "0");
  await macvlan(host, `vrrp4-${id}`, `00:00:5e:00:01:${hex}`, ipv4);
  await macvlan(host, `vrrp6-${id}`, `00:00:5e:00:02:${hex}`, ipv6);
  const bare = (address: string) => address.split("/")[0]!;
  const lines = [
    "interface eth0",
    ` vrrp ${id} version 3`,
    ` vrrp ${id} priority ${priority}`,
    ` vrrp ${id} advertisement-interval ${intervalMs}`,
    ...(router.preempt === false ? [` no vrrp ${id} preempt`] : []),
    ...ipv4.map((address) => ` vrrp ${id} ip ${bare(address)}`),
    ...ipv6.map((address) => ` vrrp ${id} ipv6 ${bare(address)}`),
  ];
  // zebra would complain about each line of vrrpd's configuration.
  Deno.writeTextFileSync(`${directory}/zebra.conf`, "");
  Deno.writeTextFileSync(`${directory}/vrrpd.conf`, `${lines.join("\n")}\n`);
  await execute(["chown", "-R", "frr:frr", directory]);
  const number = started++;
  const daemon = (name: string) =>
    host.spawn([
      `${DAEMONS}/${name}`,
      ...["-u", "frr", "-g", "frr", "-i", `${directory}/${name}.pid`],
      ...["-z", `${directory}/zserv`, "--vty_socket", directory],
      ...["-f", `${directory}/${name}.conf`, "--log", "stdout"],
    ], { name: `frr-${name}-${number}` });
  const zebra = daemon("zebra");
  await until("zebra listens", () => exists(`${directory}/zserv`), 5000);
  const vrrpd = daemon("vrrpd");
  await until("vrrpd listens", () => exists(`${directory}/vrrpd.vty`), 5000);
  return new FrrVrrpd(directory, zebra, vrrpd);
}

async function macvlan(host: Host, name: string, mac: string, addresses: readonly string[]) {
  if (addresses.length === 0) return;
  const ip = (...words: string[]) => execute(["ip", "-n", host.namespace, ...words]);
  await ip("link", "add", name, "link", "eth0", "type", "macvlan", "mode", "bridge");
  await ip("link", "set", name, "address", mac);
  for (const address of addresses) {
    const nodad = address.includes(":") ? ["nodad"] : [];
    await ip("address", "add", address, "dev", name, ...nodad);
  }
  await ip("link", "set", name, "up");
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
