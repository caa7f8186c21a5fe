/**
 * What a site says that keepalived has no word for, by key: what keepalived does so anyway, and what
 * the other node will lack.
 *
 * @module
 */

import { familyOf, type SiteConfig, type VrrpConfig } from "../../config/mod.ts";
import { parseDuration } from "../../config/duration.ts";
import { CHECK_TYPES, RECORDS } from "./servers.ts";
import { isWritable } from "./writer.ts";

/** What is said of a key that is not written into keepalived.conf. */
export interface Lost {
  readonly verdict: "needless" | "dropped" | "approximated";
  readonly reason: string;
  readonly instead?: string;
}

type Known = Pick<SiteConfig, "notifications" | "vrrp">;
type Hook = NonNullable<SiteConfig["notifications"]["startup_script"]>;

const words = (text: string) => text.split(" ");

/** Keys that are written, each with all that is in it unless more is said below. */
const KEPT = new Set([
  ...words("agent agent.name agent.script_user agent.startup_delay agent.notify agent.notify.fifo"),
  ...words(
    "agent.startup_script agent.shutdown_script mail mail.to mail.from mail.server mail.timeout",
  ),
  ...words("mail.helo_name"),
  ...words("ipvs ipvs.timeouts ipvs.sync_daemon static vrrp sync_group virtual_server bfd check"),
  ...words("track_interface track_script track_process track_file garp_group"),
]);

/** Keys of which keys within may be lost all the same. */
function isDeep(path: string): boolean {
  return !path.includes(".") || [...KEPT].some((one) => one.startsWith(`${path}.`));
}

/** Keys within tables of these kinds that are written, with all that is in them. */
const KEPT_IN: Readonly<Record<string, ReadonlySet<string>>> = {
  static: new Set(words("addresses routes rules")),
  ipvs: new Set(words("timeouts sync_daemon")),
  garp_group: new Set(words("interfaces interval neighbour_interval")),
  track_interface: new Set(words("name down_delay up_delay weight reverse")),
  track_script: new Set(
    words("name command interval timeout rise fall weight reverse start_failed user"),
  ),
  track_file: new Set(words("name path weight reverse init_file")),
  track_process: new Set(
    words(
      "name command full_command param_match quorum quorum_max up_delay down_delay weight reverse",
    ),
  ),
  bfd: new Set(
    words(
      "name peer source transmit_interval receive_interval detect_multiplier passive weight " +
        "reverse",
    ),
  ),
  vrrp: new Set(
    words(
      "name interface virtual_router_id version strict priority advertisement_interval " +
        "down_timer_adverts preempt preempt_delay accept answer_lower_priority " +
        "advertise_before_yielding source multicast_group unicast virtual_mac auth addresses " +
        "excluded_addresses routes rules promote_secondaries garp track notify checksum",
    ),
  ),
  "vrrp.notify": new Set(
    words("master backup fault stop any master_rx_lower_priority priority_changes user mail"),
  ),
  "sync_group.notify": new Set(words("master backup fault stop any priority_changes user mail")),
  "virtual_server.notify": new Set(words("quorum_up quorum_down user mail")),
  "virtual_server.real_server.notify": new Set(words("up down user mail")),
  sync_group: new Set(words("name members track notify need")),
  virtual_server: new Set(
    words(
      "name listen fwmark family protocol scheduler flags one_packet forward tunnel persistence " +
        "quorum hysteresis sorry_server on_failure start_down run_down_on_stop notify check " +
        "default_weight thresholds real_server",
    ),
  ),
  "virtual_server.real_server": new Set(
    words(
      "address weight forward tunnel thresholds on_failure start_down notify check",
    ),
  ),
};

/** Keys of checks that are written. */
const CHECK_KEYS = new Set(
  words(
    "name type interval timeout fall retry_interval warmup address port bind_address bind_port " +
      "mark start_failed path host status digest matches not_matches version tls helo_name " +
      "query record payload reply require_reply min_reply_length max_reply_length command dynamic " +
      "user session rise method weight reverse",
  ),
);

const OWN = "it is about this node alone";

