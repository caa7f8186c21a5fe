/**
 * Virtual servers, real servers and their checks in the words of keepalived.
 *
 * @module
 */

import {
  type CheckConfig,
  type CheckUseConfig,
  familyOf,
  type RealServerConfig,
  type SiteConfig,
  type VirtualServerConfig,
} from "../../config/mod.ts";
import {
  commandText,
  escapedText,
  freeNames,
  secondsText,
  wholeSeconds,
  wordText,
  type Writer,
} from "./writer.ts";

const METHODS = { nat: "NAT", direct: "DR", tunnel: "TUN" } as const;
const CHECKSUMS: Readonly<Record<string, string>> = {
  none: "nocsum",
  full: "csum",
  remote: "remcsum",
};

type Way = Pick<RealServerConfig, "forward" | "tunnel">;

/** `DR`, `TUN type gue port 6080 csum`. */
function methodText({ forward, tunnel }: Way): string {
  if (forward !== "tunnel" || tunnel === undefined) return METHODS[forward];
  const words = ["TUN type", tunnel.type];
  if (tunnel.port !== undefined) words.push("port", String(tunnel.port));
  const checksum = CHECKSUMS[tunnel.checksum ?? "none"];
  if (tunnel.type !== "ipip" && checksum !== undefined) words.push(checksum);
  return words.join(" ");
}

/** Where a check asks, and from where. */
function writePlace(writer: Writer, check: CheckConfig): void {
  if (check.address !== undefined) writer.line("connect_ip", check.address);
  if (check.port !== undefined) writer.line("connect_port", check.port);
  if (check.bind_address !== undefined) writer.line("bindto", check.bind_address);
  if (check.bind_port !== undefined) writer.line("bind_port", check.bind_port);
  if (check.mark !== undefined) writer.line("fwmark", check.mark);
}

function writeTimes(writer: Writer, check: CheckConfig): void {
  const { timeout, interval, retry_interval: pause = Math.min(1_000_000, interval) } = check;
  const word = check.type === "script" ? "misc_timeout" : "connect_timeout";
  if (timeout !== undefined) {
    writer.line(word, check.type === "script" ? wholeSeconds(timeout) : secondsText(timeout));
  }
  writer.line("retry", check.fall - 1);
  if (check.fall > 1) writer.line("delay_before_retry", secondsText(pause));
  writer.line("delay_loop", secondsText(interval));
  if (check.warmup !== undefined) writer.line("warmup", secondsText(check.warmup));
  if (check.start_failed) writer.line("alpha");
}

type Url = Pick<
  CheckConfig,
  "path" | "host" | "status" | "digest" | "matches" | "not_matches"
>;

function writeUrl(writer: Writer, url: Url): void {
  writer.block("url", () => {
    writer.line("path", wordText(url.path ?? "/"));
    if (url.host !== undefined) writer.line("virtualhost", wordText(url.host));
    if (url.status !== undefined) {
      const codes = url.status.map(([low, high]) => low === high ? `${low}` : `${low}-${high}`);
      writer.line("status_code", ...codes);
    }
    if (url.digest !== undefined) writer.line("digest", url.digest);
    const expression = url.matches ?? url.not_matches;
    if (expression === undefined) return;
    const [, flags = "", text = expression] = /^\(\?([ims]+)\)([^]*)$/.exec(expression) ?? [];
    writer.line("regex", escapedText(text));
    const names: Record<string, string> = { i: "caseless", m: "multiline", s: "dotall" };
    if (flags !== "") writer.line("regex_options", ...[...flags].map((flag) => names[flag]));
    if (url.not_matches !== undefined) writer.line("regex_no_match");
  });
}

function writeHttp(writer: Writer, check: CheckConfig): void {
  writer.block(check.tls === undefined ? "HTTP_GET" : "SSL_GET", () => {
    for (const url of check.urls ?? [check]) {
      // A url without a host of its own asks for the check's.
      const host = url.host ?? check.host;
      writeUrl(writer, host === undefined ? url : { ...url, host });
    }
    writer.line("http_protocol", check.version === "2" ? "1.1" : check.version);
    if (check.tls !== undefined) writer.line("enable_sni");
    writePlace(writer, check);
    writeTimes(writer, check);
  });
}

/** Hexadecimal digits of the fields of udp, as they are written in a site. */
type Payload = { readonly payload?: unknown; readonly reply?: unknown };

function hexText(value: unknown): string {
  if (value instanceof Uint8Array) {
    return [...value].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  }
  return String(value);
}

/** Blocks of checks by type. */
const BLOCKS: Readonly<
  Record<
    string,
    { readonly head: string; readonly own: (writer: Writer, one: CheckConfig) => void }
  >
