/**
 * Configurations of virtual routers as they are found in the wild: each converts to a valid site
 * that says what it said.
 */

import assert from "node:assert/strict";
import { conversion, instance } from "./fixtures.ts";

/** Asserts that the site has all of `parts` and none of `absent`. */
function has(text: string, parts: readonly string[], absent: readonly string[] = []): void {
  for (const part of parts) assert.ok(text.includes(part), `${part}\n---\n${text}`);
  for (const part of absent) assert.ok(!text.includes(part), `not ${part}\n---\n${text}`);
}

/** Converts an instance with `more`; the site must be valid. */
function router(more: string, head = "") {
  const result = conversion(instance(more, head));
  return { ...result, vrrp: result.site().vrrp[0]! };
}

Deno.test("an office gateway: the least that one writes", () => {
  const result = conversion(`vrrp_instance VI_1 {
  interface eth0
  virtual_router_id 51
  virtual_ipaddress { 192.0.2.1 }
}`);
  const [vrrp] = result.site().vrrp;
  assert.deepEqual([vrrp?.version, vrrp?.priority, vrrp?.advertisement_interval], [
    2,
    100,
    1_000_000,
  ]);
  assert.deepEqual([vrrp?.garp.refresh, vrrp?.advertise_before_yielding], [0, false]);
});

Deno.test("a password in version 2 is kept and cut, in version 3 keepalived ignores it", () => {
  const auth = "authentication {\nauth_type PASS\nauth_pass 123456789012\n}";
  const two = router(auth);
  has(two.text, ['auth = { type = "pass", password = "12345678" }']);
  assert.deepEqual(two.verdicts("auth_pass"), ["approximated"]);
  const three = router(`${auth}\nversion 3`);
  has(three.text, ['checksum = "rfc5798"'], ["password"]);
  assert.deepEqual(three.verdicts("authentication"), ["dropped"]);
});

Deno.test("AH, and a password of which nobody has said the type", () => {
  has(router("authentication {\nauth_type AH\nauth_pass k3y\n}").text, ['type = "ah"']);
  has(router("authentication {\nauth_pass k3y\n}").text, ['type = "pass"']);
  has(router("authentication {\nauth_type PASS\n}").text, [], ["auth ="]);
});

Deno.test("HMAC: keys as text, in hexadecimal and in a file; without an active one it is off", () => {
  const keys = "key 1 hex:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n" +
    "key 2 file:/etc/halb/vrrp.key\n";
  const result = conversion(
    instance(`version 3\nauth_hmac {\n${keys}active_key 2\nmode permissive\ntime_window 9\n}`),
    { others: { "/etc/halb/vrrp.key": "0123456789abcdef0123456789abcdef" } },
  );
  has(result.text, ['{ file = "/etc/halb/vrrp.key" }', "active_key = 2", 'mode = "permissive"']);
  assert.equal(result.site().vrrp[0]?.auth?.type, "hmac");
  const off = router(`version 3\nauth_hmac {\n${keys}active_key 3\n}`);
  assert.deepEqual(off.verdicts("auth_hmac"), ["dropped"]);
});

Deno.test("a key of which the id was forgotten is in no note", () => {
  const secret = "an-old-secret-of-more-than-32-bytes";
  const auth = `auth_hmac {\nkey ${secret}\nkey 1 ${secret.toUpperCase()}\nactive_key 1\n}`;
  const result = router(auth);
  assert.deepEqual(result.verdicts("key"), ["unread", "translated"]);
  assert.ok(!JSON.stringify(result.notes).includes(secret));
});

Deno.test("state MASTER without a priority is the owner of the addresses", () => {
  const result = conversion(`vrrp_instance V {
  state MASTER
  interface eth0
  virtual_router_id 7
  nopreempt
  virtual_ipaddress { 192.0.2.1/24 }
}`);
  assert.equal(result.site().vrrp[0]?.priority, 255);
  assert.deepEqual(result.verdicts("vrrp_instance"), ["approximated"]);
  assert.deepEqual(result.verdicts("nopreempt"), ["approximated"]);
});

