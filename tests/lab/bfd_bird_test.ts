/**
 * BFD sessions of the agent beside BIRD: what is negotiated, authenticated and told, as both sides
 * and tshark see it.
 */

import { strict as assert } from "node:assert";
import { BfdAgent } from "../lib/bfd_agent.ts";
import type { BfdKey, BfdRow, BfdSpec } from "../lib/bfd_site.ts";
import { assertAuthentic, seenBfd } from "../lib/bfd_wire.ts";
import { type Bird, startBird } from "../lib/bird.ts";
import { type Lab, lab, type Lan } from "../lib/mod.ts";
import { FAR, twoHops } from "./bfd_topology.ts";

const TYPES = [
  "simple",
  "keyed-md5",
  "meticulous-keyed-md5",
  "keyed-sha1",
  "meticulous-keyed-sha1",
] as const;
const SECRET = "hush hush";
/** Over several hops BIRD sends with the kernel's default; one router is between. */
const BIRD_TTL = 64;
const KEYS = [{ id: 7, secret: SECRET }];

/** One session of ours, and the lines that BIRD has for it. */
interface Case {
  readonly spec: BfdSpec;
  /** Our address, as BIRD knows the session. */
  readonly mine: string;
  readonly authentication: number;
}

/** BIRD's `interface` block. */
function block(on: string, more: string): string {
  return `  ${on} { interval 100 ms; multiplier 3; idle tx interval 1 s; ${more} };`;
}

function birdAuth(type: string): string {
  return `authentication ${type.replaceAll("-", " ")}; password "${SECRET}" { id 7; };`;
}

function withSecret({ auth }: BfdSpec, secret: string): Pick<BfdSpec, "auth"> {
  return auth === undefined ? {} : { auth: { ...auth, keys: [{ id: 7, secret }] } };
}

/** Host a, where halb is, and host b, where BIRD is: on LANs of their own and two hops apart. */
async function everyForm(lab: Lab) {
  const [a, r, b] = await lab.hostsNamed("a", "r", "b");
  const lans: Lan[] = [];
  const cases: Case[] = [];
  const lines: string[] = [];
  const add = (on: string, name: string, mine: string, peer: string, index: number) => {
    const type = TYPES[index - 1];
    const auth = type === undefined ? {} : { auth: { type, keys: KEYS } };
    cases.push({
      spec: { name, peer, source: mine, interface: on, ...auth },
      mine,
      authentication: index,
    });
    lines.push(`  neighbor ${mine} dev "${on}" local ${peer};`);
  };
  for (let i = 0; i <= TYPES.length; i++) {
    const addresses = {
      a: [`192.0.2.${16 * i + 1}/28`, `2001:db8:${i + 1}::1/64`, `fe80::a:1/64`],
      b: [`192.0.2.${16 * i + 2}/28`, `2001:db8:${i + 1}::2/64`, `fe80::b:1/64`],
    };
    lans.push(await lab.lan(`net${i}`, [a, b], { prefix: null, addresses }));
    const type = TYPES[i - 1];
    lines.push(block(`interface "eth${i}"`, type === undefined ? "" : birdAuth(type)));
    add(`eth${i}`, `v4-${type ?? "plain"}`, `192.0.2.${16 * i + 1}`, `192.0.2.${16 * i + 2}`, i);
    add(`eth${i}`, `v6-${type ?? "plain"}`, `2001:db8:${i + 1}::1`, `2001:db8:${i + 1}::2`, i);
  }
  add("eth0", "link-local", "fe80::a:1", "fe80::b:1", 0);
  const { left, right } = await twoHops(lab, a, r, b);
  lans.push(left, right);
  lines.push(block("multihop", birdAuth("meticulous-keyed-sha1")));
  const auth = { type: "meticulous-keyed-sha1", keys: KEYS };
  for (const [mine, peer] of FAR) {
    const name = `far-${mine}`;
    const spec = { name, peer, source: mine, multihop: true, minimumTtl: BIRD_TTL - 1, auth };
    cases.push({ spec, mine, authentication: 5 });
    lines.push(`  neighbor ${mine} local ${peer} multihop;`);
  }
  return { a, r, b, lans, cases, lines };
}

