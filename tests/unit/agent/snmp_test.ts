/** The agent as a subagent: what a master that is not well, a stop and a reload do to it. */

import assert from "node:assert/strict";
import { Snmp } from "../../../mod/agent/snmp.ts";
import { tapLog } from "../../../mod/agent/logging.ts";
import {
  type Body,
  decodePdu,
  encodePdu,
  oidText,
  type Pdu,
  pduLength,
} from "../../../mod/agentx/mod.ts";
import type { Status } from "../../../mod/control/status.ts";
import type { Notice } from "../../../mod/notify/notice.ts";
import { soon } from "../../../mod/patience/mod.ts";
import { History } from "../../../mod/snmp/mod.ts";
import { facts } from "../metrics/fixtures.ts";

/** What a connection leaves open is ended some time later. */
const options = { sanitizeOps: false, sanitizeResources: false };
const INSTANCE = "1.3.6.1.4.1.9586.100.5.2.3.1";
const MIBS = ["vrrpv3", "keepalived", "bfd"] as const;

/** One connection of a subagent, as the master sees it. */
class Talk {
  readonly #connection: Deno.Conn;
  #bytes = new Uint8Array();

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** The next message; null: the connection has ended. */
  async next(): Promise<Pdu | null> {
    const buffer = new Uint8Array(4096);
    for (;;) {
      const length = pduLength(this.#bytes);
      if (length !== undefined && this.#bytes.length >= length) {
        const pdu = decodePdu(this.#bytes.subarray(0, length));
        this.#bytes = this.#bytes.slice(length);
        return pdu;
      }
      const count = await this.#connection.read(buffer);
      if (count === null) return null;
      this.#bytes = Uint8Array.from([...this.#bytes, ...buffer.subarray(0, count)]);
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      at += await this.#connection.write(bytes.subarray(at));
    }
  }

  async say(body: Body, packet = 1): Promise<void> {
    await this.write(encodePdu({ session: 7, transaction: 0, packet, bigEndian: true, body }));
  }

  /** Answers everything until all regions are registered. */
  async open(): Promise<void> {
    for (let i = 0; i <= MIBS.length; i++) {
      const { packet } = (await this.next())!;
      await this.say({ type: "response", sysUpTime: 1, error: 0, index: 0, varBinds: [] }, packet);
    }
  }

  /** What comes until the end, without answers. */
  async rest(): Promise<Body[]> {
    const bodies: Body[] = [];
    for (let pdu = await this.next(); pdu !== null; pdu = await this.next()) bodies.push(pdu.body);
    return bodies;
  }

  close(): void {
    this.#connection.close();
  }
}

/** A master, and a subagent that knows `statuses`, the last one for ever; null: nobody says. */
class Scene implements AsyncDisposable {
  readonly directory = Deno.makeTempDirSync({ prefix: "halb-snmp-" });
  readonly path = `${this.directory}/master`;
  readonly listener = Deno.listen({ transport: "unix", path: this.path });
  readonly config = { master: { path: this.path }, mibs: [...MIBS], traps: true };
  readonly snmp: Snmp;
  asked = 0;

  constructor(statuses: readonly (Status | null)[] = [facts().status]) {
    this.snmp = new Snmp({
      status: () => {
        const status = statuses[Math.min(this.asked++, statuses.length - 1)]!;
        return status === null ? Promise.withResolvers<Status>().promise : Promise.resolve(status);
      },
      history: new History(),
      dropped: () => [],
      elsewhere: () => new Set(),
    });
  }

  async accept(): Promise<Talk> {
    return new Talk(await this.listener.accept());
  }

  /** The master has taken the subagent. */
  async open(): Promise<Talk> {
    this.snmp.configure(this.config);
    const talk = await this.accept();
    await talk.open();
    await until(() => this.snmp.status?.regions.length === MIBS.length);
    return talk;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.snmp.close();
    this.listener.close();
    Deno.removeSync(this.directory, { recursive: true });
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

function notice(more: Partial<Notice>): Notice {
  return {
    type: "INSTANCE",
    name: "web",
    state: "STOP",
    previous: null,
    priority: 0,
    cause: "",
    time: "2026-01-02T03:04:05.000Z",
    generation: 1,
    ...more,
  };
}

/** Of each notification, the variable that says the name of a router. */
function named(bodies: readonly Body[]): string[] {
  return bodies.flatMap((body) => body.type === "notify" ? body.varBinds : [])
    .map(({ name }) => oidText(name)).filter((name) => name.startsWith(`${INSTANCE}.2.`));
}

Deno.test(
  "a stop is told of before the end, though the planes answer no more",
  options,
  async () => {
    await using scene = new Scene([facts().status, null]);
    const talk = await scene.open();
    for (const type of ["INSTANCE", "GROUP"] as const) {
      scene.snmp.tell(notice({ type, name: type === "GROUP" ? "site" : "web" }));
    }
    const rest = talk.rest();
    await scene.snmp.close();
    assert.deepEqual((await rest).map(({ type }) => type), ["notify", "notify", "close"]);
    assert.equal(scene.asked, 1, "planes that end are not asked");
  },
);

Deno.test(
  "what still waits for the planes when the agent ends waits no longer",
  options,
  async () => {
    await using scene = new Scene([facts().status, null]);
    const talk = await scene.open();
    scene.snmp.tell(notice({ state: "BACKUP" }));
    await until(() => scene.asked === 2);
    scene.snmp.tell(notice({}));
    const rest = talk.rest();
    // The end of the agent waits a second.
    const begun = performance.now();
    await scene.snmp.close();
    assert.ok(performance.now() - begun < 1_000);
    assert.deepEqual((await rest).map(({ type }) => type), ["notify", "notify", "close"]);
  },
);

Deno.test("a stop is told by the places that the last reload gave", options, async () => {
  const before = facts().status;
  const [web] = before.vrrp;
  const after = { ...before, vrrp: [{ ...web!, name: "first" }, web!] };
  await using scene = new Scene([before, after, null]);
  const talk = await scene.open();
  scene.snmp.configure({ ...scene.config });
  assert.equal(scene.asked, 2);
  await new Promise((resolve) => setTimeout(resolve));
  scene.snmp.tell(notice({}));
  const rest = talk.rest();
  await scene.snmp.close();
  assert.deepEqual(named(await rest), [`${INSTANCE}.2.2`]);
});

Deno.test(
  "what no notification comes of asks nobody; while the master is away, little does",
  options,
  async () => {
    await using scene = new Scene();
    const talk = await scene.open();
    assert.equal(scene.asked, 1);
    const nothing = [
      { type: "CHECK", state: "DOWN" },
      { state: "MASTER_PRIORITY" },
    ] as const;
    for (const one of nothing) scene.snmp.tell(notice(one));
    await new Promise((resolve) => setTimeout(resolve));
    assert.equal(scene.asked, 1);
    talk.close();
    await until(() => scene.snmp.status?.connected === false);
    const begun = performance.now();
    for (let i = 0; i < 20; i++) {
      scene.snmp.tell(notice({ state: "BACKUP" }));
      await new Promise((resolve) => setTimeout(resolve));
    }
    const seconds = Math.ceil((performance.now() - begun) / 1_000);
    assert.ok(scene.asked <= 1 + seconds, `${scene.asked} times in ${seconds} s`);
  },
);

Deno.test(
  "one that cannot be told keeps nobody from the next, nor the agent from its end",
  options,
  async () => {
    const status = facts().status;
    // No list of routers: nothing can be said of one.
    const broken = { ...status, vrrp: undefined } as unknown as Status;
    await using scene = new Scene([status, broken, status]);
    const talk = await scene.open();
    scene.snmp.tell(notice({ state: "BACKUP" }));
    await until(() => scene.snmp.status?.notifications.lost === 1);
    scene.snmp.tell(notice({ state: "MASTER" }));
    const told = (await talk.next())!.body;
    assert.deepEqual(named([told]), [`${INSTANCE}.2.1`]);
    talk.close();
  },
);

Deno.test("why a session ended stands in the log", options, async () => {
  const lines: string[] = [];
  tapLog(({ level, message }) => lines.push(`${level}: ${message}`));
  try {
    await using scene = new Scene();
    const talk = await scene.open();
    await talk.say({ type: "close", reason: "shutdown" });
    await until(() => scene.snmp.status?.connected === false);
    const expected = /^warning: The master agent has closed the session: shutdown; it is tried/;
    assert.equal(lines.filter((line) => expected.test(line)).length, 1, lines.join("\n"));
    talk.close();
  } finally {
    tapLog(null);
  }
});

Deno.test(
  "a connection that is left while an answer is not there yet is closed",
  options,
  async () => {
    await using scene = new Scene([facts().status, null]);
    const talk = await scene.open();
    const ranges = [{ start: [1, 3], include: false, end: [] }];
    const body: Body = { type: "get_next", ranges };
    const pdu = encodePdu({ session: 7, transaction: 1, packet: 1, bigEndian: true, body });
    await talk.write(Uint8Array.from([...pdu, 9, 9, 9, 9]));
    const next = await scene.accept();
    // It comes as soon as the new one is there.
    assert.deepEqual(await talk.rest(), []);
    for (const one of [talk, next]) one.close();
  },
);

Deno.test("a master that asks and does not read is heard no further", options, async () => {
  await using scene = new Scene();
  const talk = await scene.open();
  const ping = encodePdu({
    session: 7,
    transaction: 0,
    packet: 1,
    bigEndian: true,
    body: { type: "ping" },
  });
  const block = new Uint8Array(ping.length * 2_000);
  for (let at = 0; at < block.length; at += ping.length) block.set(ping, at);
  const blocks = 20;
  let taken = 0;
  const flood = async () => {
    for (; taken < blocks; taken++) await talk.write(block);
  };
  const flooded = flood().catch(() => {});
  for (let before = -1; before < taken;) {
    before = taken;
    await soon(flooded, 500);
  }
  // What waits for a reader ends with it.
  talk.close();
  assert.ok(taken < blocks, "all was taken");
  await soon(flooded, 1_000);
});
