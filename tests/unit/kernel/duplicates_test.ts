/** Who else holds a virtual address: what counts as a claim, and when it is told. */

import assert from "node:assert/strict";
import { DuplicateWatch } from "../../../mod/kernel/duplicates.ts";
import { arpProbe, gratuitousArp, neighbourAdvertisement } from "../../../mod/kernel/frames.ts";
import { arpClaim, ndClaim } from "../../../mod/kernel/neighbour_sockets.ts";
import { forSeeds } from "../../lib/random.ts";
import { Rig, router } from "./rig.ts";

const OWN = "02:00:00:00:00:01";
const OTHER = "02:00:00:00:00:02";
const SECOND = 1_000_000;
const WEB = { router: "web", address: "192.0.2.10", index: 2, mac: OWN };
const isOurs = (mac: string) => mac === OWN;

Deno.test("a claim counts when the address has settled, once, and not of ourselves", () => {
  const watch = new DuplicateWatch();
  assert.equal(watch.want([WEB], 0), true);
  assert.equal(watch.want([WEB], 1), false);
  const claim = { index: 2, address: "192.0.2.10", mac: OTHER };
  assert.equal(watch.heard(claim, SECOND, isOurs), undefined, "the former master's last words");
  assert.equal(watch.heard({ ...claim, mac: OWN }, 3 * SECOND, isOurs), undefined);
  assert.equal(watch.heard({ ...claim, index: 3 }, 3 * SECOND, isOurs), undefined, "another link");
  assert.equal(watch.heard({ ...claim, address: "192.0.2.9" }, 3 * SECOND, isOurs), undefined);
  assert.equal(watch.heard(claim, 3 * SECOND, isOurs)?.mac, OTHER);
  assert.equal(watch.heard(claim, 4 * SECOND, isOurs), undefined, "known");
  assert.deepEqual(watch.of("web").map(({ since, last }) => [since, last]), [[
    3 * SECOND,
    4 * SECOND,
  ]]);
  assert.deepEqual(watch.takeEnded(100 * SECOND), []);
  assert.deepEqual(watch.takeEnded(155 * SECOND).map(({ mac }) => mac), [OTHER]);
  assert.deepEqual(watch.of("web"), []);
});

Deno.test("who lets an address go has no duplicate of it", () => {
  const watch = new DuplicateWatch();
  watch.want([WEB], 0);
  watch.heard({ index: 2, address: "192.0.2.10", mac: OTHER }, 3 * SECOND, isOurs);
  watch.want([], 4 * SECOND);
  assert.equal(watch.takeEnded(4 * SECOND).length, 1);
});

Deno.test("a claim without an interface counts, unless the address is link-local", () => {
  const watch = new DuplicateWatch();
  const six = { ...WEB, address: "2001:db8::10" };
  watch.want([six, { ...WEB, address: "fe80::10" }], 0);
  const claim = { index: 0, address: "2001:db8::10", mac: OTHER };
  assert.ok(watch.heard(claim, 3 * SECOND, isOurs));
  assert.equal(watch.heard({ ...claim, address: "fe80::10" }, 3 * SECOND, isOurs), undefined);
});

Deno.test("IPv4 addresses are asked for when they have settled, then once a minute", () => {
  const watch = new DuplicateWatch();
  watch.want([WEB, { ...WEB, address: "2001:db8::10" }], 0);
  assert.deepEqual(watch.dueProbes(SECOND, 10), []);
  assert.deepEqual(watch.dueProbes(2 * SECOND, 10).map(({ address }) => address), ["192.0.2.10"]);
  assert.deepEqual(watch.dueProbes(3 * SECOND, 10), []);
  assert.equal(watch.dueProbes(62 * SECOND, 10).length, 1);
  watch.want(Array.from({ length: 9 }, (_, i) => ({ ...WEB, address: `192.0.2.${i}` })), 0);
  assert.equal(watch.dueProbes(200 * SECOND, 4).length, 4);
  assert.equal(watch.dueProbes(200 * SECOND, 10).length, 5);
});

