/**
 * `[agent]` as it counts on this host: what follows from the instance, and from options.
 *
 * @module
 */

import type * as v from "valibot";
import type { AGENT_SCHEMA } from "./agent_schema.ts";
import { controlOf, protocolOf, stateDirectoryOf } from "./instances.ts";
import type { AgentConfig } from "./schema.ts";
import type { ScriptUser } from "./users.ts";

/**
 * @param options `--name` and `--instance`: they win
 * @param user what `script_user` resolves to @param written somebody has written that
 */
export function resolveAgent(
  known: v.InferOutput<typeof AGENT_SCHEMA>,
  options: { readonly name?: string; readonly instance?: string; readonly hostname: string },
  user: ScriptUser,
  written: boolean,
): AgentConfig {
  const { instance = known.instance } = options;
  return {
    ...known,
    name: options.name ?? known.name ?? options.hostname,
    ...(instance === undefined ? {} : { instance }),
    control: known.control ?? controlOf(instance),
    state_directory: known.state_directory ?? stateDirectoryOf(instance),
    protocol_number: known.protocol_number ?? protocolOf(instance),
    script_user: written ? user : { ...user, assumed: true },
  };
}
