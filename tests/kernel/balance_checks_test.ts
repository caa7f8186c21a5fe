/**
 * Health checks drive real servers: a client asks through the virtual server while servers die,
 * hang, recover and flap. Requests fail only between an injury and the agent's decision, and the
 * decisions in its log are those that were injected.
 *
 * `deno task soak --seconds 300 balance` goes on so long, by chance (`HALB_SEED`).
 */

import assert from "node:assert/strict";
import { startNginx } from "../lab/check_helpers.ts";
import {
  delay,
  type HalbAgent,
  type Host,
  type Lab,
  lab,
  type LabProcess,
  startHalb,
  until,
} from "../lib/mod.ts";
import { Random, wantedSeed } from "../lib/random.ts";
import { adopted, PATIENCE, untilEntries } from "./balance.ts";
import { REAL, VIP4, withHosts } from "./network.ts";
import type { Asked } from "./steady_client.ts";

const PORT = 8080;
const SECONDS = Number(Deno.env.get("HALB_CHECKS_SECONDS") ?? 0);

/** Of the checks, milliseconds. */
const [INTERVAL, TIMEOUT, RETRY, FALL] = [500, 1500, 300, 2];
/** The longest from an injury to the decision: a probe has just gone, the next ones hang. */
const DETECTION = INTERVAL + FALL * TIMEOUT + (FALL - 1) * RETRY;
/** The machine may be busy: what it may take besides. */
const BUSY = 10_000;
/** From the line in the log until the kernel's table has it, at most. */
const PROGRAMMED = 500;
/** The client's, milliseconds. */
const [ASKS, GIVES_UP] = [100, 3000];

const addressOf = (name: string) => `198.51.100.${11 + REAL.indexOf(name)}:${PORT}`;

/** The last one is damped: after its third fall it stays down. */
const SITE = `[defaults.check]
interval = "${INTERVAL}ms"
timeout = "${TIMEOUT}ms"
retry_interval = "${RETRY}ms"
fall = ${FALL}
rise = 2

[[virtual_server]]
name = "web"
listen = "${VIP4}:80"
scheduler = "rr"
check = { type = "http", path = "/" }
${
  REAL.map((name, i) => {
    const damping = 'damping = { suppress = 2, half_life = "5m", longest = "1h" }';
    const check = i < REAL.length - 1 ? "" : `check = { type = "http", path = "/", ${damping} }\n`;
    return `[[virtual_server.real_server]]\naddress = "${addressOf(name)}"\n${check}`;
  }).join("\n")
}`;

/** What the log says of a real server, or the test has done to it. */
interface Decision {
  readonly server: string;
  readonly state: "up" | "down";
}

/** Decisions in an agent's log, with their times in milliseconds since 1970. */
function decisionsOf(agent: HalbAgent): (Decision & { readonly at: number })[] {
  const lines = agent.log().matchAll(
    /^(\S+Z) \w+ +ipvs\.web: Real server (\S+) is (up|down) /gm,
  );
  return [...lines].map(([, time, address, state]) => ({
    at: Date.parse(time!),
    server: REAL.find((name) => addressOf(name) === address) ?? address!,
    state: state as "up" | "down",
  }));
}

/** Real servers that can be hurt, one at a time. */
class Injuries {
  readonly #lab: Lab;
  readonly #hosts: ReadonlyMap<string, Host>;
  readonly #processes = new Map<string, LabProcess>();
  /** What the log should say by now. */
  readonly expected: Decision[] = [];
  /** While requests may fail, milliseconds since 1970. */
  readonly windows: { readonly from: number; readonly to: number }[] = [];
  /** How long decisions that servers are down took, milliseconds. */
  readonly took: number[] = [];
  #agent!: HalbAgent;

  constructor(lab: Lab) {
    this.#lab = lab;
    this.#hosts = new Map(REAL.map((name) => [name, adopted(lab, name)]));
  }

  /** Who is to notice them. */
  set agent(agent: HalbAgent) {
    this.#agent = agent;
  }