/** Keys that are not written since nothing is lost by it. */
const NEEDLESS: Readonly<Record<string, string>> = {
  "agent.control": OWN,
  "agent.state_directory": OWN,
  "agent.log": OWN,
  "agent.http": OWN,
  "agent.realtime": OWN,
  "agent.recorder": OWN,
  "agent.watch": OWN,
  "agent.namespace": "keepalived is started with its own: -s NAME",
  "vrrp.address_lease": "keepalived has no leases: its addresses stay after a crash",
  "ipvs.on_stop": "keepalived removes what it has made",
  "virtual_server.name": "keepalived's go by where they listen",
  "vrrp.vrf": "keepalived goes by the interface",
  "vrrp.garp.form": "the announcements of both are heard",
};

/** Keys that keepalived has nothing for, and what to do about it. */
const DROPPED: Readonly<Record<string, readonly [reason: string, instead?: string]>> = {
  "agent.delay_after_boot": ["keepalived 2.2 has no vrrp_delay_after_boot"],
  "vrrp.track.checks": ["keepalived's routers track no checks", "a vrrp_script that does the same"],
  "vrrp.track.virtual_servers": ["keepalived's routers track no virtual servers"],
  "vrrp.track.routes": ["keepalived's routers track no routes", "a vrrp_script that looks for it"],
  "vrrp.track.addresses": ["keepalived's routers track no addresses"],
  "vrrp.v2_compatibility": ["keepalived's routers speak one version", "version = 2"],
  "virtual_server.follow": [
    "keepalived programs a virtual server whoever is master",
    "the backup answers nothing while it does not hold the address",
  ],
  "virtual_server.announce": ["keepalived announces nothing"],
  "virtual_server.slow_start": ["a server has its whole weight at once"],
  "virtual_server.drain_timeout": ["keepalived drains nothing"],
  bfd_reflector: ["keepalived has no Seamless BFD"],
  bfd_unsolicited: ["keepalived has configured sessions alone"],
  track_route: ["keepalived tracks no routes"],
  track_address: ["keepalived tracks no addresses"],
  "bfd.echo": ["keepalived has no echo"],
  "bfd.auth": ["keepalived's BFD has no authentication", "leave `auth` out on both sides"],
};

/** Times that keepalived has in whole seconds. */
const WHOLE_SECONDS = new Set(
  words("vrrp.garp.delay vrrp.garp.refresh vrrp.garp.lower_priority_delay vrrp.preempt_delay")
    .concat(
      words("track_script.interval track_script.timeout"),
    ),
);
const LONGEST_PREEMPT_DELAY = 1_000_000_000;

/** What is lost of the time at `path`. */
function lostTime(path: string, value: unknown): Lost | undefined {
  const time = typeof value === "string" ? parseDuration(value) : undefined;
  if (time === undefined || !WHOLE_SECONDS.has(path)) return undefined;
  if (path === "vrrp.preempt_delay" && time > LONGEST_PREEMPT_DELAY) {
    return { verdict: "approximated", reason: "keepalived's is at most 1000 s" };
  }
  return time % 1_000_000 === 0 ? undefined : ROUNDED;
}

/** Whether the peer of an address is more than one address. */
function hasNetworkOfPeer(address: unknown): boolean {
  return isTable(address) && address["peer"] !== undefined &&
    !/\/(32|128)$|^[^/]*$/.test(String(address["address"]));
}

function isBareIpvlan({ virtual_mac: mac, source, addresses }: VrrpConfig): boolean {
  return mac !== false && mac.type === "ipvlan" && source === undefined &&
    addresses.some(({ address }) => familyOf(address) === "ipv4");
}

const BARE_IPVLAN: Lost = {
  verdict: "approximated",
  reason: "keepalived's router is in fault without an address of its ipvlan",
  instead: "a `source`",
};

function lostEncapsulation(encap: unknown): Lost | undefined {
  if (!isTable(encap)) return undefined;
  const { type, ttl, id, destination } = encap;
  if (type === "mpls") {
    return ttl === undefined
      ? undefined
      : { verdict: "approximated", reason: "keepalived's labels have no ttl" };
  }
  return id === undefined || destination === undefined
    ? { verdict: "dropped", reason: "keepalived has it with both `id` and `destination` alone" }
    : undefined;
}

const HMAC: Lost = {
  verdict: "dropped",
  reason: "keepalived has auth_hmac from 2.4.2 on",
  instead: "write auth_hmac by hand there, or leave `auth` out until both nodes run halb",
};

