/**
 * Hosts, LANs and links of a lab, made of network namespaces.
 *
 * A host is a namespace; a LAN is another one with a bridge in it and one veth leg for each host.
 * Both ends are created where they belong, so nothing of a lab is ever visible in the machine's
 * own namespace. The bridge does not learn trees or filter multicast: what one host sends to a
 * group reaches all others at once. Cutting a link takes the bridge's side down, as a pulled plug
 * would: the host loses carrier. Losing packets leaves carrier as it is.
 *
 * @module
 */

import { execute, type Executed, LabProcess, tryExecute, until } from "./process.ts";

/** One address as `ip -j address` shows it. */
export interface HostAddress {
  readonly interface: string;
  readonly family: "inet" | "inet6";
  readonly address: string;
  readonly prefixLength: number;
  readonly label?: string;
  readonly scope: string;
  /** Seconds left; `Infinity`: permanent. */
  readonly validLifetime: number;
  readonly preferredLifetime: number;
  /** Such as `noprefixroute`, `tentative`, `deprecated`, `secondary`. */
  readonly flags: readonly string[];
  /** IFA_PROTO as `ip` shows it; empty: none, or an `ip` that does not know it. */
  readonly protocol: string;
}

/** One route as `ip -j route` shows it. */
export interface HostRoute {
  /** `default` or a prefix. */
  readonly to: string;
  readonly via?: string;
  readonly interface?: string;
  readonly source?: string;
  readonly protocol?: string;
  readonly scope?: string;
  readonly metric?: number;
  readonly flags: readonly string[];
}

/** A network namespace that plays a machine. */
export class Host {
  readonly name: string;
  /** Name of the namespace, as `ip netns` knows it. */
  readonly namespace: string;
  /** Links in the order of the LANs joined: `eth0`, `eth1`, … */
  readonly links: Link[] = [];
  readonly processes: LabProcess[] = [];
  readonly #directory: string;
  #spawned = 0;

  /** Use `Lab.host`. */
  constructor(name: string, namespace: string, directory: string) {
    this.name = name;
    this.namespace = namespace;
    this.#directory = directory;
  }

  /** Makes the namespace, loopback up, IPv6 addresses usable without waiting for DAD. */
  async create(): Promise<void> {
    await execute(["ip", "netns", "add", this.namespace]);
    await execute(["ip", "-n", this.namespace, "link", "set", "lo", "up"]);
    await this.sysctl("net.ipv6.conf.default.accept_dad", "0");
    await this.sysctl("net.ipv6.conf.default.accept_ra", "0");
  }

  /** Sets a kernel setting of this host. @param key such as `net.ipv4.ip_forward` */
  async sysctl(key: string, value: string): Promise<void> {
    const path = `/proc/sys/${key.replaceAll(".", "/")}`;
    await this.exec(["sh", "-c", 'echo "$2" >"$1"', "sh", path, value]);
  }

  /** Runs a command here and returns its output. @throws {CommandError} where it fails */
  exec(argv: readonly string[], options: { readonly input?: string } = {}): Promise<string> {
    return execute([...this.prefix(), ...argv], options);
  }

  /** Runs a command here, whatever its exit code. */
  tryExec(argv: readonly string[], options: { readonly input?: string } = {}): Promise<Executed> {
    return tryExecute([...this.prefix(), ...argv], options);
  }

  /** Starts a program here; it is ended with the lab at the latest. */
  spawn(
    argv: readonly string[],
    options: {
      readonly name?: string;
      readonly env?: Record<string, string>;
      readonly input?: boolean;
    } = {},
  ): LabProcess {
    const number = this.#spawned++;
    const name = options.name ?? `${this.name}-${argv[0]?.split("/").at(-1)}`;
    const process = LabProcess.start(argv, {
      ...options,
      name,
      logPath: `${this.#directory}/${this.name}-${number}-${name.replaceAll("/", "_")}.log`,
      wrapper: this.prefix(),
    });
    this.processes.push(process);
    return process;
  }

  /** Words that run a command here; the process id stays the one of the spawned process. */
  prefix(): string[] {
    return ["ip", "netns", "exec", this.namespace];
  }

  /** The link into a LAN. @throws where this host is not on it */
  link(lan: Lan | string): Link {
    const link = this.links.find((candidate) =>
      typeof lan === "string" ? candidate.interface === lan : candidate.lan === lan
    );
    if (link !== undefined) return link;
    const wanted = typeof lan === "string" ? lan : lan.name;
    throw new Error(`Host ${this.name} has no link ${wanted}`);
  }

  /** All addresses, or those of one interface. */
  async addresses(interfaceName?: string): Promise<HostAddress[]> {
    const where = interfaceName === undefined ? [] : ["dev", interfaceName];
    const text = await execute(["ip", "-n", this.namespace, "-j", "address", "show", ...where]);
    return parseAddresses(text);
  }