Deno.test("nopreempt and preempt_delay hold for a BACKUP, not beside state MASTER", () => {
  assert.equal(router("state BACKUP\nnopreempt").vrrp.preempt, false);
  assert.equal(router("state BACKUP\npreempt_delay 30").vrrp.preempt_delay, 30_000_000);
  const master = router("state MASTER\nnopreempt\npreempt_delay 30");
  assert.deepEqual([master.vrrp.preempt, master.vrrp.preempt_delay], [true, 0]);
  assert.deepEqual(master.verdicts("preempt_delay"), ["approximated"]);
  const both = router("nopreempt\npreempt_delay 30");
  assert.deepEqual([both.vrrp.preempt, both.vrrp.preempt_delay], [false, 0]);
});

Deno.test("intervals: what a version cannot state is rounded, and told", () => {
  assert.equal(router("version 3\nadvert_int 0.2").vrrp.advertisement_interval, 200_000);
  const two = router("advert_int 0.5");
  assert.equal(two.vrrp.advertisement_interval, 1_000_000);
  assert.deepEqual(two.verdicts("advert_int"), ["approximated"]);
  assert.equal(router("version 3\nadvert_int 99").vrrp.advertisement_interval, 40_950_000);
});

Deno.test("an IPv6 gateway is of version 3 and its addresses may be sources", () => {
  const result = conversion(`vrrp_instance six {
  interface eth0
  version 2
  virtual_router_id 6
  virtual_ipaddress {
    fe80::1/64
    2001:db8::1/64
    2001:db8::2
  }
  virtual_ipaddress_excluded {
    192.0.2.6/24
  }
}`);
  const [vrrp] = result.site().vrrp;
  assert.equal(vrrp?.version, 3);
  assert.deepEqual(vrrp?.addresses.map(({ preferred }) => preferred ?? false), [true, true, false]);
  assert.equal(vrrp?.excluded_addresses.length, 1);
  assert.deepEqual(result.verdicts("version"), ["approximated"]);
});

Deno.test("addresses of two families in one block: keepalived takes those of the first", () => {
  const result = router("virtual_ipaddress {\n2001:db8::5/64\n}");
  assert.equal(result.vrrp.addresses.length, 1);
  assert.deepEqual(result.verdicts("2001:db8::5/64"), ["dropped"]);
});

Deno.test("labels, devices, broadcasts, scopes and peers of addresses", () => {
  const result = router(`virtual_ipaddress {
  198.51.100.5/24 dev eth1 label eth1:web brd + scope link
  198.51.100.6 peer 198.51.100.7 no_track -nodad
  198.51.100.7/28 brd - dev eth0
  }`);
  has(result.text, [
    'interface = "eth1", label = "eth1:web", broadcast = "198.51.100.255", scope = "link"',
    'peer = "198.51.100.7"',
    'broadcast = "198.51.100.0"',
  ], ['interface = "eth0", broadcast']);
  assert.deepEqual(result.verdicts("no_track"), ["needless"]);
  // With a scope of its own the kernel may refuse keepalived's address, and takes halb's.
  assert.deepEqual(result.verdicts("198.51.100.5/24"), ["approximated"]);
  assert.deepEqual(result.verdicts("198.51.100.7/28"), ["translated"]);
});

Deno.test("one announcement is the least, in keepalived as well", () => {
  const result = router("garp_master_repeat 0");
  assert.equal(result.vrrp.garp.repeat, 1);
  assert.deepEqual(result.verdicts("garp_master_repeat"), ["approximated"]);
});

Deno.test("an address that is there twice is held once", () => {
  const result = router("virtual_ipaddress {\n192.0.2.10/24 label eth0:1\n}");
  assert.equal(result.vrrp.addresses.length, 1);
  assert.deepEqual(result.verdicts("192.0.2.10/24"), ["translated", "approximated"]);
});

