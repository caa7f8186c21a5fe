/**
 * `halb --config site.toml`, the same as `halb run`: the agent in the foreground.
 *
 * @module
 */

import {
  formatProblem,
  loadRecorded,
  type Problem,
  type RecordedSite,
  systemOptions,
} from "../../config/mod.ts";
import { identifyAs } from "../agent/log_text.ts";
import { enterNamespace, executeAnew } from "../agent/own_namespace.ts";
import { MissingPrivilege } from "../agent/missing_privilege.ts";
import { type Beginning, beginWith, beginWithout, kept, toCome } from "../agent/reload_file.ts";
import { Service } from "../agent/service.ts";
import { requirePrivileges } from "../agent/process.ts";
import { givenUp, shedCapabilities } from "../agent/shedding.ts";
import { reportFailure } from "../agent/take_over.ts";
import { textOf } from "../text/mod.ts";

export interface RunOptions {
  readonly name?: string;
  /** In place of `agent.instance`. */
  readonly instance?: string;
  readonly color: boolean;
  /** Take over from the agent that runs. */
  readonly takeOver: boolean;
  /** Where that one listens; absent: where the configuration says. */
  readonly control?: string;
}

/** Returns the exit code. @throws {AgentUnreachable} when there is nobody to take over from */
export async function runCommand(path: string, options: RunOptions): Promise<number> {
  const { color, takeOver, control } = options;
  const load = () => loadRecorded(path, systemOptions(options));
  const fail = async (exitCode: number, reason: string): Promise<number> => {
    if (takeOver && control !== undefined) await reportFailure(control, reason);
    return exitCode;
  };
  const loaded = load();
  for (const problem of loaded.ok ? loaded.warnings : loaded.problems) {
    console.error(formatProblem(problem, { color }));
  }
  try {
    const beginning = beginningOf(loaded, takeOver);
    if (beginning === undefined) {
      return await fail(2, problemsText(path, loaded.ok ? [] : loaded.problems));
    }
    const { agent } = beginning.kept.site;
    // Before the folders of sockets and state are made: what lacks is a privilege, not a folder.
    requirePrivileges();
    if (takeOver && control !== undefined && control !== agent.control) {
      const reason = `agent.control is "${agent.control}" now: a new process takes over ` +
        `at "${control}" only, so restart the agent`;
      console.error(`halb: ${reason}`);
      return await fail(2, reason);
    }
    const gone = takeOver ? givenUp(beginning.kept.site) : null;
    if (gone !== null) {
      console.error(`halb: ${gone}`);
      return await fail(2, gone);
    }
    identifyAs(agent.instance);
    // Before anything is opened: nothing of the process outlives it but its streams.
    const entered = agent.namespace !== undefined && enterNamespace(agent.namespace);
    if (shedCapabilities(beginning.kept.site, toCome(beginning)) || entered) executeAnew();
    return await new Service(path, load, beginning).run(takeOver);
  } catch (error) {
    if (error instanceof Error && error.name === "AgentUnreachable") throw error;
    const reason = textOf(error);
    console.error(`halb: ${reason}`);
    return await fail(error instanceof MissingPrivilege ? 4 : 1, reason);
  }
}

/** undefined: the file is invalid, and there is nothing else. Who takes over leaves it as it is. */
function beginningOf(loaded: RecordedSite, takesOver: boolean): Beginning | undefined {
  if (loaded.ok) return beginWith(kept(loaded), takesOver);
  return takesOver ? undefined : beginWithout(loaded.recording);
}

function problemsText(path: string, problems: readonly Problem[]): string {
  const texts = problems.map((problem) => formatProblem(problem, { color: false }));
  return [`"${path}" is not valid:`, ...texts].join("\n");
}
