/**
 * A site for two nodes as text, with the comments that somebody who begins wants. Pure.
 *
 * @module
 */

import { parseIp } from "../ip/mod.ts";

/** What has to be known for it. */
export interface Answers {
  /** The one that is master as a rule, and the other. */
  readonly nodes: readonly [string, string];
  readonly interface: string;
  /** Virtual addresses with the length of their networks' prefixes. */
  readonly addresses: readonly string[];
  readonly virtualRouterId: number;
  /** The nodes' own addresses, where the network carries no multicast. */
  readonly unicast?: readonly [string, string];
  readonly server?: {
    /** Port at the first virtual address. */
    readonly port: number;
    /** `ADDRESS` or `ADDRESS:PORT`. */
    readonly realServers: readonly string[];
    readonly forward: "nat" | "direct" | "tunnel";
  };
}

/** The text of the site, the same for both nodes. */
export function siteText(answers: Answers): string {
  const { server } = answers;
  const parts = [head(answers), router(answers)];
  if (server !== undefined) parts.push(balancing(answers, server));
  return [...parts, later(server !== undefined)].join("\n");
}

function head({ nodes }: Answers): string {
  return `# halb on ${nodes.join(" and ")}: one file, the same on both.
#
#   halb check site.toml      what is wrong with the file
#   halb doctor site.toml     what is wrong with this host for it
#   halb --config site.toml   run it; "halb status" shows what is going on
#
# Each node is known by its host name as "hostname" prints it; "halb --name NAME" gives another.
`;
}

function router(
  { nodes, interface: name, addresses, virtualRouterId, unicast }: Answers,
): string {
  const [first, second] = nodes;
  const byHost = (one: string, other: string) =>
    `{ by_host = { ${quoted(first)} = ${one}, ${quoted(second)} = ${other} } }`;
  const transport = unicast === undefined
    ? `# Adverts go to a multicast group. Where the network carries none (clouds, some switches):
# unicast = { peers = ["ADDRESS-OF-${first}", "ADDRESS-OF-${second}"] }
`
    : `# Adverts go from node to node, since the network carries no multicast. Both may be listed.
unicast = { peers = ${list(unicast)} }
source = ${byHost(quoted(unicast[0]), quoted(unicast[1]))}
`;
  return `[[vrrp]]
name = "gateway"
interface = ${quoted(name)}
# The same on both nodes, and no other pair's on this network.
virtual_router_id = ${virtualRouterId}
# Whoever has the higher one is master.
priority = ${byHost("150", "100")}
# A backup takes over after a little more than three of them without an advert.
advertisement_interval = "1s"
# Clients use these: they are on the master's interface.
addresses = ${list(addresses)}
${transport}# The better node becomes master again when it is back; false: it waits until the other one fails.
preempt = true
# ... and only when it has been well for so long.
preempt_delay = "0s"
`;
}

const WAYS = {
  nat: "The real servers answer through this host, which is their default gateway.",
  direct: "The real servers have the virtual address, too, silently, and answer clients straight.",
  tunnel: "Packets are wrapped; the real servers have the virtual address, too, silently.",
} as const;

function balancing(
  { addresses }: Answers,
  { port, realServers, forward }: NonNullable<Answers["server"]>,
): string {
  const [address = ""] = addresses[0]!.split("/");
  const listen = address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
  const servers = realServers.map((server) =>
    `[[virtual_server.real_server]]\naddress = ${quoted(server)}\n`
  );
  return `[[virtual_server]]
name = "service"
listen = ${quoted(listen)}
# Only the master balances.
follow = "gateway"
scheduler = "wlc"
# ${WAYS[forward]}
forward = ${quoted(forward)}
# Servers that do not answer are taken out. For HTTP:
# check = { type = "http", path = "/healthz", interval = "2s", timeout = "1s", fall = 3 }
check = { type = "tcp", interval = "2s", timeout = "1s", fall = 3 }

${servers.join("\n")}`;
}

function later(balances: boolean): string {
  const pool = balances
    ? `# Give the addresses up while no server answers: in [[vrrp]]
# track = { virtual_servers = ["service"] }
#
`
    : "";
  return `# What comes next, when this works:
#
# A script decides, too: exit code 0 is good.
# [[track_script]]
# name = "uplink"
# command = ["/usr/local/bin/check-uplink"]
# interval = "2s"
# fall = 3
# and in [[vrrp]]: track = { scripts = ["uplink"] }
#
${pool}# Signed adverts; both nodes need the key, and clocks that are kept by NTP. In [[vrrp]]:
# auth = { type = "hmac", keys = [{ id = 1, key = { file = "/etc/halb/vrrp.key" } }] }
#
# Metrics and a page with the state of it all:
# [agent]
# http = { listen = "127.0.0.1:9650" }
`;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

function list(items: readonly string[]): string {
  return `[${items.map(quoted).join(", ")}]`;
}

// ---- what is written ----------------------------------------------------------------------------

/** What is wrong with an answer, in words; undefined: nothing. */
export type Wrong = string | undefined;

/** Splits a list by commas and blanks. */
export function words(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}

export function wrongName(name: string): Wrong {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) return undefined;
  return `"${name}" is no name: letters, digits and . _ -`;
}

export function wrongInterface(name: string): Wrong {
  if (/^[^\s/"\\]{1,15}$/.test(name)) return undefined;
  return `"${name}" is no name of an interface`;
}

/** @param prefix whether the length of a prefix belongs to it */
export function wrongAddress(text: string, prefix: boolean): Wrong {
  const [address = "", length, ...more] = text.split("/");
  const bytes = parseIp(address);
  if (bytes === undefined || more.length > 0) return `"${text}" is no IP address`;
  if (!prefix) return length === undefined ? undefined : `"${text}" wants no prefix length`;
  if (length === undefined) return `"${text}" lacks the length of its prefix, such as ${text}/24`;
  const right = /^\d{1,3}$/.test(length) && Number(length) <= 8 * bytes.length;
  return right ? undefined : `"/${length}" is no length of a prefix`;
}

export function wrongNumber(text: string, most: number): Wrong {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= 1 && number <= most) return undefined;
  return `"${text}" is not 1 to ${most}`;
}

/** A real server, `ADDRESS` or `ADDRESS:PORT`. */
export function wrongServer(text: string): Wrong {
  const [, six, four, port] = /^(?:\[([^\]]+)\]|([0-9.]+))(?::(\d+))?$/.exec(text) ?? [];
  const bytes = parseIp(six ?? four ?? "");
  const right = bytes?.length === (six === undefined ? 4 : 16);
  if (!right) return `"${text}" is no server: write 198.51.100.11:8080 or [2001:db8::11]:8080`;
  return port === undefined ? undefined : wrongNumber(port, 65_535);
}
