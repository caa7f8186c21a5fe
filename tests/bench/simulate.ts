/**
 * `simulate`: how long `halb simulate` takes for how much virtual time: calm years, which are leapt
 * over, and what has to be stepped through.
 *
 * @module
 */

import { gateway, run as simulate, type Sites } from "../lib/simulation.ts";
import { machine, markdownTable, quantile } from "./statistics.ts";

const ROUNDS = 3;

interface Scene {
  readonly name: string;
  readonly sites: Sites;
  readonly script: string;
}

const PAIR = { a: gateway(150), b: gateway(100) };
const event = (at: string, action: string): string => `[[event]]\nat = "${at}"\n${action}\n`;
const monthly = Array.from(
  { length: 12 },
  (_, i) => event(`${i * 30 + 1}d`, 'power_off = "a"') + event(`${i * 30 + 2}d`, 'start = "a"'),
).join("");
const LOSSY = '[[network]]\nname = "lan"\nmembers = ["a:eth0", "b:eth0"]\n' +
  'loss = 0.001\njitter = "1ms"\n';
const SESSION = (name: string, peer: string): string =>
  `[[bfd]]\nname = "${name}"\npeer = "${peer}"\ninterface = "eth0"\n` +
  'transmit_interval = "50ms"\nreceive_interval = "50ms"\n';
const WITH_BFD = {
  a: gateway(150) + SESSION("to-b", "192.0.2.3"),
  b: gateway(100) + SESSION("to-a", "192.0.2.2"),
};
const POOL = '[[virtual_server]]\nname = "web"\nlisten = "192.0.2.1:80"\nfollow = "gw"\n' +
  Array.from(
    { length: 20 },
    (_, i) =>
      `[[virtual_server.real_server]]\naddress = "198.51.100.${i + 1}:80"\n` +
      'check = [{ type = "tcp", interval = "5s" }]\n',
  ).join("");
/** A hundred routers on ten nodes. */
const MANY = Object.fromEntries(
  Array.from({ length: 10 }, (_, node) => [
    `n${node}`,
    Array.from(
      { length: 100 },
      (_, id) =>
        gateway(100 + 10 * ((node + id) % 10)).replace('"gw"', `"gw${id}"`)
          .replace("= 51", `= ${id + 1}`).replace("192.0.2.1", `192.0.2.${id + 1}`),
    ).join(""),
  ]),
);

const SCENES: readonly Scene[] = [
  { name: "a pair at 1 s, calm, a year", sites: PAIR, script: 'duration = "365d"\n' },
  {
    name: "the same, the master loses its power once a month",
    sites: PAIR,
    script: `duration = "365d"\n${monthly}`,
  },
  {
    name: "ten nodes, a hundred routers, a year, one node dies",
    sites: MANY,
    script: `duration = "365d"\n${event("100d", 'power_off = "n0"')}`,
  },
  { name: "a pair that loses packets, a week", sites: PAIR, script: `duration = "7d"\n${LOSSY}` },
  {
    name: "a pair with BFD at 50 ms, a year, the master loses its power once a month",
    sites: WITH_BFD,
    script: `duration = "365d"\n${monthly}`,
  },
  {
    name: "a pair with a pool of 20 servers, a year, the same",
    sites: { a: gateway(150) + POOL, b: gateway(100) + POOL },
    script: `duration = "365d"\n${monthly}`,
  },
  {
    name: "a pair with BFD at 50 ms that loses packets, an hour",
    sites: WITH_BFD,
    script: `duration = "1h"\n${LOSSY}`,
  },
];

export function run(): Promise<void> {
  return measure();
}

async function measure(): Promise<void> {
  console.log(`\nsimulate, ${await machine()}, medians of ${ROUNDS} runs\n`);
  const rows = SCENES.map(({ name, sites, script }) => {
    const times: number[] = [];
    let steps = 0;
    let stepped = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const before = performance.now();
      const { duration, work } = simulate(sites, script);
      times.push(performance.now() - before);
      steps = work.steps;
      stepped = 1 - work.skipped / duration;
    }
    console.error(`${name}: ${times.map((one) => `${Math.round(one)} ms`).join(", ")}`);
    const seconds = quantile(times, 0.5) / 1000;
    return [
      name,
      seconds.toFixed(2),
      `${(100 * stepped).toFixed(2)} %`,
      steps.toLocaleString("en"),
    ];
  });
  console.log(markdownTable(["what", "s", "stepped through", "steps of machines"], rows));
}