async function untilAll(lab: Lab, ours: BfdAgent, bird: Bird, up: boolean): Promise<void> {
  await ours.untilAll(up);
  await lab.until(
    `all are ${up ? "up" : "down"} for BIRD`,
    async () => {
      const wrong = (await bird.sessions()).filter(({ state }) => (state === "Up") !== up);
      if (wrong.length === 0) return true;
      throw new Error(JSON.stringify(wrong));
    },
    15_000,
    50,
  );
}

lab(
  "[B5881-2] [B7A-2] [N1] [N6] BIRD, every form at once: ways of authentication, families, hops",
  async (lab) => {
    const { a, b, lans, cases, lines } = await everyForm(lab);
    const bird = await startBird(lab, b, lines.join("\n"));
    const capture = await lab.capture(a, "udp", "any");
    const ours = new BfdAgent(lab, a, cases.map(({ spec }) => spec));
    await untilAll(lab, ours, bird, true);
    await lab.until("the fast intervals are agreed", async () => {
      for (const row of await ours.rows()) {
        assert.deepEqual([row.detection_time_ms, row.transmit_interval_ms], [300, 100], row.name);
      }
      for (const row of await bird.sessions()) assert.equal(row.timeout, 0.3);
      return true;
    }, 5000);
    const before = await ours.transitions();
    await lab.delay(1500);
    for (const { name, counters } of await ours.rows()) {
      assert.deepEqual(counters.dropped, {}, name);
    }
    assert.deepEqual(await ours.transitions(), before, "nothing moved");
    // Silence on all links; carrier stays.
    for (const lan of lans) await lan.links[0]!.lose(100);
    await untilAll(lab, ours, bird, false);
    for (const { name, diagnostic } of await ours.rows()) {
      assert.equal(diagnostic, "control-expiry", name);
    }
    for (const lan of lans) await lan.links[0]!.lose(0);
    await untilAll(lab, ours, bird, true);
    const seen = await seenBfd(capture);
    for (const { spec: { name, peer, source }, authentication } of cases) {
      const mine = seen.filter(({ from }) => from === source);
      const theirs = seen.filter(({ from }) => from === peer);
      assert(mine.length > 20 && theirs.length > 20, name);
      assert(mine.every(({ ttl }) => ttl === 255), name);
      if (authentication > 0) assertAuthentic([...mine, ...theirs], authentication, { 7: SECRET });
    }
    // Another key under the same id: what is authenticated goes, the rest does not mind.
    const specs = cases.map(({ spec }) => spec);
    const steady = await ours.transitions();
    await ours.reload(specs.map((spec) => ({ ...spec, ...withSecret(spec, "hush hash") })));
    for (const { name, auth } of specs) {
      if (auth === undefined) continue;
      await lab.until(`${name} refuses`, async () => {
        const { state, counters } = await ours.row(name);
        return state === "down" && (counters.dropped["authentication_digest"] ?? 0) > 1;
      }, 10_000);
    }
    await ours.reload(specs);
    await untilAll(lab, ours, bird, true);
    const after = await ours.transitions();
    for (const { name, auth } of specs) {
      assert.equal(after[name] === steady[name], auth === undefined, name);
    }
  },
);

/** `near` on eth0 without, `safe` on eth1 with authentication. */
async function twoLinks(lab: Lab) {
  const [a, b] = await lab.hostsNamed("a", "b");
  const plain = await lab.lan("plain", [a, b]);
  const safe = await lab.lan("safe", [a, b], { prefix: "198.51.100.0/24" });
  return { a, b, plain, safe };
}

interface Wanted {
  readonly transmit?: number;
  readonly receive?: number;
  readonly passive?: boolean;
  readonly keys?: readonly BfdKey[];
}

const OLD = { id: 1, secret: "yesterday" };
const NEW = { id: 2, secret: "tomorrow" };