const ROUNDED: Lost = {
  verdict: "approximated",
  reason: "keepalived has whole seconds there: the next longer one is written",
};

/** What is lost of a key by its value, or by those of others. */
function lostValue(path: string, value: unknown, { vrrp }: Known): Lost | undefined {
  const dropped = (reason: string): Lost => ({ verdict: "dropped", reason });
  switch (path) {
    case "bfd.multihop":
      return value === true ? dropped("keepalived 2.2 has no multihop") : undefined;
    case "vrrp.auth":
      return isTable(value) && value["type"] === "hmac" ? HMAC : undefined;
    case "vrrp.routes.encap":
    case "vrrp.routes.nexthops.encap":
    case "static.routes.encap":
    case "static.routes.nexthops.encap":
      return lostEncapsulation(value);
    case "vrrp.addresses":
    case "vrrp.excluded_addresses":
    case "static.addresses":
      return [value].flat().some(hasNetworkOfPeer)
        ? { verdict: "approximated", reason: "keepalived's peers have no prefix length" }
        : undefined;
    case "vrrp.virtual_mac":
      return vrrp.some(isBareIpvlan) ? BARE_IPVLAN : undefined;
    case "vrrp.checksum":
      if (value === "ignore") return dropped("keepalived looks at checksums");
      return value === "rfc9568"
        ? {
          ...dropped("keepalived 2.2 sends RFC 5798's checksum"),
          instead: 'checksum = "auto" takes both',
        }
        : undefined;
    case "vrrp.garp.repeat":
      return value === 0
        ? { verdict: "approximated", reason: "keepalived announces once at least" }
        : undefined;
    case "sync_group.need":
      return value === "all"
        ? undefined
        : dropped("one member in fault takes all of keepalived's group");
    case "mail.tls":
      return value === "none"
        ? { verdict: "needless", reason: "keepalived sends mail so" }
        : undefined;
    case "ipvs.sync_daemon":
      return [value].flat().some((one) => isTable(one) && one["follow"] === undefined)
        ? dropped("keepalived's follows a router: those without `follow` are left out")
        : undefined;
    case "vrrp.garp.interval":
    case "vrrp.garp.neighbour_interval": {
      const key = path === "vrrp.garp.interval" ? "interval" : "neighbour_interval";
      return new Set(vrrp.map(({ garp }) => garp[key])).size > 1
        ? dropped("keepalived has one for all routers, and theirs differ")
        : undefined;
    }
    default:
      return lostTime(path, value);
  }
}

const UNVERIFIED: Lost = {
  verdict: "approximated",
  reason: "keepalived's SSL_GET looks at no certificate, and its other checks have no TLS",
};

/** Keys below those that are kept as a whole that are lost all the same; none: by their values. */
const LOST_WITHIN: Readonly<Record<string, ReadonlySet<string>>> = {
  "vrrp.track": new Set(words("checks virtual_servers routes addresses")),
  "vrrp.garp": new Set(words("form other_interfaces_refresh")),
  "vrrp.routes": new Set(),
  "vrrp.routes.nexthops": new Set(),
  "static.routes": new Set(),
  "static.routes.nexthops": new Set(),
  "sync_group.track": new Set(words("checks virtual_servers routes addresses")),
};

/** keepalived 2.2.7 sends itself SIGTERM on reading one for anybody else, or for another group. */
export function isRoots({ user }: Hook): boolean {
  return user.uid === 0 && user.gid === 0;
}

const OTHERS_HOOK: Lost = {
  verdict: "dropped",
  reason: "keepalived 2.2 ends at once where such a program is not root's",
  instead: 'user = "root", and runuser in the program',
};

/** Keys of plain words that may have anything in them. */
const PLAIN_WORDS = new Set([
  ...words("agent.name agent.notify.fifo mail.helo_name track_file.path track_process.command"),
  ...words("check.path check.host check.urls.path check.urls.host check.helo_name"),
]);

const UNWRITABLE: Lost = {
  verdict: "dropped",
  reason: "keepalived can be given no quote, line break, or backslash at the end of words there",
  instead: "another word",
};

