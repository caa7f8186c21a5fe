/** Memberships in the VRRP groups follow the configuration and the interfaces. */

import assert from "node:assert/strict";
import type { Membership, NamespaceIo } from "../../../mod/kernel/io.ts";
import { Memberships } from "../../../mod/kernel/memberships.ts";
import type { NamespaceView } from "../../../mod/kernel/view.ts";

/** Interfaces by name, a kernel that may refuse, and what is joined. */
class Bench {
  readonly indexes = new Map<string, number>([["eth0", 2], ["eth1", 3]]);
  readonly joined: string[] = [];
  readonly said: string[] = [];
  refuse = "";
  readonly memberships = new Memberships(
    { join: (index, group) => this.#join(index, group) } as Pick<
      NamespaceIo,
      "join"
    > as NamespaceIo,
    { indexOf: (name: string) => this.indexes.get(name) } as Pick<
      NamespaceView,
      "indexOf"
    > as NamespaceView,
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
  bench.memberships.settle();
  bench.memberships.settle();
  assert.deepEqual(bench.joined, ["2/ipv4", "2/ipv6"]);
  assert.deepEqual(bench.memberships.groupsOf(2), ["ipv4", "ipv6"]);
  assert.deepEqual(bench.memberships.groupsOf(3), []);
  bench.memberships.want([{ name: "eth0", groups: ["ipv6"] }]);
  bench.memberships.settle();
  assert.deepEqual(bench.joined, ["2/ipv6"]);
  bench.memberships.close();
  assert.deepEqual(bench.joined, []);
});

Deno.test("memberships: an interface that comes back with another index is joined anew", () => {
  const bench = new Bench();
  bench.memberships.want([{ name: "eth0", groups: ["ipv4"] }]);
  bench.memberships.settle();
  bench.indexes.delete("eth0");
  bench.memberships.settle();
  assert.deepEqual(bench.joined, []);
  bench.indexes.set("eth0", 9);
  bench.memberships.settle();
  assert.deepEqual(bench.joined, ["9/ipv4"]);
});

Deno.test("memberships: a refusal is told, leaves the other family alone, and is tried again", () => {
  const bench = new Bench();
  bench.refuse = "ipv6";
  bench.memberships.want([{ name: "eth0", groups: ["ipv4", "ipv6"] }]);
  bench.memberships.settle();
  assert.deepEqual(bench.memberships.groupsOf(2), ["ipv4"]);
  assert.deepEqual(bench.said, ["Cannot join the VRRP group of ipv6"]);
  bench.refuse = "";
  bench.memberships.settle();
  assert.deepEqual(bench.memberships.groupsOf(2), ["ipv4", "ipv6"]);
});
