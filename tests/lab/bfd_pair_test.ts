/** A hundred BFD sessions of every form between two agents, some in other namespaces. */

import { strict as assert } from "node:assert";
import { BfdAgent } from "../lib/bfd_agent.ts";
import type { BfdSpec } from "../lib/bfd_site.ts";
import { assertAuthentic, digestHolds, type SeenBfd, seenBfd } from "../lib/bfd_wire.ts";
import { type Host, type Lab, lab } from "../lib/mod.ts";
import { twoHops } from "./bfd_topology.ts";

const TYPES = [
  "none",
  "simple",
  "keyed-md5",
  "meticulous-keyed-md5",
  "keyed-sha1",
  "meticulous-keyed-sha1",
  "frr-hmac",
] as const;
const SECRET = "hush hush";
const KEYS = [{ id: 7, secret: SECRET }];
/** Of each of: one hop and several, IPv4 and IPv6. */
const EACH = 23;

function authOf(i: number): Pick<BfdSpec, "auth"> {
  const type = TYPES[i % TYPES.length]!;
  if (type === "none") return {};
  if (type !== "frr-hmac") return { auth: { type, keys: KEYS } };
  return { auth: { type: "meticulous-keyed-sha1", keys: KEYS, construction: type } };
}

interface Form {
  readonly name: string;
  readonly multihop: boolean;
  /** Addresses of both ends, by number. */
  readonly ends: (i: number) => readonly [string, string];
}

const hex = (i: number) => (16 + i).toString(16);
const FORMS: readonly Form[] = [
  { name: "near4", multihop: false, ends: (i) => [`192.0.2.${10 + i}`, `192.0.2.${110 + i}`] },
  {
    name: "near6",
    multihop: false,
    ends: (i) => [`2001:db8:1::a:${hex(i)}`, `2001:db8:1::b:${hex(i)}`],
  },
  { name: "far4", multihop: true, ends: (i) => [`198.51.100.${10 + i}`, `203.0.113.${10 + i}`] },
  {
    name: "far6",
    multihop: true,
    ends: (i) => [`2001:db8:a::a:${hex(i)}`, `2001:db8:b::b:${hex(i)}`],
  },
];

/** All sessions of one side. @param side 0: the first address of each pair is its own */
function specs(side: 0 | 1, namespace: string): BfdSpec[] {
  const far = FORMS.flatMap(({ name, multihop, ends }) =>
    Array.from({ length: EACH }, (_, i): BfdSpec => ({
      name: `${name}-${i}`,
      peer: ends(i)[1 - side]!,
      source: ends(i)[side]!,
      ...(multihop ? { multihop, minimumTtl: 254 } : {}),
      ...authOf(i),
    }))
  );
  // The same addresses again, in another namespace: another session each.
  const elsewhere = Array.from({ length: 100 - far.length }, (_, i): BfdSpec => ({
    name: `elsewhere-${i}`,
    peer: FORMS[i % 2]!.ends(i)[1 - side]!,
    source: FORMS[i % 2]!.ends(i)[side]!,
    namespace,
    ...authOf(i),
  }));
  return [...far, ...elsewhere];
}

async function addAll(host: Host, side: 0 | 1, forms: readonly Form[], on: string) {
  const lines = forms.flatMap(({ ends }) =>
    Array.from({ length: EACH }, (_, i) => {
      const address = ends(i)[side]!;
      return `address add ${address}/${address.includes(":") ? 64 : 24} dev ${on}`;
    })
  );
  await host.exec(["ip", "-batch", "-"], { input: `${lines.join("\n")}\n` });
}

async function hundred(lab: Lab) {
  const [a, b, r, c, d] = await lab.hostsNamed("a", "b", "r", "c", "d");
  const lans = [
    await lab.lan("net", [a, b], { prefix: null }),
    await lab.lan("other", [c, d], { prefix: null }),
  ];
  const { left, right } = await twoHops(lab, a, r, b);
  for (const [i, host] of [a, b].entries()) {
    await addAll(host, i as 0 | 1, FORMS.slice(0, 2), "eth0");
    await addAll(host, i as 0 | 1, FORMS.slice(2), "eth1");
  }
  for (const [i, host] of [c, d].entries()) {
    await addAll(host, i as 0 | 1, FORMS.slice(0, 2), "eth0");
  }
  return { a, b, c, d, lans: [...lans, left, right] };
}

/** Packets between these two, both ways. */
function between(seen: readonly SeenBfd[], ends: readonly string[]): SeenBfd[] {
  return seen.filter(({ from }) => ends.includes(from));
}

lab(
  "[B5881-1] [B5883-1] [N6] [N14] a hundred sessions between two agents: every form at once",
  async (lab) => {
    const { a, b, c, d, lans } = await hundred(lab);
    const captures = [await lab.capture(a, "udp", "any"), await lab.capture(c, "udp")];
    const ours = [
      new BfdAgent(lab, a, specs(0, c.namespace)),
      new BfdAgent(lab, b, specs(1, d.namespace)),
    ] as const;
    const untilAll = (up: boolean) =>
      lab.until(
        `all are ${up ? "up" : "down"}`,
        async () => {
          for (const side of ours) {
            const rows = await side.rows();
            assert.equal(rows.length, 100);
            for (const row of rows) assert.equal(row.state === "up", up, JSON.stringify(row));
            if (!up) continue;
            for (const row of rows) assert.equal(row.detection_time_ms, 300, row.name);
          }
          return true;
        },
        20_000,
        200,
      );
    await untilAll(true);
    const transitions = async () => (await ours[0].rows()).map((row) => row.transitions);
    const before = await transitions();
    await lab.delay(1000);
    assert.deepEqual(await transitions(), before, "nothing moved");
    for (const side of ours) {
      const rows = await side.rows();
      for (const { name, counters } of rows) assert.deepEqual(counters.dropped, {}, name);
      assert.equal(new Set(rows.map((row) => row.local_discriminator)).size, 100);
    }
    for (const lan of lans) await lan.links[0]!.lose(100);
    await untilAll(false);
    for (const lan of lans) await lan.links[0]!.lose(0);
    await untilAll(true);
    const [seen, elsewhere] = [await seenBfd(captures[0]!), await seenBfd(captures[1]!)];
    assert(elsewhere.length > 50);
    assert.equal(new Set(seen.map(({ from, sourcePort }) => `${from} ${sourcePort}`)).size, 184);
    for (const { ends, multihop } of FORMS) {
      for (let i = 0; i < EACH; i++) {
        const own = between(seen, ends(i));
        assert(own.length > 20);
        const port = multihop ? 4784 : 3784;
        assert(own.every((one) => one.port === port && one.sourcePort >= 49_152));
        const type = TYPES.indexOf(TYPES[i % TYPES.length]!);
        if (type === 6) assert(own.every((one) => digestHolds(one, SECRET, true)));
        else if (type > 0) assertAuthentic(own, type, { 7: SECRET });
        else assert(own.every(({ authentication }) => authentication === 0));
      }
    }
  },
);