  /** Whether this host holds the address (without a prefix length) on any interface. */
  async holds(address: string): Promise<boolean> {
    return (await this.addresses()).some((held) => held.address === address);
  }

  /** Routes of a family and table, the main one unless said otherwise. */
  async routes(family: "inet" | "inet6" = "inet", table = "main"): Promise<HostRoute[]> {
    const text = await execute(
      ["ip", "-n", this.namespace, "-j", "-f", family, "route", "show", "table", table],
    );
    return parseRoutes(text);
  }

  /** The link-layer address that this host has for a neighbour; undefined: none. */
  async neighbour(address: string): Promise<string | undefined> {
    const text = await execute(["ip", "-n", this.namespace, "-j", "neighbour", "show", address]);
    const entries = JSON.parse(text || "[]") as { readonly lladdr?: string }[];
    return entries[0]?.lladdr;
  }
}

/** What `ip -j link` shows of an interface. */
interface ShownLink {
  readonly address: string;
  readonly ifindex: number;
  readonly operstate: string;
}

/** How to make a LAN. */
export interface LanOptions {
  /**
   * Network of the LAN, such as `192.0.2.0/24` (the default): the first host gets `.1`, the second
   * `.2`, …; `null`: no IPv4 addresses.
   */
  readonly prefix?: string | null;
  /** Addresses with prefix lengths, by host name, in place of or beside (`prefix: null`) those. */
  readonly addresses?: Readonly<Record<string, readonly string[]>>;
}

/** A bridge with one leg for each host. */
export class Lan {
  readonly name: string;
  readonly namespace: string;
  readonly links: Link[] = [];

  /** Use `Lab.lan`. */
  constructor(name: string, namespace: string) {
    this.name = name;
    this.namespace = namespace;
  }

  /** Makes the bridge and joins the hosts. */
  async create(hosts: readonly Host[], options: LanOptions): Promise<void> {
    const ip = ["ip", "-n", this.namespace];
    await execute(["ip", "netns", "add", this.namespace]);
    const bridge = [
      "type",
      "bridge",
      "mcast_snooping",
      "0",
      "stp_state",
      "0",
      "forward_delay",
      "0",
    ];
    await execute([...ip, "link", "add", "br0", ...bridge]);
    await execute([...ip, "link", "set", "br0", "up"]);
    for (const host of hosts) await this.join(host, options);
  }

  /** Adds one more host. */
  async join(host: Host, options: LanOptions = {}): Promise<Link> {
    const leg = `leg${this.links.length + 1}`;
    const name = `eth${host.links.length}`;
    const peer = ["peer", "name", name, "netns", host.namespace];
    await execute(["ip", "-n", this.namespace, "link", "add", leg, "type", "veth", ...peer]);
    await execute(["ip", "-n", this.namespace, "link", "set", leg, "master", "br0", "up"]);
    const prefix = options.prefix === undefined ? "192.0.2.0/24" : options.prefix;
    const addresses = options.addresses?.[host.name] ??
      (prefix === null ? [] : [nthAddress(prefix, this.links.length + 1)]);
    for (const address of addresses) {
      await execute(["ip", "-n", host.namespace, "address", "add", address, "dev", name]);
    }
    await execute(["ip", "-n", host.namespace, "link", "set", name, "up"]);
    // The kernel learns a moment later that there is carrier, and drops what is sent until then.
    const { address: mac, ifindex } = await until(`${name} of ${host.name} is up`, async () => {
      const argv = ["ip", "-n", host.namespace, "-j", "link", "show", "dev", name];
      const [shown] = JSON.parse(await execute(argv)) as ShownLink[];
      return shown?.operstate === "UP" ? shown : null;
    }, 5000);
    const link = new Link(this, host, leg, name, addresses, mac, ifindex);
    this.links.push(link);
    host.links.push(link);
    return link;
  }

  /** The link of a host. @throws where it is not on this LAN */
  link(host: Host): Link {
    return host.link(this);
  }
}

/** One host's leg into a LAN. */
export class Link {
  readonly lan: Lan;
  readonly host: Host;
  /** Interface at the bridge. */
  readonly leg: string;
  /** Interface at the host, such as `eth0`. */
  readonly interface: string;
  /** Addresses given at the start, without prefix lengths. */
  readonly addresses: readonly string[];
  readonly mac: string;
  /** Interface index at the host. */
  readonly index: number;

  constructor(
    lan: Lan,
    host: Host,
    leg: string,
    name: string,
    addresses: readonly string[],
    mac: string,
    index: number,
  ) {
    this.lan = lan;
    this.host = host;
    this.leg = leg;
    this.interface = name;
    this.addresses = addresses.map((address) => address.split("/")[0]!);
    this.mac = mac;
    this.index = index;
  }

