/**
 * Control socket and HTTP in a storm: a thousand connections that hang, clients that send a byte at a
 * time or never read, and garbage. Adverts go on, nothing grows, and afterwards all is as before.
 */

import assert from "node:assert/strict";
import { ask } from "../../mod/control/client.ts";
import { adverts, takeovers } from "../lib/adverts.ts";
import { lab } from "../lib/mod.ts";
import {
  descriptors,
  longestGap,
  routerOf,
  settledDescriptors,
  startPair,
  statusOf,
  webSite,
} from "./agent_helpers.ts";

const STORM = new URL("../lib/storm.py", import.meta.url).pathname;
const PORT = 9650;
const PAGES = `http://127.0.0.1:${PORT}`;
/** Prints a page. */
const READ =
  "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=20).read().decode())";
/** Of each kind, hanging at once. */
const HELD = 500;
const SECONDS = 4;

interface Outcome {
  readonly opened: Readonly<Record<"control" | "http", number>>;
  readonly answers: Readonly<Record<"control" | "http", Readonly<Record<string, number>>>>;
}

/** Resident memory of a process, MiB. */
function memoryOf(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)![1]) / 1024;
}

lab(
  "a thousand connections, slow clients and garbage delay no advert, and leave nothing",
  async (lab) => {
    const http = `[agent]\nhttp = { by_host = { a = { listen = "127.0.0.1:${PORT}" }, ` +
      `b = { listen = "127.0.0.1:${PORT}" } } }\n\n`;
    const { a, b, hosts: [host], capture } = await startPair(lab, http + webSite("100ms"));
    await lab.until("a listens", async () => (await statusOf(a)).http?.trouble === null, 15_000);
    const { transitions } = await routerOf(b, "web");
    const { generation } = await statusOf(a);
    const before = await settledDescriptors(lab, a.pid);
    const memory: number[] = [];
    const storm = async (seed: number): Promise<Outcome> => {
      const numbers = [PORT, HELD, SECONDS, seed].map(String);
      const [port, ...others] = numbers;
      const argv = ["/usr/bin/python3", STORM, a.controlPath, "127.0.0.1", port!, ...others];
      const said = await host.exec(argv);
      memory.push(memoryOf(a.pid));
      return JSON.parse(said.slice(said.indexOf("{"))) as Outcome;
    };
    const quiet = (await statusOf(a)).realtime;
    const began = Date.now();
    const outcomes = [await storm(1), await storm(2)];

    // Who asks properly is answered at once, on both.
    const after = await statusOf(a);
    const pageOf = (path: string) => host.exec(["/usr/bin/python3", "-c", READ, `${PAGES}${path}`]);
    const page = await pageOf("/healthz");
    assert.match(page, /ok|true|\{/i);
    assert.equal(after.generation, generation);
    for (const { opened, answers } of outcomes) {
      assert.ok(opened.control >= HELD && opened.http >= HELD, JSON.stringify(opened));
      // Nothing of it was done, nobody was left waiting, and most were told why.
      for (const [kind, seen] of Object.entries(answers)) {
        const polite = kind === "control" ? /^(refused|closed)$/ : /^(4\d\d|505|closed)$/;
        assert.deepEqual(Object.keys(seen).filter((said) => !polite.test(said)), [], kind);
        const all = Object.values(seen).reduce((sum, count) => sum + count, 0);
        assert.ok(all > 20 && (seen.closed ?? 0) < all / 2, JSON.stringify(seen));
      }
    }
    // Those that hung were let go, and are counted.
    const metrics = await pageOf("/metrics");
    for (const server of ["control", "http"]) {
      const [, count] =
        new RegExp(`^halb_clients_dropped_total\\{server="${server}"\\} (\\d+)$`, "m")
          .exec(metrics) ?? [];
      assert.ok(Number(count) > HELD / 2, `${server}: ${count}`);
    }
    // Adverts: the peer has missed none, and no timer was late by half an interval.
    assert.equal((await routerOf(b, "web")).transitions, transitions);
    const late = after.realtime.stalls.filter(({ at }) => Date.parse(at) >= began)
      .map(({ late_us }) => late_us / 1000);
    assert.deepEqual(late.filter((ms) => ms >= 50), []);
    const seen = await adverts(capture);
    assert.deepEqual(takeovers(seen), []);
    assert.ok(longestGap(seen, "192.0.2.1") < 190_000, `${longestGap(seen, "192.0.2.1")} µs`);
    // Nothing is left of it.
    await lab.until("all of them are gone", () => descriptors(a.pid) <= before + 4, 90_000, 500);
    assert.ok(memory[1]! - memory[0]! < 48, `grows: ${memory.join(", ")} MiB`);
    assert.doesNotMatch(a.log(), /Internal error|Uncaught|plane died/);
    await ask(a.controlPath, { command: "version" });
    const { p99, max } = after.realtime.timer_lateness_us;
    console.log(
      `${JSON.stringify(outcomes.at(-1))}; late: p99 ${quiet.timer_lateness_us.p99} µs before, ` +
        `${p99} after, at most ${max} (${late.length} of 2 ms and more); ${
          memory.join(" and ")
        } MiB`,
    );
  },
  { timeoutMs: 240_000 },
);