Deno.test("without addresses there is no router; an excluded one helps", () => {
  const of = (more: string) =>
    conversion(
      `vrrp_instance V {\ninterface eth0\nvirtual_router_id 7\n${more}\n}\n` + instance(""),
    );
  const none = of("no_virtual_ipaddress");
  assert.deepEqual(none.site().vrrp.map(({ name }) => name), ["VI_1"]);
  assert.ok(none.about("vrrp_instance").some(({ verdict }) => verdict === "dropped"));
  const one = of("virtual_ipaddress_excluded {\n192.0.2.99\n}");
  assert.equal(one.site().vrrp.length, 2);
});

Deno.test("unicast in a cloud: peers, source, TTL; keepalived does not look at sources", () => {
  const result = router(`unicast_src_ip 192.0.2.1
  unicast_peer {
    192.0.2.2
    192.0.2.3 min_ttl 254 max_ttl 255
  }
  unicast_ttl 255`);
  has(result.text, ['source = "192.0.2.1"', '{ address = "192.0.2.3", min_ttl = 254']);
  assert.equal(result.vrrp.unicast?.check_source, true, "TTLs look at the source");
  const plain = router("unicast_peer {\n192.0.2.2\n}");
  assert.equal(plain.vrrp.unicast?.check_source, false);
  const alone = router("unicast_src_ip 192.0.2.1");
  assert.equal(alone.vrrp.unicast, undefined);
});

Deno.test("a virtual MAC by name, with an address of five bytes, on the base", () => {
  const result = router("use_vmac vrrp.web 00:00:5e:00:77\nvmac_xmit_base");
  has(result.text, ['mac = "00:00:5e:00:77:33"', "transmit_on_base = true", '"vrrp.web"']);
  assert.notEqual(result.vrrp.virtual_mac, false);
  has(router("use_vmac").text, ["virtual_mac = true"]);
  has(router("use_ipvlan ipv.1 192.0.2.77 bridge").text, ['type = "ipvlan"', '"ipv.1"'], [
    "192.0.2.77",
  ]);
});

Deno.test("strict is kept where it can be, and left out where something excludes it", () => {
  const strict = "global_defs {\nvrrp_strict\nvrrp_version 3\n}\n";
  const plain = router("", strict);
  assert.deepEqual([plain.vrrp.strict, plain.vrrp.accept], [true, false]);
  const unicast = router("unicast_peer {\n192.0.2.2\n}", strict);
  assert.deepEqual([unicast.vrrp.strict, unicast.vrrp.accept], [false, false]);
  assert.deepEqual(unicast.verdicts("vrrp_instance"), ["approximated"]);
  assert.equal(router("strict_mode off", strict).vrrp.strict, false);
});

Deno.test("no_accept, three adverts less, answers and last words", () => {
  const result = router(
    "no_accept\ndown_timer_adverts 2\nlower_prio_no_advert on\nhigher_prio_send_advert",
  );
  assert.deepEqual([
    result.vrrp.accept,
    result.vrrp.down_timer_adverts,
    result.vrrp.answer_lower_priority,
    result.vrrp.advertise_before_yielding,
  ], [false, 2, false, true]);
});

Deno.test("announcements: of all, of one, of an interface group", () => {
  const result = router(
    "garp_master_delay 0\ngarp_master_repeat 2\ngarp_extra_if all 100",
    `global_defs {
  vrrp_garp_master_refresh 60
  vrrp_garp_master_refresh_repeat 2
  vrrp_garp_interval 0.001
  vrrp_gna_interval 0.000001
}
garp_group {
  interfaces { eth0 eth1 }
  garp_interval 0.01
}
`,
  );
  const { garp } = result.vrrp;
  assert.deepEqual([garp.delay, garp.repeat, garp.refresh, garp.interval], [
    0,
    2,
    60_000_000,
    1_000,
  ]);
  assert.deepEqual(result.site().garp_group[0]?.interfaces, ["eth0", "eth1"]);
  const least = router("", "global_defs {\nvrrp_min_garp\n}\n").vrrp.garp;
  assert.deepEqual([least.repeat, least.delay], [1, 0]);
});

