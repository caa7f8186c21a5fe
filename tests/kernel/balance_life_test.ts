/**
 * The agent as director while things happen: it is killed and started again under traffic, its
 * table is changed by others. What it says to the kernel is heard by nlmon.
 */

import assert from "node:assert/strict";
import {
  delay,
  type HalbAgent,
  type HalbStatus,
  type Host,
  lab,
  startHalb,
  until,
} from "../lib/mod.ts";
import { adopted, listing, Overheard, PATIENCE, untilEntries, virtualServer } from "./balance.ts";
import { Exchange, type Held } from "./exchange.ts";
import { inside } from "./lib.ts";
import { VIP4, withHosts } from "./network.ts";

const OPTIONS = { timeoutMs: 240_000 };
const PORT = 8080;

interface Scene {
  readonly host: Host;
  readonly traffic: Traffic;
  readonly overheard: Overheard;
  /** Starts an agent that finds what the one before has left. */
  start(site: string): HalbAgent;
  /** Reloads it with another site, and waits until that is applied. */
  reload(agent: HalbAgent, site: string): Promise<void>;
}

function scene(name: string, body: (scene: Scene) => Promise<void>): void {
  lab(name, (lab) =>
    withHosts("through-director", async () => {
      const host = adopted(lab, "d");
      const overheard = new Overheard("d");
      const traffic = new Traffic();
      const state = `${lab.directory}/state-of-d`;
      Deno.mkdirSync(state, { mode: 0o700 });
      const agents: HalbAgent[] = [];
      const whole = (site: string) => `[agent]\nstate_directory = "${state}"\n\n${site}`;
      try {
        await body({
          host,
          traffic,
          overheard,
          start(site) {
            const agent = startHalb(lab, host, whole(site), { name: "d" });
            agents.push(agent);
            return agent;
          },
          async reload(agent, site) {
            const { generation } = await answered(agent);
            agent.reload(whole(site));
            await until(
              "it is reloaded",
              async () => {
                const status = await agent.status();
                return status.config.last_reload?.result === "applied" &&
                  status.generation > generation;
              },
              PATIENCE,
              200,
            );
          },
        });
        assert.deepEqual(traffic.failures, []);
      } finally {
        await traffic.end();
        overheard.close();
        for (const agent of agents) if (agent.process.running) await agent.kill();
      }
    }), OPTIONS);
}

/** The status of an agent that may be busy: with one processor for all it answers late. */
function answered(agent: HalbAgent): Promise<HalbStatus> {
  return until("the agent answers", () => agent.status(), PATIENCE, 200);
}

/** Requests one after the other, until it ends. */
class Traffic {
  readonly exchange = new Exchange({ wire: "tcp", family: 4, port: PORT });
  readonly failures: string[] = [];
  /** Servers' names, newest last. */
  readonly answers: string[] = [];
  #running: Promise<void> | undefined;
  #ended = false;

  begin(port: number): void {
    this.#running = (async () => {
      while (!this.#ended) {
        try {
          this.answers.push(this.exchange.ask(VIP4, port));
        } catch (error) {
          this.failures.push(String(error));
        }
        await delay(40);
      }
    })();
  }

  /** The names of the next so many that are answered from now on. */
  async next(count: number): Promise<string[]> {
    const from = this.answers.length + 1;
    await until("requests are answered", () => this.answers.length >= from + count, PATIENCE);
    return this.answers.slice(from, from + count);
  }

  /** Stops asking. */
  async pause(): Promise<void> {
    this.#ended = true;
    await this.#running;
    this.#ended = false;
  }

  async end(): Promise<void> {
    await this.pause();
    this.exchange.close();
  }
}

interface ServerText {
  readonly address: string;
  readonly weight?: number;
}

const REAL: readonly ServerText[] = [11, 12, 13].map((last) => ({
  address: `198.51.100.${last}:${PORT}`,
}));

function serverText({ address, weight = 1 }: ServerText): string {
  return `{ address = "${address}", weight = ${weight} }`;
}