> = {
  tcp: { head: "TCP_CHECK", own: () => {} },
  ping: { head: "PING_CHECK", own: () => {} },
  smtp: {
    head: "SMTP_CHECK",
    own: (writer, { helo_name: name }) => {
      if (name !== undefined) writer.line("helo_name", wordText(name));
    },
  },
  dns: {
    head: "DNS_CHECK",
    own: (writer, { record, query }) => {
      writer.line("type", record);
      writer.line("name", query);
    },
  },
  udp: {
    head: "UDP_CHECK",
    own: (writer, check) => {
      const { payload, reply } = check as Payload;
      if (payload !== undefined) writer.line("payload", hexText(payload));
      if (!check.require_reply && reply === undefined) return;
      writer.line("require_reply", reply === undefined ? undefined : hexText(reply));
      writer.line("min_reply_length", check.min_reply_length);
      writer.line("max_reply_length", check.max_reply_length);
    },
  },
  script: {
    head: "MISC_CHECK",
    own: (writer, check) => {
      writer.line("misc_path", commandText(check.command ?? []));
      if (check.dynamic) writer.line("misc_dynamic");
      if (check.user !== undefined) writer.line("user", check.user.name.replace(":", " "));
    },
  },
};

/** Records that keepalived asks for. */
export const RECORDS: ReadonlySet<string> = new Set(
  ["A", "NS", "CNAME", "SOA", "MX", "TXT", "AAAA", "DNSKEY"],
);

/** Types of checks that both have. */
export const CHECK_TYPES: ReadonlySet<string> = new Set([
  ...Object.keys(BLOCKS),
  "http",
  "bfd",
  "file",
]);

/** Names of tracked files by path, those of checks that nobody else tracks among them. */
export function trackedFiles(site: SiteConfig): Map<string, string> {
  const names = new Map(site.track_file.map(({ path, name }) => [path, name]));
  const checks = site.virtual_server.flatMap((virtual) => virtual.real_server)
    .flatMap((server) => server.check.map((use) => resolved(site, use)));
  for (const check of checks) {
    if (check?.type !== "file" || check.path === undefined || names.has(check.path)) continue;
    names.set(check.path, `checked-${names.size + 1}`);
  }
  return names;
}

function writeCheck(writer: Writer, site: SiteConfig, check: CheckConfig): void {
  if (check.type === "file") {
    const name = trackedFiles(site).get(check.path ?? "") ?? "";
    return writer.block("FILE_CHECK", () => {
      writer.line("track_file", wordText(name));
      writer.line("weight", check.weight, ...check.reverse ? ["reverse"] : []);
    });
  }
  if (check.type === "http") return writeHttp(writer, check);
  if (check.type === "bfd") {
    return writer.block("BFD_CHECK", () => writer.line("name", wordText(check.session ?? "")));
  }
  const block = BLOCKS[check.type];
  if (block === undefined || (check.type === "dns" && !RECORDS.has(check.record))) return;
  writer.block(block.head, () => {
    block.own(writer, check);
    if (check.type !== "script") writePlace(writer, check);
    writeTimes(writer, check);
  });
}

function writeServer(
  writer: Writer,
  site: SiteConfig,
  virtual: VirtualServerConfig,
  server: RealServerConfig,
): void {
  const { address, port } = server.address;
  // Without NAT packets arrive at the port that the client asked for.
  const own = port || (virtual.listen[0]?.port ?? 0);
  writer.block(`real_server ${address}${own === 0 ? "" : ` ${own}`}`, () => {
    writer.line("weight", server.weight);
    if (methodText(server) !== methodText(virtual)) writer.line("lvs_method", methodText(server));
    if (server.thresholds.upper > 0) writer.line("uthreshold", server.thresholds.upper);
    if (server.thresholds.lower > 0) writer.line("lthreshold", server.thresholds.lower);
    if (server.on_failure !== virtual.on_failure) {
      writer.line("inhibit_on_failure", server.on_failure === "weight-zero" ? "on" : "off");
    }
    if (server.start_down !== virtual.start_down && server.check.length > 0) {
      writer.line("alpha", server.start_down ? "on" : "off");
    }
    const { up, down, user } = server.notify ?? {};
    const whom = user === undefined ? "" : ` ${user.replace(":", " ")}`;
    if (up !== undefined) writer.line("notify_up", `${commandText(up)}${whom}`);
    if (down !== undefined) writer.line("notify_down", `${commandText(down)}${whom}`);
    writer.line("smtp_alert", server.notify?.mail === true ? "on" : "off");
    for (const use of server.check) {
      const check = resolved(site, use);
      if (check !== undefined) writeCheck(writer, site, check);
    }
  }, true);
}

/** The check that a server uses, be it one by name. */
function resolved(site: SiteConfig, use: CheckUseConfig): CheckConfig | undefined {
  return "type" in use ? use : site.check.find(({ name }) => name === use.name);
}

/** `192.0.2.1-192.0.2.9 80` and its like. */
function listenText(listen: VirtualServerConfig["listen"][number]): string {
  const { address, last, prefix_length: length, port } = listen;
  const range = last === undefined ? "" : `-${last}`;
  return `${address}${length === undefined ? range : `/${length}`} ${port}`;
}

