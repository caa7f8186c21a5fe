/** What a reload says that it has changed. */

import assert from "node:assert/strict";
import { siteChanges } from "../../../mod/agent/site_changes.ts";
import { MARK_KEY, settled } from "../../../mod/agent/plan/settled.ts";
import { loadValid } from "../config/fixtures.ts";

const WEB = `
[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
addresses = ["192.0.2.10/24"]
`;

function siteOf(text: string) {
  return settled(loadValid({ "site.toml": text }), new Uint8Array(MARK_KEY));
}

function changes(before: string, after: string, done: readonly string[] = []) {
  return siteChanges(siteOf(before), siteOf(after), done);
}

Deno.test("a reload that changes anything says so, whichever plane it is for", () => {
  const route = 'routes = [{ to = "198.51.100.0/24", via = "192.0.2.1" }]\n';
  const routes = (sign: string) => [`virtual router web: routes ${sign}198.51.100.0/24`];
  assert.deepEqual(changes(WEB, WEB), []);
  assert.deepEqual(changes(WEB, WEB + route), routes("+"));
  assert.deepEqual(changes(WEB + route, WEB), routes("-"));
  assert.deepEqual(changes(WEB, `${WEB}excluded_addresses = ["192.0.2.11"]\n`), [
    "virtual router web: excluded_addresses +192.0.2.11/32",
  ]);
  assert.deepEqual(
    changes(
      WEB,
      `${WEB}notify = { mail = true }\n[mail]\nto = ["a@example.net"]\nserver = "mail.example.net:25"\n`,
    ),
    ["virtual router web: notify changed", "mail: added"],
  );
  const script = (interval: string) =>
    `${WEB}track = { scripts = ["up"] }\n[[track_script]]\nname = "up"\n` +
    `command = ["/bin/true"]\ninterval = "${interval}"\n`;
  assert.deepEqual(changes(script("1s"), script("2s")), ["track_script up: interval 1s -> 2s"]);
  assert.deepEqual(changes(script("1s"), WEB), [
    "virtual router web: track.scripts -up",
    "track_script up: removed",
  ]);
  const statics = '[static]\naddresses = [{ address = "203.0.113.7", interface = "eth1" }]\n';
  assert.deepEqual(changes(WEB, WEB + statics), ["static: addresses +203.0.113.7/32"]);
  const group = '[[garp_group]]\ninterfaces = ["eth0"]\ninterval = "1ms"\n';
  assert.deepEqual(changes(WEB, WEB + group), ["garp_group: changed"]);
  assert.deepEqual(changes(WEB, `[agent]\nstartup_delay = "1s"\n${WEB}`), [
    "agent: startup_delay 0s -> 1s",
  ]);
});

Deno.test("what the protocol plane has done is not said twice", () => {
  const other = WEB.replace("51", "52");
  const done = ["virtual router web: removed", "virtual router web: added"];
  assert.deepEqual(changes(WEB, other, done), ["virtual router web: virtual_router_id 51 -> 52"]);
  // It had been stopped by an exception: nobody else knows that it begins anew.
  const both = ["virtual router web: changed", "virtual router web/ipv6: changed"];
  assert.deepEqual(changes(WEB, WEB, both), ["virtual router web: changed"]);
  const lan = WEB.replace("web", "lan").replace("51", "53").replace(".10/", ".11/");
  assert.deepEqual(changes(WEB, WEB + lan, ["virtual router lan: added"]), [
    "virtual router lan: added",
  ]);
});

Deno.test("a secret that is another one is told of by name, and never shown", () => {
  const password = (text: string) =>
    `${WEB}version = 2\nauth = { type = "pass", password = "${text}" }\n`;
  assert.deepEqual(changes(password("sesame"), password("sesame")), []);
  assert.deepEqual(changes(password("sesame"), password("mustard")), [
    "virtual router web: auth.password changed",
  ]);
  assert.doesNotMatch(JSON.stringify(siteOf(password("sesame"))), /sesame/);
});

Deno.test("virtual servers: each real server and each key that is different, with its values", () => {
  const real = (address: string, more = "") => `
[[virtual_server.real_server]]
address = "${address}"
${more}
`;
  const server = (name: string, more: string, ...servers: string[]) => `
[[virtual_server]]
name = "${name}"
listen = "192.0.2.10:80"
${more}${servers.join("")}
`;
  const [first, second] = ["198.51.100.11:8080", "198.51.100.12:8080"];
  const before = server("web", "", real(first, "weight = 10"), real(second));
  assert.deepEqual(changes(WEB, WEB + before), ["virtual server web: added"]);
  assert.deepEqual(changes(before, WEB), [
    "virtual router web: added",
    "virtual server web: removed",
  ]);
  const after = server(
    "web",
    'scheduler = "rr"\npersistence = true\n',
    real(first, 'weight = 20\nslow_start = "30s"'),
    real("198.51.100.13:8080"),
  );
  assert.deepEqual(changes(before, after), [
    "virtual server web: scheduler wlc -> rr",
    "virtual server web: persistence changed",
    `virtual server web: real server ${first}: weight 10 -> 20`,
    `virtual server web: real server ${first}: slow_start 0s -> 30s`,
    "virtual server web: real server 198.51.100.13:8080: added",
    `virtual server web: real server ${second}: removed`,
  ]);
  assert.deepEqual(changes(after, after), []);
});
