/**
 * What the tests in the guest share: namespaces, ipvsadm as the witness, tables in short form.
 *
 * The guest is thrown away at the end (scripts/guest), so nothing here cleans up after itself but
 * what a later test in the same guest would stumble over: the namespaces.
 *
 * @module
 */

import { inNamespace } from "../../ffi/mod.ts";
import {
  buildTable,
  type Listen,
  type RealServer,
  type Service,
  type Table,
  type VirtualServer,
} from "../../mod/ipvs/mod.ts";
import { IpvsDirector } from "../../mod/kernel/ipvs_director.ts";
import { openIpvs } from "../../mod/kernel/ipvs_io.ts";
import { IN_GUEST } from "../lib/mod.ts";

if (!IN_GUEST) {
  throw new Error("These tests change the kernel's tables: run them by scripts/test kernel");
}

/** Runs a program and returns what it prints. @throws {Error} with what it says when it fails */
export function run(program: string, ...args: readonly string[]): string {
  const { code, stdout, stderr } = new Deno.Command(program, { args: [...args] }).outputSync();
  const text = new TextDecoder().decode(stdout);
  if (code === 0) return text;
  const said = `${text}${new TextDecoder().decode(stderr)}`.trim();
  throw new Error(`${program} ${args.join(" ")}: exit code ${code}: ${said}`);
}

/** Runs one line of words in a namespace. */
export function inside(namespace: string, line: string): string {
  return run("ip", "netns", "exec", namespace, ...line.split(" "));
}

/** Many commands of `ip` in a namespace, in order, by one process. */
export function ipBatch(namespace: string, lines: readonly string[]): void {
  const path = `/run/tmp/batch-${namespace}`;
  Deno.writeTextFileSync(path, `${lines.join("\n")}\n`);
  run("ip", "-n", namespace, "-batch", path);
}

/** Sets what is under /proc/sys/net for one namespace. @param path such as `net/ipv4/ip_forward` */
export function setting(namespace: string, path: string, value: number | string): void {
  inNamespace(namespace, () => Deno.writeTextFileSync(`/proc/sys/${path}`, String(value)));
}

/** Makes namespaces whose loopback is up, and deletes them after `body`. */
export async function withNamespaces(
  names: readonly string[],
  body: () => void | Promise<void>,
): Promise<void> {
  const made: string[] = [];
  try {
    for (const name of names) {
      run("ip", "netns", "add", name);
      made.push(name);
      run("ip", "-n", name, "link", "set", "lo", "up");
    }
    await body();
  } finally {
    for (const name of made) run("ip", "netns", "delete", name);
  }
}

/** Unloads IPVS with all its schedulers, as soon as namespaces of earlier tests let go of it. */
export function unloadIpvs(): void {
  for (const deadline = Date.now() + 20_000;;) {
    const loaded = Deno.readTextFileSync("/proc/modules").matchAll(/^(ip_vs_\w+) /gm);
    try {
      run("modprobe", "-r", ...[...loaded].map(([, name]) => name!), "ip_vs");
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      run("sleep", "0.2");
    }
  }
}

/** A test with a director in a namespace of its own, called `d`. */
export function directorTest(
  name: string,
  body: (director: IpvsDirector) => void | Promise<void>,
): void {
  Deno.test(name, () =>
    withNamespaces(["d"], async () => {
      const director = new IpvsDirector(openIpvs("d"));
      try {
        await body(director);
      } finally {
        director.close();
      }
    }));
}

/** The table as `ipvsadm` would save it, sorted. */
export function saved(namespace = "d"): string[] {
  const text = inside(namespace, "ipvsadm -Sn");
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "").sort();
}

export { serverOf as server } from "../lib/balance.ts";

/** A virtual server in short form: `wlc` unless said otherwise. */
export function virtual(
  listen: Listen | readonly Listen[],
  servers: readonly RealServer[] = [],
  settings: Partial<Omit<Service, "key">> = {},
): VirtualServer {
  return {
    listen: Array.isArray(listen) ? listen : [listen as Listen],
    settings: {
      scheduler: "wlc",
      schedulerFlags: 0,
      onePacket: false,
      persistence: null,
      engine: "",
      ...settings,
    },
    servers,
  };
}

/** The table of virtual servers that are in order. */
export function tableOf(...virtualServers: readonly VirtualServer[]): Table {
  const table = buildTable(virtualServers);
  if (!table.ok) throw new Error(table.reason);
  return table.value;
}

export const tcp = (address: string, port = 80): Listen => ({ protocol: "tcp", address, port });
export const udp = (address: string, port = 53): Listen => ({ protocol: "udp", address, port });