/**
 * One virtual server for each family it listens in: keepalived takes real servers of one family
 * only, unless all are tunnels.
 */
function byFamily(
  virtual: VirtualServerConfig,
  free: (wish: string) => string,
): VirtualServerConfig[] {
  const families = new Set(virtual.listen.map(({ address }) => familyOf(address)));
  const isTunnel = ({ forward }: Way) => forward === "tunnel";
  if (families.size < 2 || virtual.real_server.every(isTunnel)) return [virtual];
  return [...families].map((family, index) => {
    const fits = (way: Way & Pick<RealServerConfig, "address">) =>
      isTunnel(way) || familyOf(way.address.address) === family;
    const { sorry_server: sorry, ...rest } = virtual;
    return {
      ...rest,
      name: index === 0 ? virtual.name : free(`${virtual.name}-${family}`),
      listen: virtual.listen.filter(({ address }) => familyOf(address) === family),
      fwmark: index === 0 ? virtual.fwmark : [],
      real_server: virtual.real_server.filter(fits),
      ...sorry !== undefined && fits(sorry) ? { sorry_server: sorry } : {},
    };
  });
}

/** All virtual servers; those that listen at several places are a group. */
export function writeServers(writer: Writer, site: SiteConfig): void {
  const free = freeNames(site.virtual_server.map(({ name }) => name));
  for (const virtual of site.virtual_server.flatMap((one) => byFamily(one, free))) {
    writer.gap();
    const [only, ...more] = virtual.listen;
    const [mark, ...marks] = virtual.fwmark;
    const simple = only !== undefined && more.length === 0 && mark === undefined &&
      only.last === undefined && only.prefix_length === undefined;
    let place = only === undefined ? `fwmark ${mark ?? 0}` : listenText(only);
    if (only === undefined ? marks.length > 0 : !simple) {
      place = `group ${wordText(virtual.name)}`;
      const family = virtual.family === "ipv6" ? "inet6" : undefined;
      writer.block(`virtual_server_group ${wordText(virtual.name)}`, () => {
        for (const listen of virtual.listen) writer.line(listenText(listen));
        for (const one of virtual.fwmark) writer.line("fwmark", one, family);
      });
    }
    writer.block(`virtual_server ${place}`, () => {
      if (only !== undefined) writer.line("protocol", virtual.protocol.toUpperCase());
      else if (virtual.family === "ipv6") writer.line("ip_family inet6");
      writer.line("lvs_sched", virtual.scheduler);
      for (const flag of virtual.flags) writer.line(flag);
      if (virtual.one_packet) writer.line("ops");
      writer.line("lvs_method", methodText(virtual));
      const { persistence } = virtual;
      if (persistence !== null) {
        writer.line("persistence_timeout", secondsText(persistence.timeout));
        const mask = maskText(virtual);
        if (mask !== undefined) writer.line("persistence_granularity", mask);
        if (persistence.engine !== undefined) {
          writer.line("persistence_engine", persistence.engine);
        }
      }
      if (virtual.quorum !== 1) writer.line("quorum", virtual.quorum);
      if (virtual.hysteresis !== 0) writer.line("hysteresis", virtual.hysteresis);
      if (virtual.on_failure === "weight-zero") writer.line("inhibit_on_failure");
      if (virtual.start_down) writer.line("alpha");
      if (virtual.run_down_on_stop) writer.line("omega");
      const { quorum_up: up, quorum_down: down, user } = virtual.notify ?? {};
      const whom = user === undefined ? "" : ` ${user.replace(":", " ")}`;
      if (up !== undefined) writer.line("quorum_up", `${commandText(up)}${whom}`);
      if (down !== undefined) writer.line("quorum_down", `${commandText(down)}${whom}`);
      if (virtual.notify?.mail === true) writer.line("smtp_alert");
      const { sorry_server: sorry } = virtual;
      if (sorry !== undefined) {
        const { address, port } = sorry.address;
        writer.line("sorry_server", address, port || (only?.port ?? 0));
        if (sorry.inhibit) writer.line("sorry_server_inhibit");
        if (methodText(sorry) !== methodText(virtual)) {
          writer.line("sorry_server_lvs_method", methodText(sorry));
        }
      }
      for (const server of virtual.real_server) writeServer(writer, site, virtual, server);
    });
  }
}

/** The mask of a persistence: dotted for IPv4, a length for IPv6; undefined: whole addresses. */
function maskText({ persistence, listen, family }: VirtualServerConfig): string | undefined {
  const { prefix_length: common, ipv6_prefix_length: own } = persistence ?? {};
  const ipv6 = listen[0]?.address.includes(":") ?? family === "ipv6";
  const length = ipv6 ? own ?? common : common;
  if (length === undefined || ipv6) return length?.toString();
  const bits = (0xffff_ffff << (32 - length)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join(".");
}
