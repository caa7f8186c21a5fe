/**
 * `halb --config site.toml`, the same as `halb run`: the agent in the foreground.
 *
 * @module
 */

import { formatProblem } from "../../config/mod.ts";
import { MissingPrivilege, Service } from "../agent/service.ts";
import { loadSiteFile } from "./load.ts";

/** Returns the exit code. */
export async function runCommand(
  path: string,
  options: { readonly name?: string; readonly color: boolean },
): Promise<number> {
  const load = () => loadSiteFile(path, options.name);
  const loaded = load();
  if (!loaded.ok) {
    for (const problem of loaded.problems) {
      console.error(formatProblem(problem, { color: options.color }));
    }
    return 2;
  }
  try {
    return await new Service(path, load, loaded).run();
  } catch (error) {
    console.error(`halb: ${error instanceof Error ? error.message : String(error)}`);
    return error instanceof MissingPrivilege ? 4 : 1;
  }
}
