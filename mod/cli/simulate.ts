/**
 * `halb simulate`: what the nodes of some site.toml files do together when things fail, in virtual
 * time.
 *
 * @module
 */

import { parseDuration } from "../../config/duration.ts";
import {
  formatProblem,
  type LoadOptions,
  loadSite,
  type Problem,
  systemOptions,
} from "../../config/mod.ts";
import { knownOf } from "../simulate/known.ts";
import type { NodeSpec } from "../simulate/nodes.ts";
import type { SimulationReport } from "../simulate/report.ts";
import { readScript, type Script } from "../simulate/script.ts";
import { simulate } from "../simulate/simulate.ts";
import { simulationSvg } from "../simulate/svg.ts";
import { escapeText } from "../text/mod.ts";
import { UsageError } from "./arguments.ts";
import { expectPicturePlace } from "./picture.ts";
import { simulationText } from "./simulate_text.ts";

export interface SimulateOptions {
  readonly script?: string;
  readonly seed?: string;
  readonly duration?: string;
  /** Where the caller will write the picture; one that is there is replaced. */
  readonly svg?: string;
  /** Shows a line in place of the one before; an empty one takes it away. */
  readonly progress?: (line: string) => void;
  readonly json: boolean;
  readonly color: boolean;
}

/** 0: all that was expected came to be; 1: something did not; 2: a file is not valid. */
export interface SimulateResult {
  readonly exitCode: 0 | 1 | 2;
  readonly output: string;
  /** The picture that is wanted: for the caller to write, when the output is out. */
  readonly picture?: string;
}

/** Nothing is said of what is done sooner, milliseconds. */
const SOON = 1_000;

/** Longest virtual time: ten years. */
const LONGEST = parseDuration("3660d")!;

/** @param operands `FILE`, or `NAME=FILE` @throws {UsageError} @throws {Error} where something else than a picture is in its place */
export function simulateCommand(
  operands: readonly string[],
  options: SimulateOptions,
): SimulateResult {
  const seed = seedOf(options.seed);
  const duration = durationOf(options.duration);
  if (options.svg !== undefined) expectPicturePlace(options.svg);
  const system = systemOptions();
  // Nothing of it is run here: whoever may write the files matters where they are run.
  const { security: _, ...access } = system;
  const { specs, problems } = loadNodes(operands, access);
  if (problems.length > 0) return refused(problems, options);
  let script: Script | null = null;
  if (options.script !== undefined) {
    const read = readScript(options.script, access, knownOf(specs));
    if (!read.ok) return refused(read.problems, options);
    script = read.value;
  }
  const began = performance.now();
  const report = simulate(specs, script, {
    onProgress: (share) => {
      if (performance.now() - began < SOON) return;
      options.progress?.(`Simulating: ${Math.floor(share * 100)} %`);
    },
    ...(seed === undefined ? {} : { seed }),
    ...(duration === undefined ? {} : { duration }),
  });
  options.progress?.("");
  return {
    exitCode: report.expectations.every(({ held }) => held) ? 0 : 1,
    output: outputOf(report, options),
    ...(options.svg === undefined ? {} : { picture: simulationSvg(report) }),
  };
}

function outputOf(report: SimulationReport, { json, color }: SimulateOptions): string {
  return json ? JSON.stringify(report, null, 2) : simulationText(report, color);
}

function refused(
  problems: readonly Problem[],
  { json, color }: SimulateOptions,
): SimulateResult {
  const output = json
    ? JSON.stringify({ problems }, null, 2)
    : problems.map((problem) => formatProblem(problem, { color })).join("\n");
  return { exitCode: 2, output };
}

function seedOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[0-9]{1,10}$/.test(text) && Number(text) <= 0xffff_ffff) return Number(text);
  throw new UsageError(`--seed is a whole number from 0 to 4294967295, not "${text}"`);
}

function durationOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const length = parseDuration(text);
  if (length !== undefined && length > 0 && length <= LONGEST) return length;
  throw new UsageError(
    `--duration is a time such as 60s, 24h or 365d, at most 3660d, not "${text}"`,
  );
}

/** What `config/names.ts` takes for a name. */
const NAME = /^[\p{L}\p{N}][\p{L}\p{N}._:@+-]{0,63}$/u;

/** The nodes of the command line. */
export function loadNodes(
  operands: readonly string[],
  access: LoadOptions,
): { specs: NodeSpec[]; problems: Problem[] } {
  const specs: NodeSpec[] = [];
  const problems: Problem[] = [];
  for (const operand of operands) {
    const [, before = "", after = ""] = /^([^=/]+)=(.+)$/.exec(operand) ?? [];
    const given = NAME.test(before) ? before : null;
    const file = given === null ? operand : after;
    const stem = file.replace(/^.*\//, "").replace(/\.toml$/, "");
    const loaded = loadSite(file, {
      ...access,
      hostname: stem === "" ? "node" : stem,
      ...(given === null ? {} : { name: given }),
    });
    if (!loaded.ok) {
      problems.push(...loaded.problems);
      continue;
    }
    const { name } = loaded.site.agent;
    if (!NAME.test(name)) {
      throw new UsageError(
        `"${escapeText(name)}" is no name for a node: give one, NAME=${escapeText(file)}`,
      );
    }
    if (name === "nobody") {
      // What scripts call the lack of a holder.
      throw new UsageError(`no node can be called "nobody": give a name, NAME=${escapeText(file)}`);
    }
    const twin = specs.find((one) => one.name === name);
    if (twin !== undefined) {
      throw new UsageError(
        `two nodes are called "${name}" (${escapeText(twin.file)} and ${escapeText(file)}): ` +
          `give names, NAME=${escapeText(file)}`,
      );
    }
    specs.push({ name, file, site: loaded.site });
  }
  return { specs, problems };
}
