/** Interfaces of virtual MACs where the kernel refuses, or there are many. */

import { strict as assert } from "node:assert";
import type { NamespaceIo } from "../../../mod/kernel/io.ts";
import type { LeaseBook } from "../../../mod/kernel/lease.ts";
import { Requester } from "../../../mod/kernel/requester.ts";
import type { Tables } from "../../../mod/kernel/tables.ts";
import { NamespaceView } from "../../../mod/kernel/view.ts";
import { VirtualLinks } from "../../../mod/kernel/virtual_links.ts";
import {
  type Link,
  readLink,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
  splitMessages,
} from "../../../mod/netlink/mod.ts";
import { answering, errorMessage, linkMessage } from "./model_messages.ts";
import { router } from "./rig.ts";

const SECOND = 1_000_000;
const NLM_F_CREATE = 0x400;

/** eth0, a kernel that makes what is asked for, and settings that may be read-only. */
class Bench {
  readonly view = new NamespaceView();
  readonly settings = new Map<string, string>();
  readonly requests: string[] = [];
  readonly said: string[] = [];
  /** Errno for every removal. */
  removals = 0;
  readOnly = false;
  #made = 10;
  readonly links: VirtualLinks;

  constructor() {
    this.put({ index: 2, name: "eth0", alias: "" });
    const answers: Uint8Array[] = [];
    const requester = new Requester({
      send: (bytes) => answers.push(...this.#answers(bytes.slice())),
      receive: () => answers.shift(),
    });
    const io = {
      setting: (path: string) => this.settings.get(path) ?? "0",
      set: (path: string, value: string) => {
        if (this.readOnly) throw new Error(`open ${path}: Read-only file system`);
        this.settings.set(path, value);
      },
    } as Pick<NamespaceIo, "setting" | "set"> as NamespaceIo;
    const book = { router: () => undefined } as unknown as LeaseBook;
    this.links = new VirtualLinks(
      { io, requester, view: this.view, tables: { follow: () => {} } as Tables },
      book,
      (_level, _category, message, properties) =>
        void this.said.push(`${message} ${properties?.operation ?? ""}`),
      () => {},
    );
  }

  put(link: Partial<Link> & { index: number; name: string }): void {
    const rest = {
      family: 0,
      hardwareType: 1,
      flags: 1,
      up: true,
      running: true,
      mac: "",
      mtu: 1500,
    };
    this.view.putLink(
      { ...rest, parent: 0, master: 0, kind: "", alias: "", group: 0, ...link } as Link,
    );
  }

  #answers(bytes: Uint8Array): Uint8Array[] {
    return splitMessages(bytes).messages.flatMap(({ type, flags, sequence, payload }) => {
      if (type === RTM_DELLINK) {
        this.requests.push("remove");
        return [errorMessage(sequence, this.removals)];
      }
      if (type === RTM_GETLINK) {
        const made = { index: ++this.#made, name: "vrrp.51", flags: 0, mac: [0], mtu: 1500 };
        const told = linkMessage(RTM_NEWLINK, made);
        return [answering(sequence, told), errorMessage(sequence, 0)];
      }
      assert.equal(type, RTM_NEWLINK);
      if ((flags & NLM_F_CREATE) !== 0) {
        const read = readLink({ type, flags, sequence, payload, portId: 0 });
        this.requests.push(read.ok ? `make ${read.value.name}` : "make");
      }
      return [errorMessage(sequence, 0)];
    });
  }
}

const NOTE = "halb virtual link on 2: arp_ignore=0 arp_filter=0 arp_announce=0";

function want(bench: Bench, names: readonly string[]): void {
  bench.links.want(
    names.map((name) =>
      router(name, [], { virtualLinks: [{ name, base: "eth0", type: "macvlan" }] })
    ),
  );
}

Deno.test("virtual links: a former process may have left one without its settings", () => {
  const bench = new Bench();
  bench.put({ index: 5, name: "vrrp.51", kind: "macvlan", alias: NOTE });
  want(bench, ["vrrp.51"]);
  bench.links.act(0);
  assert.equal(bench.settings.get("ipv4/conf/vrrp.51/arp_ignore"), "1");
  assert.equal(bench.settings.get("ipv4/conf/eth0/arp_announce"), "2");
  bench.settings.set("ipv4/conf/eth0/arp_announce", "1");
  bench.links.act(0);
  assert.equal(bench.settings.get("ipv4/conf/eth0/arp_announce"), "1", "seen to once");
  assert.equal(bench.links.problemOf("vrrp.51"), "");
});

Deno.test("virtual links: settings that may not be written are a problem of the router", () => {
  const bench = new Bench();
  bench.readOnly = true;
  bench.put({ index: 5, name: "vrrp.51", kind: "macvlan", alias: NOTE });
  want(bench, ["vrrp.51", "vrrp.52"]);
  bench.put({ index: 6, name: "vrrp.52", kind: "veth" });
  bench.links.act(0);
  assert.match(bench.links.problemOf("vrrp.51"), /Read-only file system.*and \d+ more/);
  assert.match(bench.links.problemOf("vrrp.52"), /^Cannot make vrrp.52: an interface of that name/);
});

Deno.test("virtual links: one that cannot be removed is not tried again at once", () => {
  const bench = new Bench();
  bench.removals = 1;
  bench.put({ index: 5, name: "vrrp.51", kind: "ipvlan", alias: NOTE });
  want(bench, ["vrrp.51"]);
  for (let turn = 0; turn < 20; turn++) assert.equal(bench.links.act(0), false);
  assert.deepEqual(bench.requests, ["remove"]);
  assert.equal(bench.links.deadline, SECOND);
  assert.match(bench.said.join(), /EPERM/);
  bench.removals = 0;
  assert.equal(bench.links.act(SECOND), true);
});

Deno.test("virtual links: many are made some at a time", () => {
  const bench = new Bench();
  want(bench, Array.from({ length: 100 }, (_, i) => `vrrp.${i}`));
  assert.equal(bench.links.act(0), true);
  assert.equal(bench.requests.length, 8);
  assert.equal(bench.links.deadline, 0, "and the others at once");
});