  /** The first address. @throws where it has none */
  get address(): string {
    const [first] = this.addresses;
    if (first === undefined) {
      throw new Error(`Link ${this.interface} of ${this.host.name} has no address`);
    }
    return first;
  }

  /** Pulls the plug: the host loses carrier. */
  async cut(): Promise<void> {
    await execute(["ip", "-n", this.lan.namespace, "link", "set", this.leg, "down"]);
  }

  /** Plugs it in again. */
  async restore(): Promise<void> {
    await execute(["ip", "-n", this.lan.namespace, "link", "set", this.leg, "up"]);
  }

  /**
   * Loses frames at random; carrier stays. 0 ends it, 100 isolates the host silently.
   *
   * @param percent 0 to 100
   * @param direction as the host sees it
   */
  async lose(percent: number, direction: "in" | "out" | "both" = "both"): Promise<void> {
    if (!(percent >= 0 && percent <= 100)) {
      throw new RangeError(`Loss must be 0 to 100 percent: ${percent}`);
    }
    const table = `netdev lose_${this.leg}`;
    const share = Math.round(percent * 100);
    const drop = share === 10000 ? "drop" : `numgen random mod 10000 < ${share} drop`;
    const chain = (hook: string) =>
      `chain ${hook} { type filter hook ${hook} device "${this.leg}" priority 0; ${drop}; }`;
    // What the host sends enters at the leg (ingress); what it receives leaves there (egress).
    const chains = [
      ...(direction === "in" ? [] : [chain("ingress")]),
      ...(direction === "out" ? [] : [chain("egress")]),
    ];
    const rules = percent === 0 ? "" : `table ${table} {\n${chains.join("\n")}\n}\n`;
    const nft = (input: string) =>
      execute(["ip", "netns", "exec", this.lan.namespace, "nft", "-f", "-"], { input });
    // Adding before deleting makes the deletion succeed whether the table was there or not. Hooks go
    // one after the other, rules all at once: without this one direction would be open before the
    // other for milliseconds, long enough to lose the one advert that a test waits for.
    if (percent === 0) await nft(`add table ${table}\nflush table ${table}\n`);
    await nft(`add table ${table}\ndelete table ${table}\n${rules}`);
  }

  /** Takes the interface out of the host, as a machine that vanishes does. */
  async delete(): Promise<void> {
    await execute(["ip", "-n", this.lan.namespace, "link", "delete", this.leg]);
  }
}

/** The address number `n` of an IPv4 network of at most 254 hosts, with the prefix length. */
function nthAddress(prefix: string, n: number): string {
  const match = /^(\d+\.\d+\.\d+)\.(\d+)\/(\d+)$/.exec(prefix);
  if (match === null) throw new TypeError(`Not an IPv4 network: ${prefix}`);
  return `${match[1]}.${Number(match[2]) + n}/${match[3]}`;
}

function parseAddresses(text: string): HostAddress[] {
  const forever = 4294967295;
  const interfaces = JSON.parse(text || "[]") as {
    readonly ifname?: string;
    readonly addr_info?: readonly Record<string, unknown>[];
  }[];
  const flags = ["secondary", "deprecated", "tentative", "noprefixroute", "dadfailed", "nodad"];
  return interfaces.flatMap((one) =>
    (one.addr_info ?? []).filter((info) => typeof info.local === "string").map((info) => ({
      interface: String(one.ifname),
      family: info.family === "inet6" ? "inet6" as const : "inet" as const,
      address: String(info.local),
      prefixLength: Number(info.prefixlen),
      ...(typeof info.label === "string" ? { label: info.label } : {}),
      scope: String(info.scope),
      validLifetime: info.valid_life_time === forever ? Infinity : Number(info.valid_life_time),
      preferredLifetime: info.preferred_life_time === forever
        ? Infinity
        : Number(info.preferred_life_time),
      flags: flags.filter((flag) => info[flag] === true),
      protocol: typeof info.protocol === "string" ? info.protocol : "",
    }))
  );
}

function parseRoutes(text: string): HostRoute[] {
  const routes = JSON.parse(text || "[]") as Record<string, unknown>[];
  return routes.map((route) => ({
    to: String(route.dst),
    ...(typeof route.gateway === "string" ? { via: route.gateway } : {}),
    ...(typeof route.dev === "string" ? { interface: route.dev } : {}),
    ...(typeof route.prefsrc === "string" ? { source: route.prefsrc } : {}),
    ...(typeof route.protocol === "string" ? { protocol: route.protocol } : {}),
    ...(typeof route.scope === "string" ? { scope: route.scope } : {}),
    ...(typeof route.metric === "number" ? { metric: route.metric } : {}),
    flags: Array.isArray(route.flags) ? route.flags.map(String) : [],
  }));
}
