/** What may come over the control socket: whatever it is, it yields a request or a sentence. */

import assert from "node:assert/strict";
import { parseRequest } from "../../../mod/control/protocol.ts";
import { forSeeds } from "../../lib/random.ts";

Deno.test("requests are read", () => {
  assert.deepEqual(parseRequest('{"command":"status"}'), { command: "status" });
  assert.deepEqual(parseRequest(' {"command":"reload","more":1} '), { command: "reload" });
  assert.deepEqual(parseRequest('{"command":"version"}'), { command: "version" });
  const fault = { command: "inject_fault", plane: "kernel", fault: "hang", duration_ms: 5 };
  assert.deepEqual(parseRequest(JSON.stringify(fault)), fault);
  const { duration_ms: _, ...without } = fault;
  assert.deepEqual(parseRequest(JSON.stringify(without)), { ...fault, duration_ms: 0 });
});

Deno.test("commands for BFD sessions are read", () => {
  const down = { command: "bfd", action: "down", name: "to-peer" };
  assert.deepEqual(parseRequest(JSON.stringify({ ...down, more: 1 })), down);
});

Deno.test("upgrades and take-overs are read", () => {
  assert.deepEqual(parseRequest('{"command":"upgrade"}'), { command: "upgrade" });
  const upgrade = { command: "upgrade", binary: "/usr/local/bin/halb" };
  assert.deepEqual(parseRequest(JSON.stringify(upgrade)), upgrade);
  const takeOver = { command: "take_over", pid: 7, version: "1", formats: [1, 2] };
  assert.deepEqual(parseRequest(JSON.stringify(takeOver)), takeOver);
  const failed = { ...takeOver, failed: "no" };
  assert.deepEqual(parseRequest(JSON.stringify(failed)), failed);
});

Deno.test("what is no request is said in words", () => {
  const cases: [string, RegExp][] = [
    ["", /^Request is not JSON$/],
    ["{", /^Request is not JSON$/],
    ["null", /^Request has no "command"$/],
    ["7", /^Request has no "command"$/],
    ["[]", /^Request has no "command"$/],
    ["{}", /^Request has no "command"$/],
    ['{"command":"stop"}', /^Unknown command "stop": one of status, reload, version/],
    ['{"command":"toString"}', /^Unknown command "toString"/],
    ['{"command":["status"]}', /^Unknown command \["status"\]/],
    ['{"__proto__":{"command":"status"}}', /^Request has no "command"$/],
    ['{"command":"bfd"}', /"bfd" takes an action, "down" or "up", and the name/],
    ['{"command":"bfd","action":"reset","name":"a"}', /takes an action/],
    ['{"command":"bfd","action":"down"}', /takes an action/],
    ['{"command":"bfd","action":"down","name":""}', /takes an action/],
    ['{"command":"inject_fault"}', /takes a plane/],
    ['{"command":"upgrade","binary":"halb"}', /takes the absolute path/],
    ['{"command":"upgrade","binary":7}', /takes the absolute path/],
    ['{"command":"upgrade","binary":"/a\\u0000b"}', /takes the absolute path/],
    ['{"command":"take_over"}', /takes a pid/],
    ['{"command":"take_over","pid":0,"version":"1","formats":[1]}', /takes a pid/],
    ['{"command":"take_over","pid":1,"version":"1","formats":["1"]}', /takes a pid/],
    ['{"command":"take_over","pid":1,"version":"1","formats":[1],"failed":1}', /takes a pid/],
    ['{"command":"inject_fault","plane":"control","fault":"throw"}', /takes a plane/],
    ['{"command":"inject_fault","plane":"kernel","fault":"leak"}', /takes a plane/],
    ['{"command":"inject_fault","plane":"kernel","fault":"hang","duration_ms":"1"}', /takes a/],
    ['{"command":"inject_fault","plane":"kernel","fault":"hang","duration_ms":1e999}', /takes a/],
    ['{"command":"inject_fault","plane":"kernel","fault":"hang","duration_ms":-1}', /takes a/],
  ];
  for (const [line, expected] of cases) {
    const result = parseRequest(line);
    assert.ok(typeof result === "string", line);
    assert.match(result, expected);
  }
});

Deno.test("noise yields a sentence, and mutations of a request nothing unknown", () => {
  const request = '{"command":"inject_fault","plane":"protocol","fault":"hang","duration_ms":10}';
  let understood = 0;
  forSeeds(3000, (random) => {
    const characters = [...request];
    for (let i = random.int(1, 4); i > 0; i--) {
      const at = random.int(0, characters.length - 1);
      const what = random.int(0, 2);
      if (what === 0) characters.splice(at, 1);
      else if (what === 1) characters[at] = String.fromCharCode(random.int(0, 255));
      else characters.splice(at, 0, random.pick(['"', "{", "}", "\\", ",", ":", "0", "-", "e"]));
    }
    const result = parseRequest(characters.join(""));
    if (typeof result === "string") {
      assert.ok(result.length > 0);
      return;
    }
    understood++;
    assert.equal(result.command, "inject_fault");
    if (result.command !== "inject_fault") return;
    assert.ok(result.plane === "protocol" || result.plane === "kernel");
    assert.ok(["hang", "throw", "wait"].includes(result.fault));
    assert.ok(Number.isFinite(result.duration_ms) && result.duration_ms! >= 0);
  });
  if (Deno.env.get("HALB_SEED") === undefined) assert.ok(understood > 30, `${understood}`);
});

Deno.test("orders to real servers are read, and nothing that only looks like one", () => {
  const names = { virtual_server: "web", real_server: "198.51.100.11:80" };
  for (
    const good of [
      { command: "drain", ...names },
      { command: "drain", ...names, timeout_ms: 0 },
      { command: "undrain", ...names },
      { command: "weight", ...names, weight: 65_535 },
      { command: "weight", ...names, weight: null },
      { command: "real_server", ...names },
    ]
  ) assert.deepEqual(parseRequest(JSON.stringify(good)), good);
  for (
    const bad of [
      { command: "drain", virtual_server: "web" },
      { command: "drain", ...names, real_server: "" },
      { command: "drain", ...names, timeout_ms: -1 },
      { command: "drain", ...names, timeout_ms: "1" },
      { command: "drain", ...names, timeout_ms: 8 * 86_400_000 },
      { command: "weight", ...names },
      { command: "weight", ...names, weight: 1.5 },
      { command: "weight", ...names, weight: 65_536 },
      { command: "undrain", ...names, virtual_server: ["web"] },
    ]
  ) assert.equal(typeof parseRequest(JSON.stringify(bad)), "string", JSON.stringify(bad));
});
