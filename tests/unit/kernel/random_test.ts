/** Random sequences of everything that can happen, and what must hold through all of them. */

import { strict as assert } from "node:assert";
import { HALB_PROTOCOL, IFA_F_NOPREFIXROUTE, RTM_NEWADDR } from "../../../mod/netlink/mod.ts";
import type { KernelRouter } from "../../../mod/plane/messages.ts";
import { hostsOwn, isIpv6 } from "./model_tables.ts";
import { held, Rig, router } from "./rig.ts";

const SECOND = 1_000_000;
const STEPS = 400;

function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return Math.floor(((state ^ (state >>> 13)) >>> 0) / 2 ** 32 * below);
  };
}

class Walk {
  readonly rig = new Rig();
  readonly random: (below: number) => number;
  readonly held = new Map<string, boolean>();
  readonly indexes: number[];
  routers: KernelRouter[] = [];
  epoch = 1;
  /** What the host has of its own, by its own doing. */
  own: string[] = [];

  constructor(seed: number) {
    this.random = generator(seed);
    this.rig.kernel.tardy = seed % 2 === 0;
    this.indexes = [this.rig.kernel.link("eth0"), this.rig.kernel.link("eth1")];
    for (const [i, index] of this.indexes.entries()) {
      this.rig.kernel.addByOthers(index, `192.0.2.${i * 128 + 1}`, 25);
      this.rig.kernel.addByOthers(index, `2001:db8::${i + 1}`, 64);
      this.rig.kernel.addRouteByOthers({
        index,
        destination: "198.51.100.0",
        gateway: `192.0.2.${i * 128 + 126}`,
        priority: index,
      });
    }
    this.own = hostsOwn(this.rig.kernel);
    this.configure();
  }

  configure(): void {
    const pool = [
      "192.0.2.10/25",
      "2001:db8::10/64",
      "192.0.2.11/24",
      "203.0.113.10/24",
      "2001:db8:1::10/64",
      "203.0.113.11/24",
    ];
    this.routers = [];
    for (const name of ["a", "b", "c"].slice(0, 1 + this.random(3))) {
      const vips = pool.splice(0, 1 + this.random(2));
      this.routers.push(router(name, vips.map((vip) => held(vip, `eth${this.random(2)}`)), {
        slot: name.charCodeAt(0),
        lease: [0, 1, 3, 5][this.random(4)] ?? 0,
      }));
    }
    for (const name of this.held.keys()) {
      if (!this.routers.some((one) => one.name === name)) {
        this.held.delete(name);
        this.rig.words.setMastership(name.charCodeAt(0), 0);
      }
    }
    this.rig.configure(this.routers, ["eth0", "eth1"]);
  }

  step(): string {
    const { rig, random, routers } = this;
    const one = routers[random(routers.length)];
    assert(one);
    const index = this.indexes[random(2)] ?? 0;
    const vip = one.addresses[random(one.addresses.length)]?.address ?? "";
    const kind = random(12);
    switch (kind) {
      case 0:
      case 1:
        this.held.set(one.name, true);
        rig.hold(one.name, ++this.epoch, one.slot);
        return `hold ${one.name}`;
      case 2:
        this.held.set(one.name, false);
        rig.drop(one.name, one.slot);
        return `drop ${one.name}`;
      case 3:
        this.configure();
        return "configure";
      case 4: {
        const ours = rig.kernel.has(index, vip);
        if (ours?.protocol === HALB_PROTOCOL) rig.kernel.removeByOthers(index, vip);
        return `somebody removes ${vip}`;
      }
      case 5:
        rig.kernel.refusals.push({ type: RTM_NEWADDR, errno: 12 });
        return "the next address is refused";
      case 6:
        rig.kernel.overrun();
        return "notifications are lost";
      case 7:
        rig.beating = !rig.beating;
        return `beating: ${rig.beating}`;
      case 8:
        rig.freeze((1 + random(5)) * SECOND);
        return "frozen";
      case 9:
        this.toggleHostAddress(index);
        return "the host's own addresses change";
      case 10:
        rig.kernel.changeLink(index, { flags: random(2) === 0 ? 0x41 : 0x1 });
        return "carrier changes";
      default:
        rig.run(random(4) * SECOND + random(SECOND));
        return "time passes";
    }
  }