/** Whether a plain word at `path` is none that keepalived can be given. */
function isUnwritable(path: string, value: unknown, { vrrp }: Known): boolean {
  // The values of secrets are not shown here.
  if (path === "vrrp.auth.password") {
    return vrrp.some(({ auth }) =>
      auth?.password !== undefined && !isWritable(new TextDecoder().decode(auth.password.reveal()))
    );
  }
  if (!PLAIN_WORDS.has(path.replace(/^virtual_server\.(real_server\.)?/, ""))) return false;
  return [value].flat().some((word) => typeof word === "string" && !isWritable(word));
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What is lost of a check by its type. */
function lostCheck(value: unknown): Lost | undefined {
  const type = isTable(value) ? value["type"] : undefined;
  if (isTable(value) && type === "script" && typeof value["timeout"] === "string") {
    if ((parseDuration(value["timeout"]) ?? 0) % 1_000_000 !== 0) return ROUNDED;
  }
  if (isTable(value) && type === "smtp" && value["tls"] !== undefined) return UNVERIFIED;
  const record = isTable(value) && type === "dns" ? String(value["record"] ?? "SOA") : "SOA";
  if (typeof type !== "string" || (CHECK_TYPES.has(type) && RECORDS.has(record))) return undefined;
  const what = type === "dns" ? `check of records of type ${record}` : `check of type ${type}`;
  const reason = `keepalived has no ${what}: servers go without it`;
  return { verdict: "dropped", reason, instead: "a MISC_CHECK of a program that asks" };
}

/**
 * What becomes of the key at `path` of `site` (without `defaults` and places in lists); undefined: it is
 * written, and `deeper` says whether keys within may still be lost.
 */
export function judgeKey(
  path: string,
  value: unknown,
  site: Known,
): Lost | "kept" | "deeper" {
  const needless = NEEDLESS[path];
  if (needless !== undefined) return { verdict: "needless", reason: needless };
  if (path === "agent.startup_script" || path === "agent.shutdown_script") {
    const hook =
      site.notifications[path === "agent.startup_script" ? "startup_script" : "shutdown_script"];
    if (hook !== undefined && !isRoots(hook)) return OTHERS_HOOK;
  }
  if (isUnwritable(path, value, site)) return UNWRITABLE;
  const less = lostValue(path, value, site);
  if (less !== undefined) return less;
  const dropped = DROPPED[path] ?? DROPPED[path.replace(".real_server", "")];
  if (dropped !== undefined) {
    const [reason, instead] = dropped;
    return { verdict: "dropped", reason, ...instead === undefined ? {} : { instead } };
  }
  if (/^(virtual_server(\.real_server)?\.)?check$/.test(path)) {
    const lost = [value].flat().map(lostCheck).find((one) => one !== undefined);
    return lost ?? "deeper";
  }
  const inCheck = /^(?:virtual_server(?:\.real_server)?\.)?check\.(\w+|urls\.\w+)$/.exec(path)?.[1]
    ?.replace("urls.", "");
  if (inCheck === "urls") return "deeper";
  if (inCheck !== undefined) {
    if (inCheck === "rise" && value !== 1) {
      return { verdict: "dropped", reason: "one success brings a server up in keepalived" };
    }
    if (inCheck === "version" && value === "2") {
      return { verdict: "approximated", reason: "keepalived asks with HTTP 1.1" };
    }
    if (inCheck === "method" && value !== "GET") {
      return { verdict: "dropped", reason: "keepalived asks with GET alone" };
    }
    // `verify = false` alone is what SSL_GET does.
    if (inCheck === "tls" && !(isTable(value) && value["verify"] === false)) return UNVERIFIED;
    if (CHECK_KEYS.has(inCheck)) return "kept";
    return { verdict: "dropped", reason: `keepalived's checks have nothing like \`${inCheck}\`` };
  }
  if (KEPT.has(path)) return isDeep(path) ? "deeper" : "kept";
  const at = path.lastIndexOf(".");
  const [parent, key] = [path.slice(0, at), path.slice(at + 1)];
  const within = LOST_WITHIN[parent];
  if (within === undefined ? KEPT_IN[parent]?.has(key) : !within.has(key)) {
    return path in LOST_WITHIN || path in KEPT_IN ? "deeper" : "kept";
  }
  return { verdict: "dropped", reason: "keepalived has nothing like it" };
}
