/**
 * `halb cleanup`: removes what a killed agent left in the kernel.
 *
 * @module
 */

import {
  configOf,
  controlOf,
  formatProblem,
  loadSite,
  protocolOf,
  stateDirectoryOf,
  systemOptions,
} from "../../config/mod.ts";
import { claimantsIn } from "../agent/claimants.ts";
import { AgentRuns, type CleanedUp, cleanUp, type CleanUpOf, cleanUpOf } from "../agent/cleanup.ts";
import { runInNamespace } from "../agent/own_namespace.ts";
import { MissingPrivilege } from "../agent/missing_privilege.ts";
import { notedNumber } from "../agent/state_directory.ts";
import { agentsIn } from "./running_agents.ts";
import { escapeText, textOf } from "../text/mod.ts";

/** How to clean up. */
export interface CleanupOptions {
  /** This node's name. */
  readonly name?: string;
  /** In place of `agent.instance`. */
  readonly instance?: string;
  /** Where an agent without a configuration file listens, if not where it does by default. */
  readonly control?: string;
  readonly json: boolean;
  readonly color: boolean;
  /** Only say what would be removed. */
  readonly dryRun: boolean;
  /**
   * What systemd said of the service's end (`SERVICE_RESULT`), where it asks. An agent that died is
   * started again at once and adopts what it finds; one that ended in order has left nothing but
   * what `on_stop` keeps. So there is work only after a stop that took too long.
   */
  readonly afterStop?: string;
}

/** Exit code and what to print. */
export interface CleanupResult {
  readonly exitCode: 0 | 1 | 2 | 4;
  readonly output: string;
}

/** Ends of a service after which it is not started again although it was killed. */
const FINAL: readonly string[] = ["timeout", "start-limit-hit"];

/**
 * @param given path of a configuration; undefined: that of the instance's service, or where there is
 * none, of an agent that has all by default
 */
export async function cleanupCommand(
  given: string | undefined,
  options: CleanupOptions,
): Promise<CleanupResult> {
  const { json, color, dryRun, afterStop } = options;
  if (afterStop !== undefined && !FINAL.includes(afterStop)) {
    return { exitCode: 0, output: json ? asJson(NOTHING, dryRun) : "" };
  }
  const site = given ?? serviceFile(options.instance);
  let of: CleanUpOf;
  let namespace: string | undefined;
  if (site !== undefined) {
    const loaded = loadSite(site, systemOptions(options));
    if (!loaded.ok) {
      const lines = loaded.problems.map((one) => formatProblem(one, { color }));
      return { exitCode: 2, output: lines.join("\n") };
    }
    of = cleanUpOf(loaded.site);
    namespace = loaded.site.agent.namespace;
  } else of = usualPlaces(options);
  try {
    if (namespace !== undefined) runInNamespace(namespace);
    const done = await cleanUp(of, dryRun, () => otherAgent(of));
    const exitCode = done.left.length + done.problems.length > 0 ? 1 : 0;
    return { exitCode, output: json ? asJson(done, dryRun) : asText(done, dryRun) };
  } catch (error) {
    const known = error instanceof AgentRuns || error instanceof MissingPrivilege;
    if (!known) throw error;
    return {
      exitCode: error instanceof MissingPrivilege ? 4 : 1,
      output: `halb: ${textOf(error)}`,
    };
  }
}

/** The configuration of an instance's service; undefined: there is none, or it has no name. */
function serviceFile(instance: string | undefined): string | undefined {
  if (instance === undefined) return undefined;
  const path = configOf(instance);
  try {
    return Deno.statSync(path).isFile ? path : undefined;
  } catch {
    return undefined;
  }
}

/** Where an agent has everything that has no configuration, or one that says nothing of it. */
function usualPlaces({ instance, control = controlOf(instance) }: CleanupOptions): CleanUpOf {
  const stateDirectory = stateDirectoryOf(instance);
  const agent = {
    control,
    // Its configuration may have had a number of its own for it.
    protocol_number: notedNumber(stateDirectory) ?? protocolOf(instance),
    ...(instance === undefined ? {} : { instance }),
  };
  return { agent, stateDirectory, namespaces: [""] };
}

/** An agent with the same marks on what it holds, or of a version that does not say which it has. */
function otherAgent({ agent, namespaces }: CleanUpOf): string | undefined {
  const claimants = namespaces.flatMap((name) => claimantsIn(name));
  const others = new Set(
    claimants.filter((one) => one.protocol !== agent.protocol_number).map(({ pid }) => pid),
  );
  const pid = agentsIn(namespaces).find((one) => !others.has(one)) ??
    claimants.find((one) => one.protocol === agent.protocol_number)?.pid;
  return pid === undefined
    ? undefined
    : `Another agent, process ${pid}, runs in the same network namespace: ` +
      "what it holds could not be told from what was left";
}

const NOTHING: CleanedUp = { removed: [], left: [], problems: [] };

function asJson(done: CleanedUp, dryRun: boolean): string {
  return JSON.stringify({ dry_run: dryRun, ...done }, null, 2);
}

function asText({ removed, left, problems }: CleanedUp, dryRun: boolean): string {
  const line = ({ kind, namespace, what }: CleanedUp["removed"][number]): string =>
    `${kind.replaceAll("_", " ")} ${what}${namespace === "" ? "" : ` in ${namespace}`}`;
  const lines = [
    ...removed.map((one) => `${dryRun ? "would remove" : "removed"} ${line(one)}`),
    ...left.map((one) => `still there: ${line(one)}`),
    ...problems.map((problem) => `failed: ${problem}`),
  ];
  return lines.length === 0 ? "Nothing was left" : lines.map(escapeText).join("\n");
}
