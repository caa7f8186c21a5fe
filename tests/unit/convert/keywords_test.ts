/**
 * No keyword of keepalived falls through: each that docs/keepalived.md has a row for is written
 * into a configuration and converted, and what becomes of it agrees with the row.
 */

import assert from "node:assert/strict";
import { KEEPALIVED_KEYWORDS } from "../docs/keepalived_keywords.ts";
import { conversion, instance, server } from "./fixtures.ts";

const PAGE = Deno.readTextFileSync(new URL("../../../docs/keepalived.md", import.meta.url));

/** Keys of each row of the page, by part and keyword. */
function pageKeys(): Map<string, string[]> {
  const keys = new Map<string, string[]>();
  let part = "";
  for (const line of PAGE.split("\n")) {
    if (line.startsWith("## ")) part = line.slice(3);
    const match = /^\| `([^`]+)` \| (-|`[^|]+`) \|/.exec(line);
    if (match === null) continue;
    const names = match[2] === "-" ? [] : match[2]!.split(", ").map((key) => key.slice(1, -1));
    keys.set(`${part}: ${match[1]}`, names);
  }
  return keys;
}

const OTHER = instance("");
const GROUP = "virtual_server_group g {\n192.0.2.20 80\n}\n" +
  "virtual_server group g {\nlvs_sched rr\nprotocol TCP\nreal_server 198.51.100.1 80 {\n}\n}";
/** Files that the sites refer to. */
const OTHERS = { "/etc/key.pem": "-----BEGIN PRIVATE KEY-----\n" };

/** What servers say for their checks. */
const TIMES = /^(connect_timeout|retry|delay_before_retry|warmup|delay_loop|virtualhost|alpha)/;

/** How a line of a part stands in a configuration. */
const WRAP: Readonly<Record<string, (line: string) => string>> = {
  "Top level": (line) => `${line}\n${OTHER}`,
  "Addresses": (line) => `static_ipaddress {\n${line}\n}\n${OTHER}`,
  "Routes": (line) => instance(`virtual_routes {\n${line}\n}`),
  "Rules": (line) => instance(`virtual_rules {\n${line}\n}`),
  "vrrp_script": (line) => `vrrp_script s {\nscript "/bin/true"\n${line}\n}\n${OTHER}`,
  "vrrp_track_process": (line) => `vrrp_track_process p {\nprocess nginx\n${line}\n}\n${OTHER}`,
  "track_file": (line) => `track_file f {\nfile /run/f\n${line}\n}\n${OTHER}`,
  "vrrp_sync_group": (line) =>
    `vrrp_script t {\nscript /bin/true\n}\ntrack_file t {\nfile /run/t\n}\n` +
    `vrrp_track_process t {\nprocess t\n}\nbfd_instance t {\nneighbor_ip 192.0.2.9\n}\n` +
    `vrrp_sync_group G {\ngroup {\nVI_1\n}\n${line}\n}\n${OTHER}`,
  "vrrp_instance: trackers": (line) =>
    instance(
      line,
      `vrrp_script t {\nscript /bin/true\n}\ntrack_file t {\nfile /run/t\n}\n` +
        `vrrp_track_process t {\nprocess t\n}\nbfd_instance t {\nneighbor_ip 192.0.2.9\n}\n`,
    ),
  "garp_group": (line) => `garp_group {\ninterface eth5\n${line}\n}\n${OTHER}`,
  "bfd_instance": (line) => `bfd_instance b {\nneighbor_ip 192.0.2.9\n${line}\n}\n${OTHER}`,
  "virtual_server_group": (line) => `${line}\n${OTHER}`,
  "virtual_server": (line) =>
    line.startsWith("ip_family")
      ? server(line).replace("192.0.2.10 80", "fwmark 7").replace("198.51.100.11", "2001:db8::1")
      : server(line, TIMES.test(line) ? "HTTP_GET {\n}" : ""),
  "real_server": (line) => server("", TIMES.test(line) ? `${line}\nHTTP_GET {\n}` : line),
  "Checkers": (line) => server("", line),
  "Checkers: common options": (line) => server("", `TCP_CHECK {\n${line}\n}`),
  "HTTP_GET and SSL_GET": (line) => server("", `SSL_GET {\n${line}\n}`),
  "SSL": (line) => `SSL {\n${line}\n}\n${server("", "SSL_GET {\nurl {\npath /\n}\n}")}`,
  "SMTP_CHECK": (line) => server("", `SMTP_CHECK {\n${line}\n}`),
  "DNS_CHECK": (line) => server("", `DNS_CHECK {\n${line}\n}`),
  "MISC_CHECK": (line) => server("", `MISC_CHECK {\n${line}\n}`),
  "BFD_CHECK": (line) =>
    `bfd_instance b {\nneighbor_ip 192.0.2.9\n}\n${server("", `BFD_CHECK {\n${line}\n}`)}`,
  "UDP_CHECK": (line) => server("", `UDP_CHECK {\n${line}\n}`),
  "FILE_CHECK": (line) =>
    `track_file f {\nfile /run/f\n}\n${server("", `FILE_CHECK {\n${line}\n}`)}`,
};

/** Values of keywords, where it takes one: by part and keyword, or by keyword alone. */
const VALUES: Readonly<Record<string, string>> = {
  "Top level: net_namespace": "net_namespace blue",
  "Top level: net_namespace_ipvs": "net_namespace_ipvs blue",
  "Top level: instance": "instance one",
  "Top level: child_wait_time": "child_wait_time 5",
  "Top level: interface_up_down_delays": "interface_up_down_delays {\neth7 1.5 2\n}",
  "Top level: static_ipaddress": "static_ipaddress {\n192.0.2.77/24 dev eth1\n}",
  "Top level: static_routes": "static_routes {\n203.0.113.0/24 via 192.0.2.1\n}",
  "Top level: static_rules": "static_rules {\nfrom 192.0.2.0/24 table 7 priority 70\n}",
  "Top level: track_group": "track_group g {\ngroup {\nVI_1\n}\n}",
  "Top level: garp_group": "garp_group {\ninterface eth3\ngarp_interval 0.001\n}",
  "Top level: linkbeat_interfaces": "linkbeat_interfaces {\neth0 MII\n}",
  "Addresses: brd": "192.0.2.88/24 brd +",
  "Addresses: scope": "192.0.2.88/24 scope link",
  "Addresses: peer": "192.0.2.88 peer 198.51.100.1",
  "Addresses: preferred_lft": "2001:db8::88 preferred_lft forever",
  "Addresses: track_group": "192.0.2.88/24 track_group g",
  "Addresses: dev": "192.0.2.88/24 dev eth4",
  "Addresses: label": "192.0.2.88/24 dev eth4 label eth4:x",
  "Routes: blackhole": "blackhole 203.0.113.0/24",
  "Routes: unreachable": "unreachable 203.0.113.0/24",
  "Routes: prohibit": "prohibit 203.0.113.0/24",
  "Routes: throw": "throw 203.0.113.0/24",
  "Routes: to": "to 203.0.113.0/24 via 192.0.2.1",
  "Routes: or": "203.0.113.0/24 via 192.0.2.1 or 192.0.2.2",
  "Routes: nexthop": "203.0.113.0/24 nexthop via 192.0.2.1 weight 2 nexthop via 192.0.2.2",
  "Routes: weight": "203.0.113.0/24 nexthop via 192.0.2.1 weight 2 nexthop via 192.0.2.2",
  "Routes: lock": "203.0.113.0/24 via 192.0.2.1 mtu lock 1400",
  "Routes: encap": "203.0.113.0/24 via 192.0.2.1 dev eth0 encap mpls 100",
  "Routes: as": "203.0.113.0/24 via 192.0.2.1 as to 192.0.2.7",
  "Routes: onlink": "203.0.113.0/24 via 192.0.2.1 dev eth0 onlink",
  "Routes: src": "src 192.0.2.10 203.0.113.0/24 via 192.0.2.1",
  "Routes: dev": "203.0.113.0/24 dev eth0",
  "Routes: pref": "2001:db8:1::/48 dev eth0 pref high",
  "Routes: scope": "203.0.113.0/24 dev eth0 scope link",
  "Routes: vrf": "203.0.113.0/24 dev eth0 vrf blue",
  "Routes: cwnd": "203.0.113.0/24 via 192.0.2.1 cwnd lock 10",
  "Rules: not": "not from 192.0.2.0/24 table 7 priority 70",
  "Rules: goto": "from 192.0.2.0/24 goto 2000 priority 70",
  "Rules: nop": "from 192.0.2.0/24 nop priority 70",
  "Rules: l3mdev": "l3mdev priority 70",
  "Rules: blackhole": "from 192.0.2.0/24 blackhole priority 70",
  "Rules: prohibit": "from 192.0.2.0/24 prohibit priority 70",
  "Rules: unreachable": "from 192.0.2.0/24 unreachable priority 70",
  "Rules: table": "from 192.0.2.0/24 table 7 priority 70",
  "Rules: lookup": "from 192.0.2.0/24 lookup 7 priority 70",
  "Rules: preference": "from 192.0.2.0/24 table 7 preference 70",
  "Rules: priority": "from 192.0.2.0/24 table 7 priority 70",
  "Rules: from": "from 192.0.2.0/24 table 7 priority 70",
  "Rules: to": "to 192.0.2.0/24 table 7 priority 70",
  "Rules: fwmark": "fwmark 24/12 table 7 priority 70",
  notification_email: "notification_email {\nnoc@example.net\n}",
  vrrp_script: "vrrp_script x {\nscript /bin/true\n}",
  vrrp_track_process: "vrrp_track_process x {\nprocess nginx\n}",
  "track_file: track_file": "track_file x {\nfile /run/x\n}",
  vrrp_track_file: "vrrp_track_file x {\nfile /run/x\n}",
  vrrp_sync_group: "vrrp_sync_group X {\ngroup {\nVI_1\n}\n}",
  "vrrp_sync_group: group": "group {\nVI_1\n}",
  "vrrp_instance: virtual MAC: group": "use_vmac vrrp.51 group 7",
  netlink_notify_msg: "use_vmac vrrp.51 netlink_notify_msg",
  vrrp_instance: "vrrp_instance X {\ninterface eth1\nvirtual_router_id 7\nvirtual_ipaddress {\n" +
    "192.0.2.77\n}\n}",
  virtual_ipaddress: "virtual_ipaddress {\n192.0.2.77\n}",
  virtual_ipaddress_excluded: "virtual_ipaddress_excluded {\n192.0.2.77\n}",
  virtual_routes: "virtual_routes {\n203.0.113.0/24 via 192.0.2.1\n}",
  virtual_rules: "virtual_rules {\nfrom 192.0.2.0/24 table 7 priority 70\n}",
  unicast_peer: "unicast_peer {\n192.0.2.2\n}",
  min_ttl: "unicast_peer {\n192.0.2.2 min_ttl 254\n}",
  max_ttl: "unicast_peer {\n192.0.2.2 max_ttl 254\n}",
  unicast_ttl: "unicast_peer {\n192.0.2.2\n}\nunicast_ttl 64",
  check_unicast_src: "unicast_peer {\n192.0.2.2\n}\ncheck_unicast_src",
  unicast_src_ip: "unicast_peer {\n192.0.2.2\n}\nunicast_src_ip 192.0.2.1",
  track_interface: "track_interface {\neth9\n}",
  track_script: "track_script {\nt\n}",
  track_process: "track_process {\nt\n}",
  "vrrp_sync_group: track_file": "track_file {\nt weight 0\n}",
  "vrrp_instance: trackers: track_file": "track_file {\nt\n}",
  track_bfd: "track_bfd {\nt\n}",
  "vrrp_instance: trackers: weight": "track_interface {\neth9 weight 5\n}",
  "vrrp_instance: trackers: reverse": "track_interface {\neth9 weight 5 reverse\n}",
  "vrrp_instance: trackers: noreverse": "track_script {\nt weight 5 noreverse\n}",
  authentication: "authentication {\nauth_type PASS\nauth_pass 1234\n}",
  auth_type: "authentication {\nauth_type AH\nauth_pass 1234\n}",
  auth_pass: "authentication {\nauth_type PASS\nauth_pass 1234\n}",
  interfaces: "interfaces {\neth5\neth6\n}",
  "bfd_instance: bfd_instance": "multiplier 3",
  max_hops: "multihop\nmax_hops 3",
  reverse: "weight -5 reverse",
  virtual_server_group: GROUP,
  "virtual_server_group: fwmark": "virtual_server_group g {\nfwmark 7\n}\n" +
    "virtual_server group g {\nlvs_sched rr\nreal_server 198.51.100.1 80 {\n}\n}",
  virtual_server: "quorum 1",
  "virtual_server: type": "lvs_method TUN type gue port 6080",
  "virtual_server: port": "lvs_method TUN type gue port 6080",
  nocsum: "lvs_method TUN type gue port 6080 nocsum",
  csum: "lvs_method TUN type gue port 6080 csum",
  remcsum: "lvs_method TUN type gue port 6080 remcsum",
  "flag-1": "lvs_sched sh\nflag-1",
  "flag-2": "lvs_sched sh\nflag-2",
  "flag-3": "lvs_sched sh\nflag-3",
  "sh-port": "lvs_sched sh\nsh-port",
  "sh-fallback": "lvs_sched sh\nsh-fallback",
  "mh-port": "lvs_sched mh\nmh-port",
  "mh-fallback": "lvs_sched mh\nmh-fallback",
  ops: "protocol UDP\nops",
  persistence_engine: "protocol UDP\npersistence_timeout 50\npersistence_engine sip",
  persistence_granularity: "persistence_timeout 50\npersistence_granularity 255.255.255.0",
  hysteresis: "quorum 4\nhysteresis 2\nreal_server 198.51.100.12 80 {\nweight 9\n}",
  sorry_server: "sorry_server 198.51.100.99 80",
  sorry_server_inhibit: "sorry_server 198.51.100.99 80\nsorry_server_inhibit",
  sorry_server_lvs_method: "sorry_server 198.51.100.99\nsorry_server_lvs_method DR",
  omega: "omega\nquorum_down /bin/true",
  real_server: "weight 2",
  uthreshold: "uthreshold 100",
  lthreshold: "uthreshold 100\nlthreshold 80",
  HTTP_GET: "HTTP_GET {\nurl {\npath /\n}\n}",
  SSL_GET: "SSL_GET {\nurl {\npath /\n}\n}",
  SSL: "SSL_GET {\nurl {\npath /\n}\n}",
  TCP_CHECK: "TCP_CHECK {\n}",
  SMTP_CHECK: "SMTP_CHECK {\n}",
  DNS_CHECK: "DNS_CHECK {\n}",
  MISC_CHECK: "MISC_CHECK {\nmisc_path /bin/true\n}",
  BFD_CHECK: "TCP_CHECK {\n}\nBFD_CHECK {\nname b\n}",
  UDP_CHECK: "UDP_CHECK {\n}",
  PING_CHECK: "PING_CHECK {\n}",
  FILE_CHECK: "FILE_CHECK {\ntrack_file f\n}",
  url: "url {\npath /x\n}\nurl {\npath /y\n}",
  path: "url {\npath /x\n}",
  digest: "url {\npath /x\ndigest 9b3a0c85a887a256d6939da88aabd8cd\n}",
  status_code: "url {\npath /x\nstatus_code 200-299 404\n}",
  regex: "url {\npath /x\nregex ^ok\n}",
  regex_no_match: "url {\npath /x\nregex ^ok\nregex_no_match\n}",
  regex_options: "url {\npath /x\nregex ^ok\nregex_options caseless\n}",
  regex_stack: "url {\npath /x\nregex_stack 100 200\n}",
  regex_min_offset: "url {\npath /x\nregex_min_offset 100\n}",
  regex_max_offset: "url {\npath /x\nregex_max_offset 100\n}",
  tls_compliant: "url {\npath /x\n}\ntls_compliant",
  "MISC_CHECK: misc_path": "misc_path /bin/true",
  "SMTP_CHECK: host": "host {\nconnect_ip 192.0.2.3\n}",
  "BFD_CHECK: name": "name b",
  "BFD_CHECK: alpha": "name b\nalpha",
  "FILE_CHECK: track_file": "track_file f",
  "FILE_CHECK: weight": "track_file f\nweight 2",
  "FILE_CHECK: reverse": "track_file f\nweight 2 reverse",
  "FILE_CHECK: dynamic": "track_file f\ndynamic",
  "DNS_CHECK: type": "type A",
  "DNS_CHECK: name": "name example.net",
  require_reply: "require_reply 1c",
  min_reply_length: "require_reply\nmin_reply_length 4",
  max_reply_length: "require_reply\nmax_reply_length 400",
  payload: "payload 1b00",
  misc_timeout: "misc_path /bin/true\nmisc_timeout 3",
  misc_dynamic: "misc_path /bin/true\nmisc_dynamic",
  "MISC_CHECK: user": "misc_path /bin/true\nuser nobody",
  lvs_timeouts: "lvs_timeouts tcp 900 tcpfin 120 udp 300",
  lvs_sync_daemon: "lvs_sync_daemon eth1 VI_1 id 7",
  key: "auth_hmac {\nkey 1 0123456789abcdef0123456789abcdef\nactive_key 1\n}",
  "SSL: key": "certificate /etc/c.pem\nkey /etc/key.pem",
  "SSL: certificate": "certificate /etc/c.pem\nkey /etc/key.pem",
  "SSL: ca": "ca /etc/ca.pem",
  "SSL: password": "password sesame",
  vrrp_min_garp: "vrrp_min_garp",
  virtual_router_id: "virtual_router_id 5",
  "virtual_server: quorum": "quorum 5\nreal_server 198.51.100.12 80 {\nweight 9\n}",
  vrrp_check_unicast_src:
    "vrrp_check_unicast_src\n}\nvrrp_instance VI_2 {\ninterface eth1\nvirtual_router_id 52\n" +
    "unicast_peer {\n192.0.2.2\n}\nvirtual_ipaddress {\n192.0.2.52\n}\n}\nglobal_defs {",
  owner_ignore_adverts: "owner_ignore_adverts",
  vrrp_notify_priority_changes: "vrrp_notify_priority_changes on",
  vrrp_owner_ignore_adverts: "vrrp_owner_ignore_adverts",
  "virtual_server: snmp_name": "snmp_name web",
  "vrrp_instance: addressing and transport: vrf": "vrf blue",
  "vrrp_instance: notifications: notify_priority_changes": "notify_priority_changes on",
  "virtual_server: ip_family": "ip_family inet6",
  v3_checksum_as_v2: "v3_checksum_as_v2\nvrrp_version 3",
  "vrrp_instance: addressing and transport: v3_checksum_as_v2": "v3_checksum_as_v2\nversion 3",
  nftables_ipvs: `nftables_ipvs\n}\n${GROUP}\nglobal_defs {`,
  "bfd_instance: source_ip": "source_ip 192.0.2.1",
  smtp_server: "smtp_server 192.0.2.25 25\nnotification_email {\nnoc@example.net\n}",
  smtp_helo_name: "smtp_helo_name a.example.net\nnotification_email {\nnoc@example.net\n}",
  smtp_connect_timeout: "smtp_connect_timeout 5\nnotification_email {\nnoc@example.net\n}",
  no_email_faults: "no_email_faults\nnotification_email {\nnoc@example.net\n}",
  notification_email_from:
    "notification_email_from a@example.net\nnotification_email {\nnoc@example.net\n}",
  startup_script_timeout: "startup_script /bin/true\nstartup_script_timeout 5",
  shutdown_script_timeout: "shutdown_script /bin/true\nshutdown_script_timeout 5",
  notify_fifo_script: "notify_fifo /run/x\nnotify_fifo_script /bin/true",
  vrrp_notify_fifo_script: "vrrp_notify_fifo /run/x\nvrrp_notify_fifo_script /bin/true",
  lvs_notify_fifo_script: "lvs_notify_fifo /run/x\nlvs_notify_fifo_script /bin/true",
  snmp_socket: "enable_snmp_vrrp\nsnmp_socket unix:/run/agentx",
  enable_traps: "enable_snmp_vrrp\nenable_traps",
};

const HMAC = (line: string) =>
  `auth_hmac {\nkey 1 0123456789abcdef0123456789abcdef\nactive_key 1\n${line}\n}`;
for (const [word, value] of [["anti_replay", "time"], ["time_window", "9"], ["mode", "enforce"]]) {
  (VALUES as Record<string, string>)[word!] = HMAC(`${word} ${value}`);
}
(VALUES as Record<string, string>)["Rules: no_track"] =
  "from 192.0.2.0/24 table 7 priority 70 no_track";
for (const word of ["auth_hmac", "active_key"]) (VALUES as Record<string, string>)[word] = HMAC("");

/** A value that fits what the name says. */
function guess(part: string, keyword: string): string {
  if (part === "Addresses") return `192.0.2.88/24 ${keyword}`;
  if (part === "Routes") {
    const table: Record<string, string> = { tos: "16", dsfield: "16", protocol: "bird", gw: "" };
    if (keyword === "via" || keyword === "gw") return `203.0.113.0/24 ${keyword} 192.0.2.1`;
    if (/^(no_track|inet6?|append|prepend)$/.test(keyword)) {
      return `203.0.113.0/24 via 192.0.2.1 ${keyword}`;
    }
    const value = keyword === "features"
      ? "ecn"
      : keyword === "congctl"
      ? "cubic"
      : keyword === "realms"
      ? "1/2"
      : table[keyword] ?? "100";
    return `203.0.113.0/24 via 192.0.2.1 ${keyword} ${value}`;
  }
  if (part === "Rules") {
    const values: Record<string, string> = {
      iif: "eth1",
      oif: "eth1",
      realms: "1/2",
      uidrange: "1000-1999",
      ipproto: "tcp",
      sport: "10-20",
      dport: "443",
      no_track: "",
      track_group: "g",
      protocol: "12",
    };
    return `from 192.0.2.0/24 table 7 priority 70 ${keyword} ${values[keyword] ?? "3"}`;
  }
  if (/email_from$/.test(keyword)) return `${keyword} halb@example.net`;
  if (/mcast_group6/.test(keyword)) return `${keyword} ff02::99`;
  if (/mcast_group4|mcast_dst_ip/.test(keyword)) return `${keyword} 224.0.0.99`;
  if (/smtp_server/.test(keyword)) return `${keyword} 192.0.2.25 25`;
  if (/(script|notify\w*|quorum_(up|down)|path|misc_path)$/.test(keyword)) {
    return /_script_timeout|priority_changes/.test(keyword)
      ? `${keyword} 5`
      : `${keyword} /bin/true`;
  }
  if (keyword === "notify_priority_changes" || keyword === "inhibit_on_failure") return keyword;
  if (/(src_ip|neighbou?r_ip|source_ip|connect_ip|bindto)$/.test(keyword)) {
    return `${keyword} 192.0.2.9`;
  }
  if (/fifo$/.test(keyword)) return `${keyword} /run/fifo`;
  if (/^(interface|default_interface|vrf|bind_if|lvs_sync_daemon_interface)$/.test(keyword)) {
    return `${keyword} eth0`;
  }
  if (/(_user|^user)$/.test(keyword)) return `${keyword} nobody`;
  if (/(virtualhost|sni_name|helo_name|smtp_helo_name|router_id)$/.test(keyword)) {
    return `${keyword} www.example.net`;
  }
  if (/version$/.test(keyword)) return `${keyword} 3`;
  if (keyword === "http_protocol") return `${keyword} 1.1`;
  if (keyword === "param_match") return `${keyword} initial`;
  if (/^(lvs_sched|lb_algo)$/.test(keyword)) return `${keyword} wlc`;
  if (/^(lvs_method|lb_kind)$/.test(keyword)) return `${keyword} DR`;
  if (keyword === "protocol") return `${keyword} UDP`;
  if (keyword === "ip_family") return `${keyword} inet`;
  if (keyword === "state") return `${keyword} BACKUP`;
  if (keyword === "file") return `${keyword} /run/f`;
  if (keyword === "process") return `${keyword} nginx`;
  if (
    /delay|timeout|interval|repeat|refresh|adverts$|priority|advert_int|retry|weight|quorum|rise/
      .test(keyword) ||
    /fall|port|threshold|warmup|loop|fwmark|min_|max_|ttl|multiplier|idle/
      .test(keyword) ||
    /virtual_router_id|garp_extra_if|garp_intvl|affinity|hoplimit/.test(keyword)
  ) return `${keyword} 5`;
  return keyword;
}

function wrap(part: string, line: string): string {
  // Whole blocks stand by themselves.
  if (
    /^(vrrp_script|vrrp_track_process|track_file|vrrp_track_file|vrrp_sync_group) \w+ \{/.test(line)
  ) {
    return `${line}\n${OTHER}`;
  }
  const own = WRAP[part];
  if (own !== undefined) return own(line);
  if (part.startsWith("global_defs")) return `global_defs {\n${line}\n}\n${OTHER}`;
  if (part.startsWith("vrrp_instance")) {
    return line.startsWith("vrrp_instance X") ? line : instance(line);
  }
  throw new Error(`There is no place for ${part}`);
}

/** Rows whose keys are said in another way than by the key's last part. */
const SAID_OTHERWISE: Readonly<Record<string, string>> = {
  "Routes: via": "via",
  "Rules: nop": "nop",
};

/** Rows without keys whose words are read all the same, or say what is so. */
const keys = pageKeys();

for (const [part, words] of KEEPALIVED_KEYWORDS) {
  Deno.test(`${part}: every keyword is translated or listed`, () => {
    for (const word of words) {
      const id = `${part}: ${word}`;
      const line = VALUES[id] ?? VALUES[word] ?? guess(part, word);
      const result = conversion(wrap(part, line), { others: OTHERS });
      const text = wrap(part, line).split("\n").map((own) => own.trim());
      const lines = new Set(line.split("\n").map((own) => text.indexOf(own) + 1));
      const notes = result.notes.filter((note) => lines.has(note.line));
      assert.ok(notes.length > 0, `${id} falls through:\n${line}`);
      const unread = result.notes.filter(({ verdict }) => verdict === "unread");
      assert.deepEqual(unread, [], `${id}:\n${line}`);
      for (const note of result.notes) {
        assert.ok(
          note.verdict === "translated" || note.reason !== undefined,
          `${id} says no reason`,
        );
      }
      result.site();
      const wanted = keys.get(id);
      assert.ok(wanted !== undefined, `${id} has a row`);
      const verdicts = notes.map(({ verdict }) => verdict);
      if (wanted.length === 0) {
        const listed = verdicts.some((verdict) => verdict !== "translated");
        assert.ok(listed, `${id} has no key, and is not listed: ${JSON.stringify(notes)}`);
        continue;
      }
      const named = SAID_OTHERWISE[id] ?? "";
      const says = wanted.some((key) => {
        const last = key.split(".").at(-1)!;
        return new RegExp(`(^|[\\s{.\\[])${last}\\b`, "m").test(result.text);
      });
      const listed = verdicts.some((verdict) => verdict !== "translated");
      assert.ok(
        says || listed || named !== "" && result.text.includes(named),
        `${id} should be ${wanted.join(", ")}:\n${line}\n${result.text}`,
      );
    }
  });
}