Deno.test("a flood of claims with ever new hardware addresses stays small", () => {
  const watch = new DuplicateWatch();
  watch.want([WEB], 0);
  for (let i = 0; i < 10_000; i++) {
    const mac = `02:00:00:00:${(i >> 8).toString(16)}:${(i & 255).toString(16)}`;
    watch.heard({ index: WEB.index, address: WEB.address, mac }, 10 * SECOND, () => false);
  }
  assert.equal(watch.of(WEB.router).length, 4);
  assert.equal(watch.takeEnded(200 * SECOND).length, 4, "and is over in time");
});

Deno.test("two routers with one address are listened for once", () => {
  const watch = new DuplicateWatch();
  const both = [WEB, { ...WEB, router: "other" }];
  assert.equal(watch.want(both, 0), true);
  assert.equal(watch.want(both, SECOND), false);
  assert.equal(watch.want([], SECOND), true);
});

Deno.test("sockets that cannot be opened are tried again", () => {
  const rig = new Rig();
  rig.kernel.link("eth0");
  rig.configure([router("web", ["192.0.2.10"])]);
  const open = rig.kernel.neighbours.bind(rig.kernel);
  rig.kernel.neighbours = () => {
    throw new Error("Too many open files");
  };
  rig.hold("web");
  rig.run(3 * SECOND);
  rig.kernel.neighbours = open;
  rig.run(10 * SECOND);
  assert.deepEqual(rig.kernel.listening, ["192.0.2.10"]);
  const said = rig.logs().filter(({ message }) => message.startsWith("Cannot hear"));
  assert.equal(said.length, 1);
});

Deno.test("claims are read from announcements of either family, and from no noise", () => {
  const from = new Uint8Array(128);
  new DataView(from.buffer).setInt32(4, 7, true);
  assert.deepEqual(arpClaim(gratuitousArp("192.0.2.10", OTHER, "reply"), from), {
    index: 7,
    address: "192.0.2.10",
    mac: OTHER,
  });
  assert.equal(arpClaim(arpProbe("192.0.2.10", OTHER), from)?.address, "0.0.0.0");
  const message = neighbourAdvertisement("2001:db8::10", OTHER, false).subarray(54);
  assert.deepEqual(ndClaim(message, new Uint8Array(128)), {
    index: 0,
    address: "2001:db8::10",
    mac: OTHER,
  });
  assert.equal(ndClaim(message.subarray(0, 24), from), undefined, "no hardware address");
  forSeeds(300, (random) => {
    const bytes = Uint8Array.from({ length: random.int(0, 128) }, () => random.int(0, 255));
    if (random.chance(0.5) && bytes.length > 0) bytes[0] = 136;
    arpClaim(bytes, from);
    ndClaim(bytes, from);
  });
});

Deno.test("the plane listens while it holds, reports who else does, and asks", () => {
  const rig = new Rig();
  rig.kernel.link("eth0");
  rig.configure([router("web", ["192.0.2.10"])]);
  rig.run(2 * SECOND);
  assert.equal(rig.kernel.listening, null, "a backup does not listen");
  rig.hold("web");
  rig.run(3 * SECOND);
  assert.deepEqual(rig.kernel.listening, ["192.0.2.10"]);
  assert.deepEqual(rig.kernel.questions.map((frame) => [...frame.slice(38)]), [[192, 0, 2, 10]]);
  rig.kernel.claims.push({ index: 0, address: "192.0.2.10", mac: OTHER });
  rig.run(SECOND);
  assert.deepEqual(rig.report("web").duplicates?.map(({ mac }) => mac), [OTHER]);
  rig.drop("web");
  rig.run(2 * SECOND);
  assert.equal(rig.report("web").duplicates, undefined);
  assert.equal(rig.kernel.listening, null);
});

Deno.test("the announcements of a takeover wait for no socket and no setting", () => {
  const rig = new Rig();
  rig.kernel.link("eth0");
  rig.configure([{ ...router("web", ["192.0.2.10"]), promoteSecondaries: true }]);
  let sent = -1;
  const { kernel } = rig;
  const [neighbours, setting] = [kernel.neighbours, kernel.setting];
  const opened: number[] = [];
  kernel.neighbours = () => (opened.push(kernel.frames.length), neighbours.call(kernel));
  kernel.setting = (path) => (sent = kernel.frames.length, setting.call(kernel, path));
  rig.run(2 * SECOND);
  rig.hold("web");
  rig.run(SECOND);
  assert(opened[0]! > 0, "listens after the first frame");
  assert(sent > 0, "looks at settings after it");
});
