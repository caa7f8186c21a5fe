/** What is told by the log alone, and what is told otherwise and left out of it. */

import assert from "node:assert/strict";
import {
  balanceFact,
  holdingFacts,
  interfaceFacts,
  type KnownInterface,
} from "../../../../mod/agent/flight/facts.ts";
import { logFact } from "../../../../mod/agent/flight/log_facts.ts";
import type { AddressReport, InterfaceState, LogRecord } from "../../../../mod/plane/messages.ts";

function logged(
  level: LogRecord["level"],
  category: readonly string[],
  message: string,
  more: Partial<LogRecord> = {},
) {
  return logFact({ type: "log", level, category, message, ...more });
}

Deno.test("a refused advert is an event that is counted, with its sender", () => {
  const fact = logged("warning", ["vrrp", "web/ipv6"], "Advertisement refused: ttl", {
    properties: { source: "2001:db8::2", packets: 40 },
    suppressed: 2,
  });
  assert.deepEqual(fact, {
    type: "vrrp",
    name: "web",
    level: "warning",
    event: "refused",
    text: "Advertisement refused: ttl",
    cause: null,
    details: { source: "2001:db8::2" },
    count: 42,
    folded: true,
  });
});

Deno.test("what comes as a fact of its own is not told twice, and what is for developers not at all", () => {
  assert.equal(logged("info", ["vrrp", "web"], "backup → master"), undefined);
  assert.equal(logged("warning", ["bfd", "to-peer"], "up → down"), undefined);
  assert.equal(logged("warning", ["checks", "gateway"], "down"), undefined);
  assert.equal(logged("info", ["control"], "Released web on request"), undefined);
  assert.equal(logged("debug", ["vrrp", "eth0"], "Advertisement refused: x"), undefined);
  assert.equal(logged("warning", ["elsewhere"], "x"), undefined);
  const died = logged("error", ["control"], "The protocol plane died", {
    properties: { reason: "oh", stack: "at …" },
  });
  assert.deepEqual([died?.event, died?.cause, died?.details], ["plane_died", "oh", undefined]);
});

Deno.test("a tracker's turn has its name and what it said; of what else it says, a count", () => {
  const fails = logged("warning", ["trackers"], "Tracked route", {
    properties: { route: "default", found: "no such route" },
  });
  assert.deepEqual(
    [fails?.type, fails?.name, fails?.text, fails?.to, fails?.cause, fails?.folded],
    ["tracker", "default", "route fails", "down", "no such route", undefined],
  );
  const trouble = logged("warning", ["trackers"], "Cannot look at processes", {
    properties: { reason: "x" },
  });
  assert.deepEqual([trouble?.event, trouble?.folded], ["log", true]);
});

const REPORT: AddressReport = {
  type: "addresses",
  id: "k:1",
  cause: "p:1",
  router: "web",
  wanted: true,
  present: ["192.0.2.10"],
  failed: [],
  repairs: 0,
  announcements: 0,
};

Deno.test("addresses that come and go are told as what they are", () => {
  const events = (report: AddressReport, before?: AddressReport) =>
    holdingFacts(report, before).map(({ event, text }) => `${event}: ${text}`);
  assert.deepEqual(events(REPORT), ["addresses_put: 192.0.2.10 put on the interface"]);
  assert.deepEqual(events(REPORT, REPORT), []);
  const none = { ...REPORT, present: [] };
  assert.deepEqual(events({ ...none, wanted: false }, REPORT), [
    "addresses_removed: 192.0.2.10 taken off the interface",
  ]);
  assert.deepEqual(events(none, REPORT), [
    "addresses_lost: 192.0.2.10 gone from the interface, though wanted there",
  ]);
  const failed = [{ address: "192.0.2.10", reason: "no such device" }];
  assert.deepEqual(events({ ...none, failed }, none), [
    "address_failed: 192.0.2.10 cannot be put on the interface",
  ]);
  assert.deepEqual(events({ ...none, failed }, { ...none, failed }), []);
  const [repaired] = holdingFacts({ ...REPORT, repairs: 5 }, { ...REPORT, repairs: 2 });
  assert.deepEqual([repaired?.event, repaired?.count], ["repaired", 3]);
  const [anew] = holdingFacts({ ...REPORT, repairs: 1 }, { ...REPORT, repairs: 5 });
  assert.deepEqual([anew?.event, anew?.count], ["repaired", 1], "by a plane that was started anew");
});

Deno.test("an interface: what of it changed", () => {
  const state: InterfaceState = {
    namespace: "",
    index: 2,
    name: "eth0",
    groups: [],
    up: true,
    running: true,
    mac: "02:00:00:00:00:01",
    mtu: 1500,
    ipv4: ["192.0.2.1"],
    ipv6: [],
    ipv6Global: [],
    networks: [],
  };
  const events = (now: Partial<InterfaceState>, before: KnownInterface | undefined = state) =>
    interfaceFacts({ state: { ...state, ...now } }, before).map(({ event }) => event);
  assert.deepEqual(events({}), []);
  assert.deepEqual(events({ running: false }), ["no_carrier"]);
  assert.deepEqual(events({ up: false, running: false }), ["down", "no_carrier"]);
  assert.deepEqual(events({ index: 9 }), ["recreated"]);
  assert.deepEqual(events({ ipv4: [] }), ["addresses"]);
  assert.deepEqual(interfaceFacts({ state }, undefined).map(({ event }) => event), ["appeared"]);
});

Deno.test("a server that changes is told with what it was before, as history draws it", () => {
  const step = { type: "balance_step", server: "web", at: 0, id: "p2", cause: "p1" } as const;
  const about = { kind: "real_server", realServer: "198.51.100.11:80", reason: "refused" } as const;
  const fact = balanceFact({ ...step, what: { ...about, from: "up", state: "down" } });
  assert.deepEqual([fact.name, fact.from, fact.to], ["web 198.51.100.11:80", "up", "down"]);
  const first = balanceFact({ ...step, what: { ...about, state: "down" } });
  assert.deepEqual(["from" in first, first.to], [false, "down"]);
});
