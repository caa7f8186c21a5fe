/**
 * A director under traffic: agents that begin one after the other where the one before has ended,
 * requests without a break meanwhile, and what is said to the kernel, as nlmon hears it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { delay, type HalbAgent, type Host, type Lab, lab, startHalb, until } from "../lib/mod.ts";
import { adopted, Overheard, PATIENCE } from "./balance.ts";
import { Exchange, type Held } from "./exchange.ts";
import { VIP4, withHosts } from "./network.ts";

/** Where the real servers listen. */
export const PORT = 8080;

export interface Scene {
  readonly lab: Lab;
  /** The director. */
  readonly host: Host;
  readonly traffic: Traffic;
  readonly overheard: Overheard;
  /** Where all its agents keep their state. */
  readonly state: string;
  /** Starts an agent that finds what the one before has left. Its site begins within `[agent]`. */
  start(site: string): HalbAgent;
  /** Reloads it with another site, and waits until that is applied. */
  reload(agent: HalbAgent, site: string): Promise<void>;
}

/** Registers a test whose requests are all to be answered. */
export function scene(
  name: string,
  body: (scene: Scene) => Promise<void>,
  timeoutMs = 240_000,
): void {
  lab(name, (lab) =>
    withHosts("through-director", async () => {
      const host = adopted(lab, "d");
      const overheard = new Overheard("d");
      const traffic = new Traffic();
      const state = `${lab.directory}/state-of-d`;
      Deno.mkdirSync(state, { mode: 0o700 });
      const agents: HalbAgent[] = [];
      const whole = (site: string) => `[agent]\nstate_directory = "${state}"\n${site}`;
      try {
        await body({
          lab,
          host,
          traffic,
          overheard,
          state,
          start(site) {
            const agent = startHalb(lab, host, whole(site), { name: "d" });
            agents.push(agent);
            return agent;
          },
          async reload(agent, site) {
            const applied = () => agent.log().match(/Reload: applied/g)?.length ?? 0;
            const before = applied();
            agent.reload(whole(site));
            await until("it is reloaded", () => applied() > before, PATIENCE, 100);
          },
        });
        assert.deepEqual(traffic.failures, []);
      } finally {
        await traffic.end();
        overheard.close();
        for (const agent of agents) if (agent.process.running) await agent.kill();
      }
    }), { timeoutMs });
}

/** Requests one after the other, until it ends. */
export class Traffic {
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

/** A real server in a site. */
export interface ServerText {
  readonly address: string;
  readonly weight?: number;
}

/** Those of the network. */
export const SERVERS: readonly ServerText[] = [11, 12, 13].map((last) => ({
  address: `198.51.100.${last}:${PORT}`,
}));

export function serverText({ address, weight = 1 }: ServerText): string {
  return `{ address = "${address}", weight = ${weight} }`;
}

/** A site with the virtual server `web` at port 80. */
export function webSite(servers: readonly ServerText[] = SERVERS, more = ""): string {
  return `[[virtual_server]]
name = "web"
listen = "${VIP4}:80"
scheduler = "rr"
real_server = [${servers.map(serverText).join(", ")}]

${more}`;
}

/** Fails where one of them has been lost. */
export function assertAlive(held: readonly Held[], when: string): void {
  for (const each of held) assert.ok(each.alive(), `a connection with ${each.server}, ${when}`);
}
