/** docs/notifications.md: what it shows is valid, and its lines are the ones that are written. */

import assert from "node:assert/strict";
import { fifoLine, jsonLine } from "../../../mod/notify/notice.ts";
import { load, router } from "../config/fixtures.ts";
import { notice } from "../notify/fixtures.ts";

const PAGE = Deno.readTextFileSync(new URL("../../../docs/notifications.md", import.meta.url));

Deno.test("every file is valid", () => {
  const files = [...PAGE.matchAll(/```toml\n([^]*?)```/g)].map(([, text]) => text!);
  assert.equal(files.length, 6);
  for (const text of files) {
    const whole = text.includes("[[vrrp]]") ? text : `${text}\n${router("")}`;
    const loaded = load({ "site.toml": whole, "/etc/halb/mail.key": "sesame\n" });
    assert.ok(loaded.ok, JSON.stringify(loaded));
  }
});

Deno.test("the lines are the ones that are written", () => {
  const group = notice({ type: "GROUP", name: "site", priority: 0 });
  assert.ok(PAGE.includes(`\n${fifoLine(notice())}${fifoLine(group)}`));
  const session = {
    peer: "192.0.2.2",
    interface: "eth0",
    event: "detection_expired",
    diagnostic: "control-expiry",
    remote_diagnostic: "none",
  };
  const path = notice({
    type: "BFD",
    name: "to-peer",
    state: "DOWN",
    previous: "UP",
    cause: "nothing heard for 150 ms",
    time: "2026-01-01T12:00:00.000Z",
    session,
  });
  assert.ok(PAGE.includes(`\n${jsonLine(path, false)}`));
  assert.ok(PAGE.includes(`\`${fifoLine(path).trim()}\``));
  const details = { virtual_server: "web-http", quiet: false };
  const virtual = {
    ...details,
    real_server: null,
    line: "[192.0.2.10]:tcp:80",
    plain: "UP" as const,
  };
  const real = {
    ...details,
    real_server: "198.51.100.11:8080",
    line: "[198.51.100.11]:tcp:8080 [192.0.2.10]:tcp:80",
    plain: "DOWN" as const,
  };
  const mark = { ...virtual, line: "FWM 7" };
  const lines = [
    fifoLine(notice({ type: "VS", name: "web-http", state: "UP", server: virtual })),
    fifoLine(notice({ type: "RS", name: "web-http x", state: "DOWN", server: real })),
    fifoLine(notice({ type: "VS", name: "marked", state: "UP", server: mark })),
  ];
  assert.ok(PAGE.includes(`\n${lines.join("")}`));
  const [, json] = /```json\n([^]*?)```/.exec(PAGE)!;
  const { type: _, state: __, previous_state: ___, ...rest } = JSON.parse(json!);
  const written = JSON.parse(jsonLine(notice(rest), false));
  assert.deepEqual(written, JSON.parse(json!));
});
