/**
 * Reads a host: /proc, /lib/modules, netlink, and `nft` where it is there. Nothing is changed, and
 * whatever cannot be read is left out.
 *
 * @module
 */

import {
  clockSynchronised,
  effectiveCapabilities,
  GenericSocket,
  inNamespace,
  listNames,
  NETLINK_ROUTE,
  NetlinkSocket,
  processId,
  readLink,
  readText,
} from "../../ffi/mod.ts";
import { receiveAnswer } from "../kernel/firewall_io.ts";
import { DATAGRAM_LENGTH, Requester } from "../kernel/requester.ts";
import {
  readAddress,
  readLink as decodeLink,
  requestAddresses,
  requestLinks,
} from "../netlink/mod.ts";
import { ownerOfUdpPort } from "../plane/port_owner.ts";
import { textOf } from "../text/mod.ts";
import { moduleStates, readRoutes4, readRoutes6 } from "./proc.ts";
import type { HostReading, InterfaceReading, NamespaceReading, PortReading } from "./readings.ts";
import type { Questions } from "./questions.ts";

const IFF_MULTICAST = 0x1000;
const IFF_LOOPBACK = 8;
/** Programs that speak VRRP or BFD, or drive IPVS; as /proc/PID/comm has them. */
const DAEMONS = ["keepalived", "vrrpd", "bfdd", "bird", "ucarp", "uvrrpd", "ldirectord", "halb"];

/** Reads what the questions are about. */
export function readHost(questions: Questions): HostReading {
  const agent = questions.namespaces.find(({ name }) => name === "");
  const kernel = maybe(() => readText("/proc/sys/kernel/osrelease").trim()) ?? "";
  const lists = {
    loaded: maybe(() => readText("/proc/modules")),
    builtin: moduleFile(kernel, "modules.builtin"),
    available: moduleFile(kernel, "modules.dep"),
  };
  return {
    kernel,
    modules: moduleStates(lists, questions.modules),
    capabilities: maybe(effectiveCapabilities) ?? new Set(),
    clockSynchronised: maybe(clockSynchronised),
    libnl: readLibnl(),
    daemons: maybe(() => inNamespace(agent?.actual ?? "", readDaemons)) ?? [],
    namespaces: new Map(
      questions.namespaces.map(({ name, actual, ports }) => [name, readNamespace(actual, ports)]),
    ),
  };
}

/** undefined → null, and what throws, too. */
function maybe<T>(work: () => T): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}

function moduleFile(kernel: string, name: string): string | null {
  return maybe(() => Deno.readTextFileSync(`/lib/modules/${kernel}/${name}`));
}

function readLibnl(): HostReading["libnl"] {
  try {
    const socket = new GenericSocket();
    const { origin } = socket;
    socket.close();
    return { origin };
  } catch (error) {
    return { problem: textOf(error) };
  }
}

/** Other programs of this kind in our network namespace. */
function readDaemons(): string[] {
  const own = readLink("/proc/thread-self/ns/net");
  const found: string[] = [];
  for (const pid of listNames("/proc").filter((name) => /^\d+$/.test(name))) {
    if (pid === String(processId)) continue;
    const name = maybe(() => readText(`/proc/${pid}/comm`).trim());
    if (name === null || !DAEMONS.includes(name)) continue;
    if (maybe(() => readLink(`/proc/${pid}/ns/net`)) === own) found.push(`${name} (pid ${pid})`);
  }
  return found;
}

function readNamespace(name: string, ports: readonly number[]): NamespaceReading | null {
  try {
    return inNamespace(name, () => {
      const interfaces = readInterfaces();
      return {
        interfaces,
        routes: [
          ...readRoutes4(maybe(() => readText("/proc/thread-self/net/route")) ?? ""),
          ...readRoutes6(maybe(() => readText("/proc/thread-self/net/ipv6_route")) ?? ""),
        ],
        settings: readSettings(interfaces.map((each) => each.name)),
        ports: readPorts(ports),
        ruleset: readRuleset(name),
        ipvs: maybe(() => readText("/proc/thread-self/net/ip_vs")) !== null,
      };
    });
  } catch {
    return null;
  }
}