function site(servers: readonly ServerText[] = REAL, more = ""): string {
  return `[[virtual_server]]
name = "web"
listen = "${VIP4}:80"
scheduler = "rr"
real_server = [${servers.map(serverText).join(", ")}]

${more}`;
}

const untilActive = (agent: HalbAgent) =>
  until(
    "it is in the table",
    async () => {
      const { active, real_servers } = await virtualServer(agent, "web");
      return active && real_servers.every(({ counters }) => counters !== null);
    },
    PATIENCE,
    200,
  );

const alive = (held: readonly Held[], when: string) => {
  for (const each of held) assert.ok(each.alive(), `a connection with ${each.server}, ${when}`);
};

scene("killed and started again under traffic: the table is adopted, no connection lost", async ({
  start,
  reload,
  traffic,
  overheard,
}) => {
  const other = site().replaceAll("web", "old").replaceAll(`${VIP4}:80`, `${VIP4}:90`);
  const both = `${site()}\n${other}`;
  const first = start(both);
  await untilEntries(8);
  const held = [1, 2, 3].map(() => traffic.exchange.hold(VIP4, 80));
  assert.equal(new Set(held.map(({ server }) => server)).size, 3);
  traffic.begin(80);
  await traffic.next(5);
  overheard.commands();
  await first.kill();
  alive(held, "without an agent");
  await traffic.next(5);
  const second = start(both);
  await untilActive(second);
  await traffic.next(5);
  alive(held, "adopted");
  assert.deepEqual(overheard.commands(), []);
  // While it is dead the site changes: the next one does the difference, and knows what was its own.
  await second.kill();
  const third = start(site([{ ...REAL[0]!, weight: 7 }, REAL[1]!, REAL[2]!]));
  await untilActive(third);
  await untilEntries(4);
  assert.deepEqual(overheard.commands().sort(), ["delete-service", "set-destination"]);
  await traffic.next(5);
  alive(held, "changed");
  // An end in order leaves nothing; one that is to keep it leaves all.
  await traffic.pause();
  await reload(third, `[ipvs]\non_stop = "keep"\n\n${site()}`);
  assert.equal((await third.stop(PATIENCE)).code, 0);
  alive(held, "kept");
  overheard.commands();
  const fourth = start(site());
  await untilActive(fourth);
  alive(held, "taken over again");
  assert.deepEqual(overheard.commands(), []);
  assert.equal((await fourth.stop(PATIENCE)).code, 0);
  assert.deepEqual(listing("d"), []);
});

scene("what others change in the table is put right, and counted; what is theirs stays", async ({
  start,
  traffic,
  overheard,
}) => {
  inside("d", "ipvsadm -A -t 192.0.2.10:99 -s rr");
  const agent = start(site());
  await untilEntries(5);
  const held = traffic.exchange.hold(VIP4, 80);
  overheard.commands();
  inside("d", `ipvsadm -e -t ${VIP4}:80 -r 198.51.100.12:${PORT} -m -w 9`);
  inside("d", `ipvsadm -d -t ${VIP4}:80 -r 198.51.100.13:${PORT}`);
  await until("all of it is as before", () => {
    const weights = listing("d").filter(({ name }) => name.endsWith(`:${PORT}`))
      .map(({ figures }) => figures[0]);
    assert.deepEqual(weights, [1, 1, 1]);
    return true;
  }, PATIENCE);
  assert.deepEqual(overheard.commands().sort(), [
    "add-destination",
    "delete-destination",
    "set-destination",
    "set-destination",
  ]);
  inside("d", "ipvsadm -C");
  await untilEntries(4);
  assert.equal(new Set(traffic.exchange.askOften(VIP4, 80, 3)).size, 3);
  alive([held], "through it all");
  const status = await agent.status() as unknown as { readonly ipvs: { readonly repairs: number } };
  assert.ok(status.ipvs.repairs >= 2, `${status.ipvs.repairs} repairs`);
});