Deno.test("a gap between ARP packets is none between neighbour advertisements", () => {
  const text = (more: string) =>
    router(
      "",
      `global_defs {\nvrrp_garp_interval 0.1\n${more}\n}\n` +
        `garp_group {\ngarp_interval 0.2\ninterface eth0\n}\n`,
    ).text;
  has(text(""), [
    'interval = "100ms", refresh = "0s", neighbour_interval = "0s"',
    'interval = "200ms"\nneighbour_interval = "0s"',
  ]);
  has(text("vrrp_gna_interval 1"), ['neighbour_interval = "1s"'], ['neighbour_interval = "0s"']);
});

Deno.test("scripts: arguments in quotes, programs of PATH, users, and a shell's words", () => {
  const result = router(
    "track_script {\na\nb weight -7\nc\nd\n}",
    `global_defs {
  script_user keepalived_script keepalived
  enable_script_security
}
vrrp_script a {
  script "/usr/bin/curl -sf 'http://127.0.0.1/a b'"
  interval 0.5
  timeout 3
  rise 2
  fall 3
  weight 20
  user www-data:www-data
  init_fail
}
vrrp_script b {
  script "killall -0 haproxy"
}
vrrp_script c {
  script "</dev/tcp/127.0.0.1/80"
}
vrrp_script d {
  script ">/run/d"
}
`,
  );
  has(result.text, [
    'command = ["/usr/bin/curl", "-sf", "http://127.0.0.1/a b"]',
    'command = ["/usr/bin/env", "killall", "-0", "haproxy"]',
    'interval = "500ms"',
    'user = "www-data:www-data"',
    'script_user = "keepalived_script:keepalived"',
    'command = ["/bin/sh", "-c", "</dev/tcp/127.0.0.1/80"]',
    'scripts = ["a", { name = "b", weight = -7 }, "c"]',
  ]);
  assert.deepEqual(result.verdicts("d"), ["dropped"]);
  assert.ok(result.site().track_script[0]?.start_failed);
});

Deno.test("scripts run as root where keepalived would run them so", () => {
  const script = "vrrp_script a {\nscript /bin/true\n}\n";
  const more = "track_script {\na\n}";
  has(router(more, script).text, ['script_user = "root"']);
  const own = conversion(instance(more, script), { users: ["keepalived_script"] });
  has(own.text, ['script_user = "keepalived_script"']);
  has(router(more, `global_defs {\nenable_script_security\n}\n${script}`).text, [], [
    "script_user",
  ]);
  has(router("").text, [], ["script_user"]);
});

Deno.test("processes and files, with weights the other way round", () => {
  const result = router(
    "track_process {\nweb weight 5 reverse\nnone\n}\ntrack_file {\nm weight -1\n}",
    `vrrp_track_process web {
  process nginx
  quorum 2
  delay 1.5
}
vrrp_track_process none {
  process "/usr/bin/my daemon"
  param_match initial
  quorum_max 0
}
vrrp_track_file m {
  file "/etc/keepalived/maintenance"
  init_file 0 overwrite
}
`,
  );
  const site = result.site();
  assert.deepEqual(site.track_process.map(({ quorum }) => quorum), [2, 0]);
  has(result.text, [
    'up_delay = "1.5s"',
    'command = ["/usr/bin/my daemon"]',
    'param_match = "exact"',
    "init_file = { value = 0, overwrite = true }",
    'files = [{ name = "m", weight = -1 }]',
    "weight = 5, reverse = true",
  ]);
});

