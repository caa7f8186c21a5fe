/**
 * `halb --config site.toml`, the same as `halb run`: the agent in the foreground.
 *
 * @module
 */

import { formatProblem, loadSite, systemOptions } from "../../config/mod.ts";
import { MissingPrivilege, Service } from "../agent/service.ts";

/** Returns the exit code. */
export async function runCommand(
  path: string,
  options: { readonly name?: string; readonly color: boolean },
): Promise<number> {
  const { name } = options;
  const load = () => loadSite(path, systemOptions(name === undefined ? {} : { name }));
  const loaded = load();
  for (const problem of loaded.ok ? loaded.warnings : loaded.problems) {
    console.error(formatProblem(problem, { color: options.color }));
  }
  if (!loaded.ok) return 2;
  try {
    return await new Service(path, load, loaded).run();
  } catch (error) {
    console.error(`halb: ${error instanceof Error ? error.message : String(error)}`);
    return error instanceof MissingPrivilege ? 4 : 1;
  }
}