  /** 203.0.113.0/24 is sometimes the host's own network, with a primary and a secondary address. */
  toggleHostAddress(index: number): void {
    const { kernel } = this.rig;
    if (!kernel.removeByOthers(index, "203.0.113.200")) {
      kernel.addByOthers(index, "203.0.113.200", 24);
    }
    this.own = hostsOwn(kernel);
  }

  check(): void {
    const { kernel } = this.rig;
    assert.deepEqual(hostsOwn(kernel), this.own, "the host's own");
    for (const address of kernel.addresses) {
      if (address.protocol !== HALB_PROTOCOL) continue;
      assert.equal(address.prefixLength, isIpv6(address) ? 128 : 32);
      assert.equal(address.flags & IFA_F_NOPREFIXROUTE, IFA_F_NOPREFIXROUTE);
    }
  }

  /** All quiet: what is wanted is there, and nothing else of ours. */
  checkSettled(): void {
    this.rig.beating = true;
    this.rig.kernel.refusals.length = 0;
    this.rig.run(11 * SECOND);
    const wanted: string[] = [];
    for (const one of this.routers) {
      if (this.held.get(one.name) !== true) continue;
      for (const { address, interface: name } of one.addresses) {
        wanted.push(`${this.indexes[Number(name.slice(3))]} ${address}`);
      }
    }
    const there = this.rig.kernel.addresses.filter((one) => one.protocol === HALB_PROTOCOL)
      .map((one) => `${one.index} ${one.address}`);
    assert.deepEqual(there.sort(), wanted.sort());
    const covered = (index: number) => this.rig.kernel.has(index, "203.0.113.200") !== undefined;
    for (const index of this.indexes) {
      const needs = there.some((one) => one.startsWith(`${index} 203.0.113.`)) && !covered(index);
      assert.equal(this.hasRoute(index, "203.0.113.0"), needs, `own route on ${index}`);
      const needs6 = there.includes(`${index} 2001:db8:1::10`);
      assert.equal(this.hasRoute(index, "2001:db8:1::"), needs6, `own IPv6 route on ${index}`);
      assert(!this.hasRoute(index, "2001:db8::"), `the host covers it on ${index}`);
    }
  }

  /** One that halb made, and whose source is there. */
  hasRoute(index: number, destination: string): boolean {
    return this.rig.kernel.routes.some((route) =>
      route.index === index && route.destination === destination &&
      route.protocol === HALB_PROTOCOL && this.rig.kernel.has(index, route.source) !== undefined
    );
  }

  /** The protocol loop hangs: no leased address outlives its lease by more than a second. */
  checkExpiry(): void {
    this.rig.beating = false;
    this.rig.run(6 * SECOND);
    const leased = this.rig.kernel.addresses.filter((one) => one.expiresAt !== Infinity);
    assert.deepEqual(leased, []);
    for (const one of this.rig.kernel.addresses) {
      if (one.protocol !== HALB_PROTOCOL) continue;
      const lease = this.routers.find(({ addresses }) =>
        addresses.some((held) => held.address === one.address)
      )?.lease;
      assert.equal(lease, 0, `${one.address} stays for ever`);
    }
  }
}

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  Deno.test(`${STEPS} random steps keep the invariants (seed ${seed})`, () => {
    const walk = new Walk(seed);
    const story: string[] = [];
    try {
      for (let step = 0; step < STEPS; step++) {
        story.push(walk.step());
        walk.rig.wake();
        walk.check();
        if (step % 20 === 19) {
          story.push("settle");
          walk.checkSettled();
          walk.check();
        }
        if (step % 40 === 39) {
          story.push("hang");
          walk.checkExpiry();
          walk.check();
        }
      }
      assert(!walk.rig.logs().some((log) => log.level === "error"));
    } catch (error) {
      console.error(`Seed ${seed}, last steps:\n  ${story.slice(-15).join("\n  ")}`);
      throw error;
    }
  });
}