/** Programs that configure interfaces, and the files in which they say so, by interface index. */
const MANAGERS: readonly [name: string, directory: string, mark: RegExp][] = [
  ["systemd-networkd", "/run/systemd/netif/links", /^ADMIN_STATE=(?!unmanaged)/m],
  ["NetworkManager", "/run/NetworkManager/devices", /^managed=true$/m],
];

function managerOf(index: number): string | null {
  for (const [name, directory, mark] of MANAGERS) {
    if (mark.test(maybe(() => readText(`${directory}/${index}`)) ?? "")) return name;
  }
  return null;
}

function readInterfaces(): InterfaceReading[] {
  // Those programs know the interfaces of the first process's namespace; others have other indexes.
  const here = maybe(() => readLink("/proc/thread-self/ns/net"));
  const managed = here !== null && maybe(() => readLink("/proc/1/ns/net")) === here;
  const socket = new NetlinkSocket(NETLINK_ROUTE);
  try {
    const buffer = new Uint8Array(DATAGRAM_LENGTH);
    const requester = new Requester({
      send: (bytes) => socket.send(bytes),
      receive: () => receiveAnswer(socket, buffer),
    });
    const addresses = ([4, 6] as const).flatMap((family) =>
      requester.dump((writer, sequence) => requestAddresses(writer, sequence, family))
    ).flatMap((message) => {
      const read = readAddress(message);
      return read.ok ? [read.value] : [];
    });
    return requester.dump(requestLinks).flatMap((message) => {
      const read = decodeLink(message);
      if (!read.ok) return [];
      const { name, index, up, running, flags, mtu, mac } = read.value;
      return [{
        name,
        index,
        up,
        running,
        mtu,
        mac,
        manager: managed ? managerOf(index) : null,
        multicast: (flags & IFF_MULTICAST) !== 0,
        loopback: (flags & IFF_LOOPBACK) !== 0,
        addresses: addresses.filter((each) => each.index === index)
          .map(({ address, prefixLength, protocol }) => ({ address, prefixLength, protocol })),
      }];
    });
  } finally {
    socket.close();
  }
}

const SETTINGS = [
  "net.ipv4.ip_forward",
  "net.ipv4.ip_nonlocal_bind",
  "net.ipv6.ip_nonlocal_bind",
  "net.ipv4.vs.conntrack",
  "net.ipv4.vs.expire_nodest_conn",
  "net.ipv4.vs.snat_reroute",
];
const INTERFACE_SETTINGS = ["ipv4.rp_filter", "ipv6.forwarding", "ipv6.disable_ipv6"];

function readSettings(interfaces: readonly string[]): Map<string, string> {
  const settings = new Map<string, string>();
  const take = (name: string, path: string) => {
    const text = maybe(() => readText(path).trim());
    if (text !== null) settings.set(name, text);
  };
  for (const name of SETTINGS) take(name, `/proc/sys/${name.replaceAll(".", "/")}`);
  for (const each of ["all", ...interfaces]) {
    for (const setting of INTERFACE_SETTINGS) {
      const [family, last] = setting.split(".");
      take(`net.${family}.conf.${each}.${last}`, `/proc/sys/net/${family}/conf/${each}/${last}`);
    }
  }
  return settings;
}

function readPorts(ports: readonly number[]): PortReading[] {
  return ports.flatMap((port) => {
    const owner = ownerOfUdpPort("ipv4", port) ?? ownerOfUdpPort("ipv6", port);
    return owner === undefined ? [] : [{ port, owner }];
  });
}

/** What `nft` prints; null where there is none, or it may not. */
function readRuleset(namespace: string): unknown {
  const nft = ["-j", "list", "ruleset"];
  // A program is started by another thread, which never entered the namespace.
  const [program, args] = namespace === ""
    ? ["nft", nft] as const
    : ["ip", ["netns", "exec", namespace, "nft", ...nft]] as const;
  return maybe(() => {
    const { code, stdout } = new Deno.Command(program, {
      args: [...args],
      env: { PATH: "/usr/sbin:/sbin:/usr/bin:/bin" },
      stdin: "null",
      stderr: "null",
      stdout: "piped",
    }).outputSync();
    return code === 0 ? JSON.parse(new TextDecoder().decode(stdout)) as unknown : null;
  });
}