Deno.test("a sync group: members, programs, and what keepalived does to weights in it", () => {
  const member = (name: string, id: number, more: string) =>
    `vrrp_instance ${name} {\ninterface eth${id}\nvirtual_router_id ${id}\npriority 100\n${more}\n` +
    `virtual_ipaddress { 192.0.2.${id}/24 }\n}\n`;
  const text = (more: string) =>
    "vrrp_script w {\nscript /bin/true\nweight 10\n}\nvrrp_script f {\nscript /bin/true\n}\n" +
    "track_file n {\nfile /run/n\n}\n" +
    `vrrp_sync_group site {\ngroup {\nwan\nlan\nnobody\n}\n${more}\n` +
    'notify_master "/etc/x.sh up" root\nsmtp_alert\n}\n' +
    member("wan", 1, "track_script {\nw\nf\n}\ntrack_file {\nn\n}") +
    member("lan", 2, "track_interface {\neth9 weight 5\n}");
  const result = conversion(text(""));
  const site = result.site();
  assert.deepEqual(site.sync_group[0]?.members, ["wan", "lan"]);
  has(result.text, [
    'scripts = ["f"]',
    '{ name = "n", weight = 0 }',
    '{ name = "eth9", weight = 0 }',
    'notify = { master = ["/etc/x.sh", "up"], user = "root" }',
  ]);
  assert.deepEqual(result.verdicts("w"), ["dropped"]);
  assert.deepEqual(result.verdicts("nobody"), ["dropped"]);
  const own = conversion(text("track_script {\nw\n}\ntrack_interface {\neth8 weight -5\n}"));
  has(own.text, [
    'track = { scripts = ["w"], interfaces = [{ name = "eth8", weight = -5 }] }',
    'scripts = ["f"]',
  ]);
  own.site();
  const weighted = conversion(text("sync_group_tracking_weight"));
  has(weighted.text, ['scripts = ["w", "f"]', '{ name = "eth9", weight = 5 }']);
  weighted.site();
});

Deno.test("programs of an instance, FIFOs, mail", () => {
  const result = router(
    `notify_master "/etc/keepalived/up.sh --now" nobody
  notify_backup /etc/keepalived/down.sh nobody
  notify "/etc/keepalived/any.sh" root root
  notify_deleted
  notify_master_rx_lower_pri /etc/keepalived/fix.sh
  notify_priority_changes yes
  smtp_alert`,
    `global_defs {
  notification_email { noc@example.net ops@example.net }
  notification_email_from keepalived@example.net
  smtp_server mail.example.net 2525
  smtp_helo_name a.example.net
  smtp_connect_timeout 15
  no_email_faults
  vrrp_notify_fifo /run/keepalived.fifo root root
  vrrp_notify_fifo_script /etc/keepalived/fifo.sh
}
`,
  );
  has(result.text, [
    'to = ["noc@example.net", "ops@example.net"]',
    'server = "mail.example.net:2525"',
    'tls = "none"',
    'states = ["master", "backup", "stop"',
    'fifo = "/run/keepalived.fifo"',
    'fifo_script = ["/etc/keepalived/fifo.sh"]',
    "deleted = true",
    "priority_changes = true",
    "mail = true",
    'master = ["/etc/keepalived/up.sh", "--now"]',
  ]);
  assert.deepEqual(result.verdicts("notify"), ["approximated"], "one user for all programs");
});

Deno.test("programs without a user beside one that has one: told, since all run as one", () => {
  const result = router(
    "notify_master /bin/up root\nnotify_backup /bin/down\nnotify_fault /bin/f root",
  );
  has(result.text, ['user = "root"']);
  assert.deepEqual(result.verdicts("notify_backup"), ["approximated"]);
  assert.deepEqual(result.verdicts("notify_fault"), ["translated"]);
});

Deno.test("a default route is of IPv6 where inet6 says so", () => {
  const result = router("virtual_routes {\ninet6 default dev eth0\ndefault dev eth0\n}");
  assert.deepEqual(result.vrrp.routes.map(({ to }) => to), ["::/0", "0.0.0.0/0"]);
});

