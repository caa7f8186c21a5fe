import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { load, loadValid, router, VALID } from "./fixtures.ts";

/** Whom programs run as where nobody says so. */
const ASSUMED = { name: "nobody", uid: 65_534, gid: 65_534, groups: [], assumed: true };

/** What the keys of an election are where nobody writes them. */
const ELECTION = {
  preempt_delay: 0,
  down_timer_adverts: 3,
  answer_lower_priority: true,
  advertise_before_yielding: true,
  owner_ignore_adverts: false,
  strict: false,
};

/** `track` of a router that says nothing of it. */
const NO_TRACK = {
  own_interface: true,
  interfaces: [],
  scripts: [],
  processes: [],
  files: [],
  routes: [],
  addresses: [],
  bfd: [],
  checks: [],
  virtual_servers: [],
};

Deno.test("a valid file resolves completely: defaults, units, addresses, trackers", () => {
  assert.deepEqual(loadValid({ "site.toml": VALID }), {
    agent: {
      name: "edge-a",
      capabilities: "all",
      control: "/run/halb/control.sock",
      state_directory: "/var/lib/halb",
      log: {
        level: "info",
        levels: {},
        format: "json",
        targets: ["stderr", "file:/var/log/halb.log"],
      },
      realtime: { policy: "fifo", priority: 50, lock_memory: true },
      recorder: { size: 4_194_304 },
      watch: false,
      on_stop: "remove",
      protocol_number: 112,
      script_user: ASSUMED,
      startup_delay: 0,
      delay_after_boot: 0,
    },
    garp_group: [],
    vrrp: [
      {
        name: "web",
        interface: "eth0",
        virtual_router_id: 51,
        version: 3,
        v2_compatibility: false,
        priority: 150,
        advertisement_interval: 100_000,
        addresses: [
          { address: "192.0.2.10", prefix_length: 24, interface: "eth0" },
          { address: "203.0.113.10", prefix_length: 32, interface: "eth1", label: "eth1:web" },
        ],
        excluded_addresses: [],
        routes: [],
        rules: [],
        preempt: true,
        ...ELECTION,
        accept: true,
        promote_secondaries: false,
        address_lease: "auto",
        checksum: "auto",
        virtual_mac: false,
        garp: {
          repeat: 3,
          delay: 5_000_000,
          refresh: 60_000_000,
          refresh_repeat: 1,
          interval: 0,
          form: "request",
          other_interfaces_refresh: 0,
        },
        track: { ...NO_TRACK, interfaces: [{ name: "eth1" }, { name: "eth2", weight: -10 }] },
      },
      {
        name: "lan",
        interface: "eth1",
        virtual_router_id: 52,
        version: 3,
        v2_compatibility: false,
        priority: 100,
        advertisement_interval: 100_000,
        addresses: [{ address: "198.51.100.1", prefix_length: 24, interface: "eth1" }],
        excluded_addresses: [],
        routes: [],
        rules: [],
        source: "198.51.100.2",
        preempt: false,
        ...ELECTION,
        accept: true,
        promote_secondaries: false,
        address_lease: 5,
        checksum: "rfc5798",
        virtual_mac: false,
        garp: {
          repeat: 3,
          delay: 0,
          refresh: 60_000_000,
          refresh_repeat: 1,
          interval: 0,
          form: "request",
          other_interfaces_refresh: 0,
        },
        track: NO_TRACK,
      },
    ],
    static: { addresses: [], routes: [], rules: [] },
    sync_group: [],
    track_interface: [],
    track_script: [],
    track_process: [],
    track_file: [],
    track_route: [],
    track_address: [],
    bfd: [],
    check: [],
    virtual_server: [],
    notifications: {
      groups: [],
      sessions: [],
      targets: [],
      agent: { states_on_reload: false },
      fifo_user: ASSUMED,
      script_user: ASSUMED,
    },
  });
});

Deno.test("the values nobody gives are those of the contract", () => {
  const [web] = loadValid({ "site.toml": router("") }).vrrp;
  assert.ok(web);
  assert.equal(web.priority, 100);
  assert.equal(web.advertisement_interval, 1_000_000);
  assert.equal(web.preempt, true);
  assert.equal(web.version, 3);
  assert.equal(web.v2_compatibility, false);
  assert.equal(web.address_lease, "auto");
  assert.equal(web.checksum, "auto");
  assert.equal("source" in web, false);
  assert.deepEqual(web.garp, {
    repeat: 5,
    delay: 5_000_000,
    refresh: 60_000_000,
    refresh_repeat: 1,
    interval: 0,
    form: "request",
    other_interfaces_refresh: 0,
  });
});

Deno.test("a loaded site is frozen to its leaves", () => {
  const site = loadValid({ "site.toml": VALID });
  for (
    const part of [site, site.agent, site.agent.log.targets, site.vrrp, site.vrrp[0]?.addresses[0]]
  ) {
    assert.ok(Object.isFrozen(part));
  }
});

Deno.test("the agent's name: --name before agent.name before the host name", () => {
  const text = router("");
  assert.equal(loadValid({ "site.toml": text }).agent.name, "edge-a");
  const named = `[agent]\nname = "edge-x"\n${text}`;
  assert.equal(loadValid({ "site.toml": named }).agent.name, "edge-x");
  assert.equal(loadValid({ "site.toml": named }, { name: "edge-y" }).agent.name, "edge-y");
});

Deno.test("the digest is that of the text of all files, and names them", () => {
  const main = `include = ["b.toml"]\n`;
  const other = router("");
  const result = load({ "site.toml": main, "b.toml": other });
  assert.ok(result.ok);
  assert.equal(result.sha256, createHash("sha256").update(main + other).digest("hex"));
  assert.deepEqual(result.files, ["site.toml", "b.toml"]);
  assert.deepEqual(result.warnings, []);
});

Deno.test("byte order mark, CRLF and no newline at the end are fine", () => {
  const text = `\ufeff${router("priority = 7").replaceAll("\n", "\r\n")}`;
  assert.equal(loadValid({ "site.toml": text }).vrrp[0]?.priority, 7);
});

Deno.test("a doubt is a warning: the site may run", () => {
  const text = router(`priority = 255\npreempt = false\naddress_lease = "2s"\n`);
  const result = load({ "site.toml": text });
  assert.ok(result.ok);
  assert.deepEqual(
    result.warnings.map((
      { line, column, severity, suggestion },
    ) => [line, column, severity, suggestion]),
    [
      [7, 1, "warning", "leave the key out, or give a priority below 255"],
      [8, 17, "warning", 'write `"auto"` instead'],
    ],
  );
});