function ourSpecs({ transmit, receive, passive, keys = [OLD] }: Wanted = {}): BfdSpec[] {
  const more = {
    ...(transmit === undefined ? {} : { transmit }),
    ...(receive === undefined ? {} : { receive }),
    ...(passive === undefined ? {} : { passive }),
  };
  const auth = { type: "meticulous-keyed-sha1", keys };
  return [
    { name: "near", peer: "192.0.2.2", source: "192.0.2.1", interface: "eth0", ...more },
    {
      name: "safe",
      peer: "198.51.100.2",
      source: "198.51.100.1",
      interface: "eth1",
      auth,
      ...more,
    },
  ];
}

function birdLines(interval: string, more = "", keys: readonly BfdKey[] = [OLD]): string {
  const times = `${interval} multiplier 3; idle tx interval 1 s; ${more}`;
  const passwords = keys.map(({ id, secret }) => `password "${secret}" { id ${id}; };`).join(" ");
  return `  interface "eth0" { ${times} };
  interface "eth1" { ${times} authentication meticulous keyed sha1; ${passwords} };
  neighbor 192.0.2.1 dev "eth0" local 192.0.2.2;
  neighbor 198.51.100.1 dev "eth1" local 198.51.100.2;`;
}

const PLAIN = "interval 100 ms;";

lab(
  "[N26] [N8] [B7A-8] BIRD: intervals and keys change under way, both ways, and nothing goes down",
  async (lab) => {
    const { a, b } = await twoLinks(lab);
    const bird = await startBird(lab, b, birdLines(PLAIN));
    const capture = await lab.capture(a, "udp", "any");
    const ours = new BfdAgent(lab, a, ourSpecs());
    await untilAll(lab, ours, bird, true);
    const agreed = (detection: number, timeout: number) =>
      lab.until(
        `ours waits ${detection} ms and BIRD ${timeout} ms`,
        async () => {
          for (const row of await ours.rows()) assert.equal(row.detection_time_ms, detection);
          for (const row of await bird.sessions()) assert.equal(row.timeout * 1000, timeout);
          return true;
        },
        10_000,
        50,
      );
    await agreed(300, 300);
    const before = await ours.transitions();
    const rows = await ours.rows();
    // Ours: slower, slower than a second, faster; and what it takes.
    for (const [transmit, timeout] of [[400, 1200], [1500, 4500], [100, 300]] as const) {
      await ours.reload(ourSpecs({ transmit }));
      await agreed(300, timeout);
    }
    await ours.reload(ourSpecs({ receive: 500 }));
    await agreed(1500, 300);
    await ours.reload(ourSpecs());
    await agreed(300, 300);
    // BIRD's.
    for (
      const [words, detection, timeout] of [
        ["min tx interval 400 ms; min rx interval 100 ms;", 1200, 300],
        ["min tx interval 100 ms; min rx interval 500 ms;", 300, 1500],
        [PLAIN, 300, 300],
      ] as const
    ) {
      await bird.configure(birdLines(words));
      await agreed(detection, timeout);
    }
    // A second key that both take, then both sign with it, then the first one goes.
    const useKeys = (keys: readonly BfdKey[]) => ours.reload(ourSpecs({ keys }));
    await useKeys([OLD, NEW]);
    await bird.configure(birdLines(PLAIN, "", [NEW, OLD]));
    await lab.delay(500);
    await useKeys([NEW, OLD]);
    await lab.delay(500);
    await bird.configure(birdLines(PLAIN, "", [NEW]));
    await useKeys([NEW]);
    await lab.delay(500);
    assert.deepEqual(await ours.transitions(), before, "nothing moved");
    for (const [i, row] of (await ours.rows()).entries()) {
      assert.deepEqual(row.counters.dropped, {}, row.name);
      assert.equal(row.local_discriminator, rows[i]!.local_discriminator);
      assert.equal(row.remote_discriminator, rows[i]!.remote_discriminator);
    }
    const seen = await seenBfd(capture);
    const safe = seen.filter(({ from }) => from.startsWith("198.51.100."));
    assertAuthentic(safe, 5, { 1: OLD.secret, 2: NEW.secret });
    for (const address of ["192.0.2.1", "192.0.2.2", "198.51.100.1", "198.51.100.2"]) {
      const own = seen.filter(({ from }) => from === address);
      assert(own.some(({ poll }) => poll), `${address} asks`);
      assert(own.some(({ final }) => final), `${address} answers`);
      assert(own.every(({ poll, final }) => !(poll && final)), address);
      const firstUp = own.findIndex(({ state }) => state === "up");
      assert(own.slice(firstUp).every(({ state }) => state === "up"), `${address} stays up`);
    }
    for (const address of ["198.51.100.1", "198.51.100.2"]) {
      const keys = safe.filter(({ from }) => from === address).map(({ key }) => key);
      assert.deepEqual([keys[0], keys.at(-1)], [1, 2], `${address} changes its key`);
      const numbers = safe.filter(({ from }) => from === address).map(({ sequence }) => sequence);
      assert(numbers.slice(1).every((number, i) => number === ((numbers[i]! + 1) >>> 0)), address);
    }
  },
);