  async start(server: string): Promise<void> {
    const http = `server { listen ${PORT}; location / { return 200 "${server}\\n"; } }`;
    const nginx = await startNginx(this.#lab, this.#hosts.get(server)!, http, [PORT]);
    this.#processes.set(server, nginx);
  }

  /** It dies, and is started again once that is noticed. */
  async kill(server: string): Promise<void> {
    const from = Date.now();
    await this.#processes.get(server)!.kill();
    await this.#fallen(server, from);
    await this.start(server);
    await this.#decided(server, "up");
  }

  /** It accepts connections and does nothing until that is noticed. */
  async hang(server: string): Promise<void> {
    const from = Date.now();
    this.#processes.get(server)!.freeze();
    await this.#fallen(server, from);
    this.#processes.get(server)!.thaw();
    await this.#decided(server, "up");
  }

  /** It stands still for a moment, in which nothing is lost. */
  async blink(server: string): Promise<void> {
    this.#processes.get(server)!.freeze();
    await delay(400);
    this.#processes.get(server)!.thaw();
    await delay(1000);
  }

  /** It dies three times, and is not asked any more whatever it does then. */
  async flap(server: string): Promise<void> {
    await this.kill(server);
    await this.kill(server);
    const from = Date.now();
    await this.#processes.get(server)!.kill();
    await this.#fallen(server, from);
    await until("it is damped", () => /Flapping: it stays down/.test(this.#agent.log()), PATIENCE);
    for (let i = 0; i < 2; i++) {
      await this.start(server);
      await delay(2 * INTERVAL);
      await this.#processes.get(server)!.kill();
    }
    await this.start(server);
  }

  async #fallen(server: string, from: number): Promise<void> {
    const to = await this.#decided(server, "down");
    this.took.push(to - from);
    this.windows.push({ from, to: to + PROGRAMMED });
  }

  /** Waits until the log says so. @returns when it did */
  async #decided(server: string, state: Decision["state"]): Promise<number> {
    const count = this.expected.push({ server, state });
    const last = await until(
      `${server} is ${state}`,
      () => {
        const decisions = decisionsOf(this.#agent);
        return decisions.length >= count ? decisions[count - 1] : undefined;
      },
      PATIENCE,
      50,
    );
    assert.deepEqual({ server: last.server, state: last.state }, { server, state });
    return last.at;
  }
}

lab(
  "checks: requests fail only until a server is found dead or hanging; decisions as injected",
  (lab) =>
    withHosts("through-director", async () => {
      const client = adopted(lab, "c");
      const injuries = new Injuries(lab);
      for (const name of REAL) await injuries.start(name);
      const agent = startHalb(lab, adopted(lab, "d"), SITE);
      injuries.agent = agent;
      await untilEntries(4);
      const script = new URL("steady_client.ts", import.meta.url).pathname;
      const asking = client.spawn([
        ...[Deno.execPath(), "run", "-A", "--no-check", script],
        ...[VIP4, "80", String(ASKS), String(GIVES_UP)],
      ], { name: "client" });
      const answers = (): Asked[] => {
        const lines = asking.log().split("\n").slice(0, -1);
        return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
      };
      await until(
        "all have answered",
        () => {
          return new Set(answers().slice(-10).map(({ server }) => server)).size === REAL.length;
        },
        PATIENCE,
        200,
      );
      assert.deepEqual(decisionsOf(agent), []);
      const from = Date.now();

      const [first, second, third] = REAL as [string, string, string];
      await injuries.kill(first);
      await injuries.hang(second);
      await injuries.blink(first);
      const seed = wantedSeed() ?? 1;
      const random = new Random(seed);
      while (Date.now() - from < SECONDS * 1000) {
        const what = random.pick(["kill", "hang", "blink"] as const);
        await injuries[what](random.pick([first, second]));
      }
      await injuries.flap(third);
      await delay(GIVES_UP);

      const decisions = decisionsOf(agent).map(({ server, state }) => ({ server, state }));
      assert.deepEqual(decisions, injuries.expected);
      const asked = answers().filter(({ begun }) => begun >= from);
      const failed = asked.filter((one) => one.failed !== undefined);
      const unexplained = failed.filter(({ begun, ended }) =>
        !injuries.windows.some((window) => ended >= window.from && begun <= window.to)
      );
      const longest = Math.max(...injuries.took);
      console.log(
        `${asked.length} requests in ${Math.round((Date.now() - from) / 1000)} s, ` +
          `${failed.length} failed, ${injuries.took.length} times down after at most ` +
          `${longest} ms (nominally ${DETECTION} ms), seed ${seed}`,
      );
      assert.deepEqual(unexplained, []);
      // A third of the requests, while a server hangs.
      assert.ok(failed.length > 0, "no injury was felt");
      assert.deepEqual([...new Set(asked.map(({ server }) => server ?? ""))].sort(), ["", ...REAL]);
      assert.ok(longest <= DETECTION + BUSY, `${longest} ms`);
      // The one that flaps is up, and gets nothing.
      const end = answers().slice(-10).map(({ server }) => server);
      assert.ok(!end.includes(third), end.join(" "));
      assert.equal((await agent.stop(PATIENCE)).code, 0);
    }),
  { timeoutMs: 240_000 + SECONDS * 1000 },
);
