/** What a keepalived.conf lacks is told of, key by key; what is written is what keepalived takes. */

import assert from "node:assert/strict";
import { judgeKey, toKeepalived } from "../../../mod/convert_back/mod.ts";
import { load } from "../config/fixtures.ts";

function siteOf(text: string) {
  const loaded = load({ "site.toml": text });
  assert.deepEqual(loaded.ok ? [] : loaded.problems, [], text);
  assert.ok(loaded.ok);
  return loaded.site;
}

function router(name: string, id: number, more = ""): string {
  return `[[vrrp]]
name = "${name}"
interface = "eth0"
virtual_router_id = ${id}
priority = 100
addresses = ["192.0.2.${id}/24", "2001:db8::${id}/64"]
${more}
`;
}

Deno.test("each key that is written nowhere is told of", () => {
  const site = siteOf(router("a", 1, 'garp.interval = "1ms"') + router("b", 2));
  const verdict = (path: string, value: unknown) => {
    const said = judgeKey(path, value, site);
    return typeof said === "string" ? said : said.verdict;
  };
  const cases: readonly (readonly [path: string, value: unknown, verdict: string])[] = [
    ["agent.notify", {}, "deeper"],
    ["agent.notify.fifo", "/run/x", "kept"],
    ["agent.notify.json_fifo", "/run/x", "dropped"],
    ["vrrp.notify", {}, "deeper"],
    ["vrrp.notify.master", ["/bin/x"], "kept"],
    ["vrrp.notify.fifo", "/run/x", "dropped"],
    ["vrrp.notify.deleted", true, "dropped"],
    ["sync_group.notify.timeout", "5s", "dropped"],
    ["virtual_server.real_server.notify.fifo", "/run/x", "dropped"],
    ["virtual_server.real_server.notify.up", ["/bin/x"], "kept"],
    ["virtual_server.check.tls", { ca: "/x" }, "approximated"],
    ["virtual_server.check.tls", { verify: false }, "kept"],
    ["check", { type: "smtp", tls: {} }, "approximated"],
    ["check", { type: "script", timeout: "300ms" }, "approximated"],
    ["ipvs.sync_daemon", [{ interface: "eth0" }], "dropped"],
    ["ipvs.sync_daemon", { interface: "eth0", follow: "a" }, "kept"],
    ["mail.tls", "none", "needless"],
    ["virtual_server.real_server.check.urls.path", '/a"b', "dropped"],
    ["virtual_server.real_server.check.urls.path", "/a\\\\b", "kept"],
    ["mail.helo_name", "edge-a.example", "kept"],
    ["mail.tls", "starttls", "dropped"],
    ["vrrp.garp.interval", "1ms", "dropped"],
    ["vrrp.checksum", "ignore", "dropped"],
    ["bfd.multihop", true, "dropped"],
    ["bfd.min_ttl", 254, "dropped"],
    ["bfd.interface", "eth0", "dropped"],
    ["track_script.interval", "500ms", "approximated"],
    ["track_script.interval", "2s", "kept"],
    ["vrrp.preempt_delay", "30m", "approximated"],
    ["vrrp.garp.delay", "1500ms", "approximated"],
  ];
  for (const [path, value, wanted] of cases) assert.equal(verdict(path, value), wanted, path);
});

Deno.test("keepalived gets whole seconds, no less than asked for, and no word it lacks", () => {
  const conf = toKeepalived(siteOf(`[[track_script]]
name = "s"
command = ["/bin/true"]
interval = "1500ms"
timeout = "300ms"
[[bfd]]
name = "far"
peer = "203.0.113.1"
source = "192.0.2.1"
multihop = true
${router("a", 1, 'preempt_delay = "30m"\ngarp.delay = "500ms"')}`));
  for (const line of ["interval 2", "timeout 1", "preempt_delay 1000", "garp_master_delay 1"]) {
    assert.match(conf, new RegExp(`^ +${line}$`, "m"));
  }
  assert.doesNotMatch(conf, /multihop/);
});

Deno.test("names that are made up are nobody else's", () => {
  const conf = toKeepalived(siteOf(`${router("a", 1)}${router("a-ipv6", 2)}${router("b", 3)}
[[sync_group]]
name = "a-both"
members = ["a-ipv6", "b"]
`));
  const heads = conf.split("\n").filter((line) => /^vrrp_(instance|sync_group) /.test(line));
  assert.equal(heads.length, 8, heads.join("\n"));
  assert.equal(new Set(heads).size, 8, heads.join("\n"));
});

Deno.test("a virtual server of both families is one for each, with the real servers of it", () => {
  const conf = toKeepalived(siteOf(`[[virtual_server]]
name = "v"
listen = ["192.0.2.10:80", "[2001:db8::10]:80"]
protocol = "tcp"
scheduler = "rr"
forward = "nat"
real_server = [{ address = "198.51.100.1:80" }, { address = "[2001:db8:1::1]:80" }]
`));
  const heads = [...conf.matchAll(/^ *((?:virtual|real)_server .*) \{$/gm)].map(([, head]) => head);
  assert.deepEqual(heads, [
    "virtual_server 192.0.2.10 80",
    "real_server 198.51.100.1 80",
    "virtual_server 2001:db8::10 80",
    "real_server 2001:db8:1::1 80",
  ]);
});