lab(
  "[N5] BIRD: taken down and up again, silent, passive, restarted: on either side",
  async (lab) => {
    const { a, b } = await twoLinks(lab);
    let bird = await startBird(lab, b, birdLines(PLAIN));
    const capture = await lab.capture(a, "udp", "any");
    let ours = new BfdAgent(lab, a, ourSpecs());
    const states = async (near: BfdRow["state"], safe: BfdRow["state"], theirs: string) => {
      await ours.untilState("near", near);
      await ours.untilState("safe", safe);
      await bird.untilState("192.0.2.1", theirs);
    };
    await states("up", "up", "Up");
    // By ours: BIRD is told, and the other session does not mind.
    const { transitions } = await ours.row("safe");
    await ours.down("near");
    await bird.untilState("192.0.2.1", "Down", 2000);
    await states("admin-down", "up", "Down");
    assert.equal((await ours.row("near")).diagnostic, "admin-down");
    await ours.up("near");
    await states("up", "up", "Up");
    assert.equal((await ours.row("safe")).transitions, transitions);
    // By BIRD, which falls silent.
    await bird.command("disable bfd1");
    await ours.untilState("near", "down");
    await ours.untilState("safe", "down");
    assert.equal((await ours.row("safe")).diagnostic, "control-expiry");
    await bird.command("enable bfd1");
    await states("up", "up", "Up");
    // Restarts. Ours says that it goes; BIRD that is killed says nothing, and neither does ours.
    await ours.agent.stop();
    await bird.untilState("192.0.2.1", "Down", 2000);
    ours = new BfdAgent(lab, a, ourSpecs());
    await states("up", "up", "Up");
    await ours.agent.kill();
    await bird.untilState("198.51.100.1", "Down");
    ours = new BfdAgent(lab, a, ourSpecs());
    await states("up", "up", "Up");
    // One side is passive, then the other. Who is up does not care, so both start anew.
    await bird.kill();
    await ours.untilAll(false);
    bird = await startBird(lab, b, birdLines(PLAIN, "passive yes;"));
    await states("up", "up", "Up");
    await bird.kill();
    await ours.untilAll(false);
    await ours.reload(ourSpecs({ passive: true }));
    bird = await startBird(lab, b, birdLines(PLAIN));
    await states("up", "up", "Up");
    const seen = await seenBfd(capture);
    // Who is told: state AdminDown (0) with its diagnostic, for the other's detection time.
    const told = seen.filter(({ from, state }) => from === "192.0.2.1" && state === "admin-down");
    assert(told.length > 2 && told.every(({ diagnostic }) => diagnostic === 7));
    const safe = seen.filter(({ from }) => from.startsWith("198.51.100."));
    assertAuthentic(safe, 5, { 1: OLD.secret });
  },
);