Deno.test("routes and rules, as ip writes them", () => {
  const result = router(`virtual_routes {
    default via 192.0.2.254 dev eth0 table 100 metric 5
    src 192.0.2.10 to 198.51.100.0/24 via 192.0.2.254
    203.0.113.0/24 via 192.0.2.252 or 192.0.2.253
    203.0.113.128/25 nexthop via 192.0.2.1 dev eth0 weight 1 onlink nexthop via 192.0.2.2 weight 2
    blackhole 203.0.113.64/26
    2001:db8:9::/48 via fe80::1 dev eth0 pref high
    198.51.100.128/25 dev eth1 mtu lock 1400 rto_min 40ms initcwnd 10
    203.0.113.0/24 via 192.0.2.9
    198.51.100.64/26 dev eth1 table blue
  }
  virtual_rules {
    from 192.0.2.0/24 to 198.51.100.0/24 table 100 priority 1000
    fwmark 24/12 lookup 100
    not from 2001:db8::/32 l3mdev preference 50
    from 192.0.2.0/24 ipproto tcp dport 80-90 goto 2000 priority 1500
    from all table 7
  }`);
  assert.equal(result.vrrp.routes.length, 7);
  assert.equal(result.vrrp.rules.length, 5);
  has(result.text, [
    'nexthops = [{ via = "192.0.2.252" }, { via = "192.0.2.253" }]',
    'lock = ["mtu"]',
    "priority = 16384",
    "priority = 16383",
    'destination_port = "80-90"',
  ]);
  const dropped = result.notes.filter(({ verdict }) => verdict === "dropped");
  assert.equal(dropped.length, 2, "the second route of a network, the table with a name");
});

