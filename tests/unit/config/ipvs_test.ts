/** `[ipvs]` in site.toml: what is accepted, what it means, what is refused in which words. */

import assert from "node:assert/strict";
import { entriesOf, schemaAt } from "../../../config/introspect.ts";
import { SITE_SCHEMA } from "../../../config/schema.ts";
import { load, loadValid, router } from "./fixtures.ts";

const ipvs = (text: string) => loadValid({ "site.toml": `[ipvs]\n${text}` }).ipvs;

/** Place and words of what is wrong, warnings too. */
function wrong(text: string): string[] {
  const result = load({ "site.toml": text });
  const problems = result.ok ? result.warnings : result.problems;
  return problems.map(({ line, column, severity, message, suggestion }) =>
    `${line}:${column} ${severity}: ${message} | ${suggestion ?? ""}`
  );
}

Deno.test("[ipvs] alone is a site: nothing is changed where nobody asks for it", () => {
  assert.deepEqual(ipvs(""), {
    sync_daemon: [],
    on_stop: "remove",
    compare_interval: 2_000_000,
    flush: false,
  });
});

Deno.test("all keys written out", () => {
  assert.deepEqual(
    ipvs(`timeouts = { tcp = "15m", tcp_fin = "2m", udp = "24d" }
sync_daemon = { interface = "eth1", role = "master", id = 255, max_length = 1024, group = "ff02::81", port = 8849, ttl = 255 }
on_stop = "keep"
compare_interval = "1500ms"
flush = true
namespace = "blue"
`),
    {
      timeouts: { tcp: 900_000_000, tcp_fin: 120_000_000, udp: 2_073_600_000_000 },
      sync_daemon: [{
        interface: "eth1",
        role: "master",
        id: 255,
        max_length: 1024,
        group: "ff02::81",
        port: 8849,
        ttl: 255,
      }],
      on_stop: "keep",
      compare_interval: 1_500_000,
      flush: true,
      namespace: "blue",
    },
  );
});

Deno.test("every setting of the kernel's by its name, truth values as 0 and 1", () => {
  const keys = [...entriesOf(schemaAt(SITE_SCHEMA, ["ipvs", "settings"])!)!.keys()];
  assert.ok(keys.length > 20);
  const one = (key: string) => key === "sync_threshold" ? [1, 2] : 1;
  const numbers = ipvs(
    `settings = { ${keys.map((key) => `${key} = ${JSON.stringify(one(key))}`).join(", ")} }\n`,
  );
  assert.deepEqual(numbers?.settings, Object.fromEntries(keys.map((key) => [key, one(key)])));
  assert.deepEqual(
    ipvs("settings = { expire_nodest_conn = true, pmtu_disc = false, conn_reuse_mode = 3 }\n")
      ?.settings,
    { expire_nodest_conn: 1, pmtu_disc: 0, conn_reuse_mode: 3 },
  );
});

Deno.test("settings that there are not, or that the kernel would not take", () => {
  assert.deepEqual(wrong("[ipvs]\nsettings = { conn_reuse = 1 }\n"), [
    "2:14 error: Unknown key `conn_reuse` in `[ipvs.settings]` | did you mean " +
    "`conn_reuse_mode`? write `conn_reuse_mode` instead",
  ]);
  assert.deepEqual(wrong("[ipvs]\nsettings = { sync_ports = 6 }\n"), [
    "2:27 error: Invalid `settings.sync_ports`: 6 is not a power of two | write `8` instead",
  ]);
  const threshold = (value: string) => wrong(`[ipvs]\nsettings = { sync_threshold = ${value} }\n`);
  for (const good of ["[3, 50]", "[0, 1]", "[7, 0]", "[0, 0]"]) {
    assert.deepEqual(threshold(good), [], good);
  }
  assert.deepEqual(threshold("[3]"), [
    "2:31 error: Invalid `settings.sync_threshold`: these are 1 numbers, not two | write " +
    "`[3, 50]`, the kernel's default",
  ]);
  assert.deepEqual(threshold("[3, 50, 7]"), [
    "2:31 error: Invalid `settings.sync_threshold`: these are 3 numbers, not two | leave the " +
    "others out",
  ]);
  assert.deepEqual(threshold("[50, 50]"), [
    "2:32 error: Invalid `settings.sync_threshold`: 50 is not less than 50 | write `49` or less",
  ]);
  assert.equal(threshold("[-1, 50]").length, 1);
  assert.equal(threshold("3").length, 1);
  assert.deepEqual(wrong("[ipvs]\nsettings = { sloppy_tcp = 2 }\n"), [
    "2:27 error: Invalid `settings.sloppy_tcp`: 2 is not a whole number from 0 to 1 | write `1` " +
    "instead",
  ]);
  assert.deepEqual(wrong('[ipvs]\ntimeouts = { tcp = "1500ms" }\n'), [
    '2:20 error: Invalid `timeouts.tcp`: "1500ms" is not a multiple of 1s | write `"2s"` instead',
  ]);
});

Deno.test("the kernel has one daemon that tells and one that listens", () => {
  const daemons = (...all: string[]) =>
    `${router("")}[ipvs]\nsync_daemon = [${
      all.map((more, index) => `{ interface = "eth${index}"${more} }`).join(", ")
    }]\n`;
  assert.deepEqual(wrong(daemons(', role = "master"', ', role = "backup"')), []);
  assert.deepEqual(wrong(daemons(', follow = "web"')), []);
  assert.deepEqual(wrong(daemons("", ', role = "backup"')), [
    "7:54 error: The kernel has one sync daemon that listens, and it is taken: first at " +
    'site.toml:7:30 | leave one out, or give one `role = "master"` and the other `role = "backup"`',
  ]);
  assert.deepEqual(wrong(daemons(', follow = "web", role = "both"')), [
    '7:54 error: `role = "both"` and `follow` (site.toml:7:38) both say when it tells and when it ' +
    "listens | leave one of the two out",
  ]);
  assert.deepEqual(wrong(daemons(', follow = "wbe"')), [
    '7:47 error: There is no `[[vrrp]]` with the name "wbe" to follow | write `"web"` instead',
  ]);
});

Deno.test("no sync daemon beside servers of another address family", () => {
  const text = `[ipvs]
sync_daemon = { interface = "eth1" }
[[virtual_server]]
name = "web"
listen = "192.0.2.10:80"
forward = "tunnel"
[[virtual_server.real_server]]
address = "2001:db8::11"
`;
  assert.deepEqual(wrong(text), [
    "2:1 error: The kernel runs no sync daemon beside a virtual server (site.toml:4:8) whose real " +
    "servers are of another address family | leave the daemon out, or give that virtual server " +
    "real servers of its own family",
  ]);
  const both = text.replace('"192.0.2.10:80"', '["192.0.2.10:80", "[2001:db8::10]:80"]')
    .replace('forward = "tunnel"\n', "") +
    '[[virtual_server.real_server]]\naddress = "198.51.100.11"\n';
  assert.deepEqual(wrong(both), []);
  assert.equal(wrong(`${both}forward = "tunnel"\n`).length, 1);
});

Deno.test("[ipvs] is one table", () => {
  assert.deepEqual(wrong('[[ipvs]]\non_stop = "keep"\n'), [
    "1:1 error: `ipvs` is one table, not a list of tables | write `[ipvs]` instead, once",
  ]);
});
