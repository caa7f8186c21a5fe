/** What an instance has of its own by default, and how it is given. */

import assert from "node:assert/strict";
import {
  configOf,
  controlOf,
  HALB_PROTOCOLS,
  INSTANCE,
  type LoadOptions,
  loadRecorded,
  loadSite,
  protocolOf,
  replayRecording,
  stateDirectoryOf,
} from "../../../config/mod.ts";
import { fingerprintOf } from "../../../config/recording.ts";
import { HALB_PROTOCOL, LAST_HALB_PROTOCOL } from "../../../mod/netlink/mod.ts";

function options(agent: string, instance?: string): LoadOptions {
  const site = `[agent]
${agent}
[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
addresses = ["192.0.2.10"]
`;
  return {
    hostname: "edge-a",
    ...(instance === undefined ? {} : { instance }),
    environment: () => undefined,
    readText: () => site,
    listDirectory: () => [],
    users: { user: () => undefined, group: () => undefined, groupsOf: () => [] },
  };
}

function agentOf(agent: string, instance?: string) {
  const loaded = loadSite("site.toml", options(agent, instance));
  assert.ok(loaded.ok, loaded.ok ? "" : JSON.stringify(loaded.problems));
  return loaded.site.agent;
}

Deno.test("numbers: those of the kernel plane, and the same for a name for ever", () => {
  assert.deepEqual(HALB_PROTOCOLS, { first: HALB_PROTOCOL, last: LAST_HALB_PROTOCOL });
  assert.equal(protocolOf(), 112);
  // Addresses that an older version left are known by them: they may not change.
  assert.deepEqual(["blue", "green", "1"].map(protocolOf), [126, 173, 141]);
  for (let i = 0; i < 1000; i++) {
    const number = protocolOf(`instance-${i}`);
    assert.ok(number > 112 && number <= 176, String(number));
  }
});

Deno.test("paths follow the instance, unless the file names them; the option wins", () => {
  const usual = agentOf("");
  assert.equal(usual.instance, undefined);
  assert.deepEqual([usual.control, usual.state_directory, usual.protocol_number], [
    "/run/halb/control.sock",
    "/var/lib/halb",
    112,
  ]);
  const blue = agentOf('instance = "blue"');
  assert.deepEqual([blue.control, blue.state_directory, blue.protocol_number], [
    "/run/halb-blue/control.sock",
    "/var/lib/halb-blue",
    protocolOf("blue"),
  ]);
  const green = agentOf('instance = "blue"\ncontrol = "/run/x.sock"', "green");
  assert.deepEqual([green.instance, green.control, green.state_directory], [
    "green",
    "/run/x.sock",
    "/var/lib/halb-green",
  ]);
  assert.equal(agentOf('instance = "blue"\nprotocol_number = 170').protocol_number, 170);
  assert.deepEqual([controlOf("blue"), stateDirectoryOf("blue"), configOf("blue"), configOf()], [
    blue.control,
    blue.state_directory,
    "/etc/halb/blue.toml",
    "/etc/halb/site.toml",
  ]);
});

Deno.test("a name that would lead elsewhere is refused with its place", () => {
  for (const name of ["", "..", "a/b", "a b", "-x", ".x", "é", "x".repeat(33)]) {
    assert.equal(INSTANCE.test(name), false, name);
    const loaded = loadSite("site.toml", options(`instance = ${JSON.stringify(name)}`));
    assert.ok(!loaded.ok, name);
    assert.equal(loaded.problems[0]!.line, 2);
    assert.match(loaded.problems[0]!.message, /is not the name of an instance/);
  }
  const number = loadSite("site.toml", options("protocol_number = 18"));
  assert.ok(!number.ok);
});

Deno.test("a recording keeps the option; without one its fingerprint is what it was", () => {
  const recorded = loadRecorded("site.toml", options("", "blue"));
  const again = replayRecording(recorded.recording, options(""));
  assert.ok(again.ok);
  assert.equal(again.site.agent.instance, "blue");
  const plain = loadRecorded("site.toml", options(""));
  assert.notEqual(fingerprintOf(plain.recording), fingerprintOf(recorded.recording));
});