Deno.test("interfaces of virtual MACs are called as by keepalived", () => {
  // Seen with keepalived 2.2.7: vrrp.3, vrrp6.3 and vrrp.4.
  const of = (id: number, name: string, address: string) =>
    `vrrp_instance ${name} {\ninterface eth0\nversion 3\nuse_vmac\nvmac_xmit_base\n` +
    `virtual_router_id ${id}\nvirtual_ipaddress {\n${address}\n}\n}\n`;
  const { site, text } = conversion(
    of(3, "b", "fe80::9") + of(3, "a", "192.0.2.71/24") + of(4, "c", "fe80::10"),
  );
  has(text, ['virtual_mac = { interface = "vrrp.4", transmit_on_base = true }']);
  assert.equal(text.match(/interface = "vrrp\./g)?.length, 1);
  assert.equal(site().vrrp.length, 3);
});

Deno.test("a priority that keepalived cannot read is 100, of the owner's state, too", () => {
  // Seen with keepalived 2.2.7: "Using default 100".
  for (const value of ["300", "0", "1x"]) {
    const { site, about } = conversion(
      `vrrp_instance a {\nstate MASTER\ninterface eth0\nvirtual_router_id 1\n` +
        `priority ${value}\nvirtual_ipaddress {\n192.0.2.1/24\n}\n}\n`,
    );
    assert.equal(site().vrrp[0]?.priority, 100, value);
    assert.equal(about("priority")[0]?.verdict, "unread");
  }
});

Deno.test("a variable that nobody has defined is no interface", () => {
  const { vrrp, notes } = router("track_interface {\n${IF}\neth9\n}");
  const tracked = JSON.stringify(vrrp.track);
  assert.ok(tracked.includes("eth9") && !tracked.includes("$"), tracked);
  assert.match(JSON.stringify(notes), /no name of an interface: there is no such variable/);
});

Deno.test("a rule with a word that keepalived has not is left out, as by keepalived", () => {
  const { vrrp, notes } = router("virtual_rules {\nfrom 192.0.2.1 lookup 100 pref 1000\n}");
  assert.deepEqual(vrrp.rules, []);
  assert.deepEqual(
    notes.filter(({ verdict }) => verdict === "unread").map(({ reason }) => reason),
    [
      'keepalived leaves this rule out: it has no word "pref"; the word is priority',
    ],
  );
});

Deno.test("static objects, interface delays, a namespace, delays of the start", () => {
  const result = router(
    "",
    `net_namespace blue
instance two
global_defs {
  default_interface bond0
  vrrp_startup_delay 5.5
  vrrp_delay_after_boot 60
  vrrp_rt_priority 50
  vrrp_cpu_affinity 1 2
  startup_script "/etc/keepalived/start.sh a" root
  startup_script_timeout 20
}
static_ipaddress {
  192.0.2.200/24
  192.0.2.201/24 dev eth1 scope link
}
static_routes {
  203.0.113.0/24 via 192.0.2.1
}
static_rules {
  from 192.0.2.200 table 20 priority 20
}
interface_up_down_delays {
  eth0 1.5
  eth1 0.5 2
}
`,
  );
  const site = result.site();
  assert.deepEqual(site.static.addresses.map((one) => one.interface), ["bond0", "eth1"]);
  assert.deepEqual(
    site.track_interface.map(({ down_delay, up_delay }) => [down_delay, up_delay]),
    [[1_500_000, 1_500_000], [500_000, 2_000_000]],
  );
  has(result.text, [
    'namespace = "blue"',
    'startup_delay = "5.5s"',
    "cpus = [1, 2]",
    'instance = "two"',
  ]);
});

Deno.test("BFD: intervals, hops, trackers; what halb does not keep so short", () => {
  const result = router(
    "track_bfd {\npeer weight -20\n}",
    `bfd_instance peer {
  neighbor_ip 192.0.2.2
  source_ip 192.0.2.1
  min_rx 50
  min_tx 3.4
  multiplier 3
  passive
}
bfd_instance far {
  neighbour_ip 198.51.100.2
  multihop
  max_hops 3
  min_tx 1
  hoplimit 64
  weight -5 reverse
}
`,
  );
  const [peer, far] = result.site().bfd;
  assert.deepEqual([peer?.receive_interval, peer?.transmit_interval], [50_000, 3_400]);
  assert.deepEqual([peer?.interface, peer?.passive, peer?.detect_multiplier], ["eth0", true, 3]);
  assert.deepEqual([far?.multihop, far?.min_ttl, far?.transmit_interval], [true, 252, 3_300]);
  assert.deepEqual([far?.receive_interval, far?.detect_multiplier], [10_000, 5]);
  assert.deepEqual(result.verdicts("hoplimit"), ["needless"]);
});

Deno.test("connection sync follows its instance, by either keyword", () => {
  const result = router("", "global_defs {\nlvs_sync_daemon eth1 VI_1 id 7 maxlen 1400 ttl 2\n}\n");
  has(result.text, ['sync_daemon = { interface = "eth1", follow = "VI_1", id = 7']);
  has(router("lvs_sync_daemon_interface eth1").text, ['follow = "VI_1", id = 51']);
  has(router("", "global_defs {\nlvs_sync_daemon eth1 inst VI_9\n}\n").text, [
    'sync_daemon = { interface = "eth1" }',
  ]);
});

Deno.test("names that halb does not take, and names twice", () => {
  const block = (name: string, id: number) =>
    `vrrp_instance ${name} {\ninterface eth${id}\nvirtual_router_id ${id}\n` +
    `virtual_ipaddress { 192.0.2.${id} }\n}\n`;
  const result = conversion(
    `${block('"web site"', 1)}${block("_x", 2)}${block("same", 3)}` +
      "vrrp_sync_group same {\ngroup {\n_x\nsame\n}\n}\n",
  );
  const site = result.site();
  assert.deepEqual(site.vrrp.map(({ name }) => name), ["web-site", "x", "same"]);
  assert.deepEqual(site.sync_group.map(({ name }) => name), ["same-2"]);
});

Deno.test("a keyword of no letters is none", () => {
  const result = router("", '"" {\n}\n');
  assert.deepEqual(result.verdicts(""), ["unread"]);
});

Deno.test("keywords that nobody knows and values that are none are told with their line", () => {
  const result = router("priority high\nfoo bar\nuse_vmac toolongforaninterface\nadvert_int 1s");
  const unread = result.notes.filter(({ verdict }) => verdict === "unread");
  assert.deepEqual(unread.map(({ line, keyword }) => [line, keyword]), [
    [8, "priority"],
    [9, "foo"],
    [10, "use_vmac"],
    [11, "advert_int"],
  ]);
});
