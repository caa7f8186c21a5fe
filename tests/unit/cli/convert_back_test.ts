/** `halb convert --to keepalived`: what is written, and what is said of the rest. */

import assert from "node:assert/strict";
import { convertCommand } from "../../../mod/cli/convert.ts";

const SITE = `[agent]
log = { level = "debug" }

[defaults.vrrp]
interface = "eth0"

[[track_script]]
name = "uplink"
command = ["/bin/sh", "-c", "test 'a b' = \\"$X\\""]
weight = -30

[[vrrp]]
name = "web"
virtual_router_id = 51
priority = { by_host = { edge-a = 150, edge-b = 100 } }
advertisement_interval = "100ms"
addresses = ["192.0.2.10/24", "2001:db8::10/64"]
track = { scripts = ["uplink"], routes = ["default"] }

[[track_route]]
name = "default"
to = "0.0.0.0/0"

[[virtual_server]]
name = "http"
listen = "192.0.2.10:80"
protocol = "tcp"
scheduler = "wlc"
follow = "web"
check = { type = "grpc", interval = "2s" }
real_server = [{ address = "198.51.100.11:80", slow_start = "30s" }]
`;

function withSite(body: (path: string, directory: string) => void): void {
  const directory = Deno.makeTempDirSync({ prefix: "halb-convert-" });
  try {
    Deno.writeTextFileSync(`${directory}/site.toml`, SITE);
    body(`${directory}/site.toml`, directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

Deno.test("a site for one host, and what keepalived lacks with its line", () => {
  withSite((path) => {
    const { exitCode, output, report } = convertCommand(path, {
      to: "keepalived",
      name: "edge-b",
      json: false,
    });
    assert.equal(exitCode, 0);
    assert.match(output, /vrrp_instance web \{\n[^}]*priority 100\n[^}]*advert_int 0\.1\n/);
    assert.match(output, /vrrp_instance web-ipv6 \{[^]*vrrp_sync_group web-both \{/);
    assert.match(output, /script "\/bin\/sh -c test\\\\ \\\\'a\\\\ b\\\\'/);
    const lines = report.replaceAll(path, "site").split("\n");
    assert.deepEqual(lines.slice(0, -1), [
      "site:18: vrrp.track.routes: dropped: keepalived's routers track no routes; " +
      "instead: a vrrp_script that looks for it",
      "site:20: track_route: dropped: keepalived tracks no routes",
      "site:29: virtual_server.follow: dropped: keepalived programs a virtual server whoever is " +
      "master; instead: the backup answers nothing while it does not hold the address",
      "site:30: virtual_server.check: dropped: keepalived has no check of type grpc: servers go " +
      "without it; instead: a MISC_CHECK of a program that asks",
      "site:31: virtual_server.real_server.slow_start: dropped: a server has its whole weight at " +
      "once",
    ]);
    assert.match(
      lines.at(-1) ?? "",
      /^site: \d+ translated, 0 approximated, 2 not needed, 5 dropped$/,
    );
  });
});

Deno.test("a site that is not valid is refused in words, a target that is unknown, too", () => {
  withSite((path, directory) => {
    const to = `${directory}/keepalived.conf`;
    const other = { to: "keepalived", name: "edge-c", output: to } as const;
    const refused = convertCommand(path, { ...other, json: false });
    assert.deepEqual([refused.exitCode, refused.output], [2, ""]);
    assert.match(refused.report, /is not valid:[^]*edge-c/);
    const { exitCode, output } = convertCommand(path, { ...other, json: true });
    assert.equal(exitCode, 2);
    assert.match(JSON.parse(output).problems[0].message, /edge-c/);
    assert.throws(() => Deno.statSync(to), Deno.errors.NotFound);
    assert.throws(() => convertCommand(path, { to: "frr", json: false }), /halb or keepalived/);
    convertCommand(path, { to: "keepalived", name: "edge-a", json: false, output: to });
    assert.match(Deno.readTextFileSync(to), /priority 150/);
    assert.equal((Deno.statSync(to).mode ?? 0) & 0o777, 0o600);
  });
});

Deno.test("both ways end with 0 whatever is dropped, as long as the result is valid", () => {
  withSite((path, directory) => {
    const conf = `${directory}/keepalived.conf`;
    const instance = (more: string) => `vrrp_instance w {\ninterface eth0\n${more}\n}\n`;
    const codeOf = (text: string) => {
      Deno.writeTextFileSync(conf, text);
      return convertCommand(conf, { json: false });
    };
    const there = codeOf(
      instance("virtual_router_id 51\nuse_vmac_addr\nvirtual_ipaddress {\n192.0.2.1/24\n}"),
    );
    assert.match(there.report, /use_vmac_addr: dropped: [^]* 1 dropped$/);
    assert.equal(there.exitCode, 0);
    assert.equal(codeOf(instance("virtual_router_id 51")).exitCode, 1);
    const back = convertCommand(path, { to: "keepalived", name: "edge-a", json: false });
    assert.match(back.report, / 5 dropped$/);
    assert.equal(back.exitCode, 0);
    const json = convertCommand(path, { to: "keepalived", name: "edge-a", json: true });
    assert.equal(json.exitCode, 0);
    assert.equal(JSON.parse(json.output).counts.dropped, 5);
  });
});

Deno.test("keepalived announces once at least: one line says so, and the file has it", () => {
  withSite((path) => {
    Deno.writeTextFileSync(path, SITE.replace('interface = "eth0"', "$&\ngarp = { repeat = 0 }"));
    const { output, report } = convertCommand(path, {
      to: "keepalived",
      name: "edge-a",
      json: false,
    });
    assert.match(
      report,
      /:6: vrrp\.garp\.repeat: approximated: keepalived announces once at least/,
    );
    assert.match(output, /garp_master_repeat 1\n/);
    assert.doesNotMatch(output, /garp_master_repeat 0/);
  });
});

Deno.test("a site of other hosts is told to be checked by one of their names", () => {
  withSite((_, directory) => {
    const file = `${directory}/keepalived.conf`;
    const of = (first: string) => {
      Deno.writeTextFileSync(
        file,
        `vrrp_instance a {\n@${first} priority 150\n@edge-b priority 100\ninterface eth0\n` +
          "virtual_router_id 1\nvirtual_ipaddress {\n192.0.2.1/24\n}\n}\n",
      );
      return convertCommand(file, { name: "edge-a", json: false }).report;
    };
    assert.match(of("edge-c"), /not for edge-a: halb check site\.toml --name edge-[bc]$/);
    assert.doesNotMatch(of("edge-a"), /--name/);
  });
});
