/** Memberships in the VRRP groups follow the configuration and the interfaces. */

import assert from "node:assert/strict";
import type { Membership } from "../../../mod/kernel/io.ts";
import { Memberships } from "../../../mod/kernel/memberships.ts";
import { NamespaceView } from "../../../mod/kernel/view.ts";

/** Interfaces by name, a kernel that may refuse, and what is joined. */
class Bench {
  readonly indexes = new Map<string, number>([["eth0", 2], ["eth1", 3]]);
  /** Other than 1, by index and family. */
  readonly births = new Map<string, number>();
  readonly joined: string[] = [];
  readonly said: string[] = [];
  refuse = "";
  readonly memberships = new Memberships(
    { join: (index, group) => this.#join(index, group) },
    {
      indexOf: (name) => this.indexes.get(name),
      birth: (index, ipv6) => this.births.get(`${index}/${ipv6 ? "ipv6" : "ipv4"}`) ?? 1,
    },
    (_level, _category, message) => void this.said.push(message),
  );

  #join(index: number, group: string): Membership {
    if (group === this.refuse) throw new Error("Not here");
    const key = `${index}/${group}`;
    assert.ok(!this.joined.includes(key), `${key} joined twice`);
    this.joined.push(key);
    return { leave: () => void this.joined.splice(this.joined.indexOf(key), 1) };
  }
}

Deno.test("memberships: joined once, whoever asks for them; left when nobody does", () => {
  const bench = new Bench();
  bench.memberships.want([
    { name: "eth0", groups: ["ipv4"] },
    { name: "eth0", groups: ["ipv6", "ipv4"] },
    { name: "eth1", groups: [] },
  ]);
  bench.memberships.settle(0);
  bench.memberships.settle(0);
  assert.deepEqual(bench.joined, ["2/ipv4", "2/ipv6"]);
  assert.deepEqual(bench.memberships.groupsOf(2), ["ipv4", "ipv6"]);
  assert.deepEqual(bench.memberships.groupsOf(3), []);
  bench.memberships.want([{ name: "eth0", groups: ["ipv6"] }]);
  bench.memberships.settle(0);
  assert.deepEqual(bench.joined, ["2/ipv6"]);
  bench.memberships.close();
  assert.deepEqual(bench.joined, []);
});

Deno.test("memberships: an interface that comes back with another index is joined anew", () => {
  const bench = new Bench();
  bench.memberships.want([{ name: "eth0", groups: ["ipv4"] }]);
  bench.memberships.settle(0);
  bench.indexes.delete("eth0");
  bench.memberships.settle(0);
  assert.deepEqual(bench.joined, []);
  bench.indexes.set("eth0", 9);
  bench.memberships.settle(0);
  assert.deepEqual(bench.joined, ["9/ipv4"]);
});

Deno.test("memberships: a refusal is told, leaves the other family alone, and is tried again", () => {
  const bench = new Bench();
  bench.refuse = "ipv6";
  bench.memberships.want([{ name: "eth0", groups: ["ipv4", "ipv6"] }]);
  bench.memberships.settle(0);
  assert.deepEqual(bench.memberships.groupsOf(2), ["ipv4"]);
  assert.deepEqual(bench.said, ["Cannot join the VRRP group of ipv6"]);
  assert.equal(bench.memberships.deadline, 1_000_000);
  bench.memberships.settle(1_000_000);
  assert.equal(bench.said.length, 1, "the same is said once");
  bench.refuse = "";
  bench.memberships.settle(2_000_000);
  assert.deepEqual(bench.memberships.groupsOf(2), ["ipv4", "ipv6"]);
  assert.equal(bench.memberships.deadline, Infinity);
});

Deno.test("memberships: what the kernel has forgotten is joined anew, the old one left before", () => {
  const bench = new Bench();
  bench.memberships.want([{ name: "eth0", groups: ["ipv4", "ipv6", "ff02::1234"] }]);
  bench.memberships.settle(0);
  bench.births.set("2/ipv6", 2);
  bench.memberships.settle(0);
  assert.deepEqual(bench.joined, ["2/ipv4", "2/ipv6", "2/ff02::1234"]);
});

Deno.test("an interface has another life after leaving, IPv6 also after too small an MTU", () => {
  const view = new NamespaceView();
  const link = { family: 0, index: 2, name: "eth0", mtu: 1500 } as Parameters<
    NamespaceView["putLink"]
  >[0];
  const births = () => [view.birth(2, false), view.birth(2, true)];
  view.putLink(link);
  assert.deepEqual(births(), [1, 1]);
  for (const mtu of [1280, 1279, 1000, 1500, 1280]) view.putLink({ ...link, mtu });
  assert.deepEqual(births(), [1, 2]);
  view.clear();
  view.putLink(link);
  assert.deepEqual(births(), [1, 2], "the table was read again");
  view.removeLink(link);
  view.putLink(link);
  assert.deepEqual(births(), [3, 3]);
});
