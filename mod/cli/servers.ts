/**
 * `halb servers`: real servers beside those of the configuration, by command.
 *
 * @module
 */

import type { ListResult } from "../agent/balance_commands.ts";
import type { ListRequest } from "../control/balance_protocol.ts";
import { ask } from "../control/client.ts";
import { LONGEST_REQUEST } from "../control/protocol.ts";
import { escapeText } from "../text/mod.ts";
import { UsageError } from "./arguments.ts";
import { formatTable } from "./table.ts";

/** What it needs of the world; tests have another one. */
export interface ServersWorld {
  ask(control: string, request: ListRequest): Promise<unknown>;
  /** All of the standard input. */
  input(): Promise<string>;
}

const WORLD: ServersWorld = {
  ask,
  input: () => new Response(Deno.stdin.readable).text(),
};

/**
 * @param operands the virtual server, what to do, and the servers
 * @throws {UsageError}
 * @throws {AgentUnreachable} when nobody answers at `control`
 * @throws {Error} with the agent's words when it refuses
 */
export async function serversCommand(
  operands: readonly string[],
  control: string,
  json: boolean,
  world: ServersWorld = WORLD,
): Promise<string> {
  const request = await readRequest(operands, world);
  if (JSON.stringify(request).length > LONGEST_REQUEST) {
    throw new UsageError("that is too long for one request: give it a servers_file");
  }
  const result = await world.ask(control, request) as ListResult;
  if (json) return JSON.stringify(result, null, 2);
  const { virtual_server, servers, problem } = result;
  const rows = servers.map((one) => [one.address, String(one.weight), one.state, one.reason]);
  const table = rows.length === 0
    ? `${escapeText(virtual_server)}: no servers are listed`
    : formatTable([["LISTED SERVER", "WEIGHT", "STATE", "WHY"], ...rows]);
  return problem === null ? table : `${table}\n\n${escapeText(problem)}`;
}

async function readRequest(
  [virtual_server, action, ...words]: readonly string[],
  world: ServersWorld,
): Promise<ListRequest> {
  if (virtual_server === undefined) {
    throw new UsageError("servers needs the name of a virtual server");
  }
  const command = "servers";
  switch (action) {
    case undefined:
      return { command, virtual_server };
    case "set": {
      if (words.length > 0) throw new UsageError("set reads the list from its standard input");
      return { command, virtual_server, action, lines: (await world.input()).split("\n") };
    }
    case "add":
    case "remove": {
      const lines = serverLines(words);
      if (lines.length === 0) throw new UsageError(`${action} needs a server`);
      return { command, virtual_server, action, lines };
    }
    default:
      throw new UsageError(`servers takes add, remove or set, not "${action}"`);
  }
}

/** A word of digits alone is the weight of the server before it. */
function serverLines(words: readonly string[]): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (/^[0-9]+$/.test(word) && last !== undefined && !last.includes(" ")) {
      lines.splice(-1, 1, `${last} ${word}`);
    } else lines.push(word);
  }
  return lines;
}
