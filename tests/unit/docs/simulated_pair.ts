/**
 * What a pair costs its clients when its master ends, by settings: simulated for the tables of
 * docs/failover.md.
 *
 * @module
 */

import { parseDuration } from "../../../config/duration.ts";
import { simulateCommand } from "../../../mod/cli/simulate.ts";
import type { SimulationReport } from "../../../mod/simulate/report.ts";

/** Right after an advert, and right before the next one: so far from them, microseconds. */
const BESIDE = 1_000;
/** The failure comes with the first advert after that. */
const EARLIEST = 40_000_000;

/** Microseconds. */
export interface Cost {
  /** From the failure until the other node is master. */
  readonly takeover: number;
  readonly outage: number;
  readonly double: number;
}

/** Runs `halb simulate`, as the command does, with files in a folder of its own. */
export function simulateFiles(
  files: Readonly<Record<string, string>>,
  operands: readonly string[],
  options: { readonly script?: string; readonly json?: boolean } = {},
): { exitCode: number; output: string } {
  const folder = Deno.makeTempDirSync();
  try {
    for (const [name, text] of Object.entries(files)) {
      Deno.writeTextFileSync(`${folder}/${name}`, text);
    }
    const paths = operands.map((operand) => operand.replace(/[^=]+$/, `${folder}/$&`));
    const { script, json = false } = options;
    return simulateCommand(paths, {
      json,
      color: false,
      ...(script === undefined ? {} : { script: `${folder}/${script}` }),
    });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function reportOf(site: string, script: string): SimulationReport {
  const files = { "site.toml": site, "script.toml": script };
  const operands = ["a=site.toml", "b=site.toml"];
  const { exitCode, output } = simulateFiles(files, operands, {
    script: "script.toml",
    json: true,
  });
  if (exitCode !== 0) throw new Error(output);
  return JSON.parse(output) as SimulationReport;
}

/**
 * What it costs that a ends, right after an advert of a and right before the next.
 *
 * @param action an event of the script, such as `kill = "a"`
 * @param interval of adverts, microseconds
 */
export function costOf(site: string, action: string, interval: number): [Cost, Cost] {
  const quiet = reportOf(site, `duration = "${EARLIEST}us"\n`);
  const master = quiet.states.find(({ node, state }) => node === "a" && state === "master");
  if (master === undefined) throw new Error("a is never master");
  const advert = master.from + Math.ceil((EARLIEST - master.from) / interval) * interval;
  const cost = (at: number): Cost => {
    const report = reportOf(
      site,
      `duration = "${at + EARLIEST}us"\n[[event]]\nat = "${at}us"\n${action}\n`,
    );
    const next = report.states.find(({ node, state, from }) =>
      node === "b" && state === "master" && from > at
    );
    if (next === undefined) throw new Error("b never takes over");
    const [address] = report.addresses;
    const { outages, doubles } = address!;
    const late = (spans: readonly { readonly from: number; readonly to: number }[]) =>
      spans.filter(({ to }) => to > at).reduce((sum, { from, to }) => sum + to - from, 0);
    return { takeover: next.from - at, outage: late(outages), double: late(doubles) };
  };
  return [cost(advert + BESIDE), cost(advert + interval - BESIDE)];
}

/** A row of the table of settings: the site with that line in it, or in place of the line it has. */
export function settingRow(site: string, setting: string): string[] {
  const [key] = setting.split(" ");
  const line = new RegExp(`^${key} = .*$`, "m");
  const text = line.test(site) ? site.replace(line, setting) : `${site}${setting}\n`;
  const interval = parseDuration(/advertisement_interval = "(\w+)"/.exec(text)![1]!)!;
  const [off, kill, stop] = ["power_off", "kill", "stop"].map((action) =>
    costOf(text, `${action} = "a"`, interval)
  ) as [[Cost, Cost], [Cost, Cost], [Cost, Cost]];
  return [
    range(off.map(({ outage }) => outage)),
    range(kill.map(({ outage }) => outage)),
    range(kill.map(({ double }) => double)),
    range(stop.map(({ takeover }) => takeover)),
  ];
}

/** Seconds to the millisecond; what lasts to the end of the simulation has no end. */
function range(micros: readonly number[]): string {
  const [least, most] = [Math.min(...micros), Math.max(...micros)];
  if (most > EARLIEST / 2) return "for ever";
  const text = (value: number) => value === 0 ? "0" : (value / 1e6).toFixed(3);
  return text(least) === text(most) ? `${text(most)} s` : `${text(least)} to ${text(most)} s`;
}
